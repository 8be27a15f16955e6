from __future__ import annotations

import math

import msgspec
import pytest

from pipeline.ledger.events import Event, decode, encode
from tests.support.ledger import call_event, request_event


@pytest.mark.parametrize("event", [request_event(), call_event(), request_event(cost=None, cost_saved=None, overhead_ms=None)])
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    entry = encode(event)
    assert decode(entry["k"].decode(), entry["d"]) == event


def test_half_a_surrogate_pair_from_a_caller_does_not_lose_the_event() -> None:
    entry = encode(request_event(model="gpt-\ud83d"))
    assert decode("r", entry["d"]) == request_event(model="gpt-?")


@pytest.mark.parametrize(
    "change",
    [
        {"cost": -1},
        {"cost": 2**62},
        {"prompt_tokens": 10**12},
        {"latency_ms": math.nan},
        {"status": 1000},
        {"cache": "semantic"},
        {"id": ""},
        {"at": -1.0},
        {"model": None},
    ],
)
def test_a_figure_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    data = msgspec.json.encode({**msgspec.structs.asdict(request_event()), **change})
    with pytest.raises(ValueError):
        decode("r", data)


@pytest.mark.parametrize(("kind", "data"), [("x", b"{}"), ("", b""), ("r", b"not json"), ("c", b"[]"), ("r", b"\xff")])
def test_what_is_no_event_is_a_value_error(kind: str, data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(kind, data)
