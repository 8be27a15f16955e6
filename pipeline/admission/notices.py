"""Notices: what a write to a log tells its followers over pub/sub. `scripts/notify.lua` makes them.

    K:EPOCH                                the log has grown
    K:EPOCH \\n START \\n EVENTS             and here is by what: EVENTS stand in it from index START on

EVENTS is one MessagePack array of `events.Event`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.admission.events import Event

_decoder: msgspec.msgpack.Decoder[list[Any]] = msgspec.msgpack.Decoder(list[Event])


def parse_notice(data: bytes) -> tuple[str, str, int, list[Event] | None]:
    """Key, epoch, the index of the first new event, and the events; None when the log has to be read for them."""
    run, _, rest = data.partition(b"\n")
    key, _, epoch = run.decode().partition(":")
    start, _, packed = rest.partition(b"\n")
    if not packed:
        return key, epoch, 0, None
    return key, epoch, int(start), _decoder.decode(packed)
