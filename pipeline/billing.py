"""Bills: the ledger's events of calls that were answered, on their way to Redis in front of the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.ledger.events import CallEvent, encode
from pipeline.ledger.stream import LedgerStream


class Bill:
    """One call's event, which rides with the end of its run (see `runs.Rider`). `record` sends it by itself.

    Raises ValueError, TypeError or OverflowError for an event that cannot be written as JSON.
    """

    def __init__(self, event: CallEvent, stream: LedgerStream, record: Callable[[CallEvent], None]) -> None:
        self._event = event
        self._entry = encode(event)
        self._stream = stream
        self._record = record

    def board(self, pipe: Any) -> None:
        self._stream.append_to(pipe, self._entry)

    def hear(self, reply: object) -> None:
        if reply != 1:  # an error, or the backlog was full
            self.go()

    def go(self) -> None:
        self._record(self._event)
