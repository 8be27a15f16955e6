from __future__ import annotations

import math

import msgspec
import pytest

from pipeline.ledger.events import MAX_HITS, MAX_TEXT, Event, HitsEvent, RequestEvent, decode, encode
from tests.support.ledger import call_event, hits_event, request_event

MEANING = {"similarity": -0.25, "score": 0.875, "threshold": 2.0, "novelty": 0.5, "entry_id": "ab" * 20}


@pytest.mark.parametrize(
    "event",
    [
        *(request_event(), call_event(), hits_event()),
        *(request_event(cost=None, cost_saved=None, overhead_ms=None), request_event(cache="semantic", **MEANING)),
    ],
)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    entry = encode(event)
    assert decode(entry["k"].decode(), entry["d"]) == event


def test_an_event_of_the_version_before_knows_nothing_of_meaning() -> None:
    before = {name: value for name, value in msgspec.structs.asdict(request_event()).items() if name not in MEANING}
    assert decode("r", msgspec.json.encode(before)) == request_event()


def test_half_a_surrogate_pair_from_a_caller_does_not_lose_the_event() -> None:
    entry = encode(request_event(model="gpt-\ud83d"))
    assert decode("r", entry["d"]) == request_event(model="gpt-?")
    hits = hits_event(model="gpt-\ud83d")
    assert decode("h", encode(hits)["d"]) == hits_event(((0, 2500), (7, 40)), hits.id[:24], model="gpt-?")


def test_texts_become_such_as_every_database_takes() -> None:
    wide = "\N{SNOWMAN}" * (MAX_TEXT + 1)
    entry = encode(request_event("a\0b", model=wide, error_code="\0" + wide))
    expected = request_event("a\ufffdb", model=wide[:-1], error_code="\ufffd" + wide[2:])
    assert decode("r", entry["d"]) == expected


def test_the_marks_of_hits_are_no_text_that_is_cut() -> None:
    hits = hits_event([(number, number) for number in range(1000)], model="m" * 1000)
    found = decode("h", encode(hits)["d"])
    assert isinstance(found, HitsEvent)
    assert (found.marks, found.first.model) == (hits.marks, "m" * MAX_TEXT)


def test_an_id_that_is_too_long_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError):
        decode("r", encode(request_event("r" * (MAX_TEXT + 1)))["d"])


MARK = bytes(8)
FIRST = "req_" + "ab" * 10 + "0" * 12


@pytest.mark.parametrize(
    ("first", "marks"),
    [
        (request_event(FIRST), b""),
        (request_event(FIRST), MARK[1:]),
        (request_event(FIRST), MARK * (MAX_HITS + 1)),
        (request_event(FIRST, cache="dedup"), MARK),
        (request_event(FIRST, cache="semantic"), MARK),
        (request_event("req_1"), MARK),
        (request_event(FIRST[:-1] + "1"), MARK),
        (request_event(FIRST.upper()), MARK),
        (request_event(FIRST + "\n"), MARK),
    ],
)
def test_hits_that_cannot_be_are_refused(first: RequestEvent, marks: bytes) -> None:
    with pytest.raises(ValueError):
        HitsEvent(first=first, marks=marks)
    with pytest.raises(ValueError):
        decode("h", msgspec.json.encode({"first": first, "marks": marks}))


def test_as_many_hits_as_allowed_are_one_event() -> None:
    hits = HitsEvent(first=request_event(FIRST), marks=MARK * MAX_HITS)
    assert decode("h", encode(hits)["d"]) == hits


@pytest.mark.parametrize(
    "change",
    [
        {"cost": -1},
        {"cost": 2**62},
        {"prompt_tokens": 10**12},
        {"latency_ms": math.nan},
        {"status": 1000},
        {"cache": "guessed"},
        {"similarity": -1.01},
        {"score": 1.01},
        {"threshold": 2.01},
        {"novelty": -0.01},
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
