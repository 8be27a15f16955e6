from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ids import hit_batch_id, hit_id, request_id
from pipeline.ledger.events import MAX_HITS, Entry, HitsEvent, RequestEvent, decode
from pipeline.ledger.hits import HitBook, expand, nth, place_of
from tests.support.clock import FakeClock
from tests.support.ledger import AT, hits_event, request_event


def hits_of(entries: list[Entry]) -> list[HitsEvent]:
    found = [decode(entry["k"].decode(), entry["d"]) for entry in entries]
    assert all(isinstance(event, HitsEvent) for event in found)
    return found  # type: ignore[return-value]


def requests_of(entries: list[Entry]) -> list[RequestEvent]:
    return [request for event in hits_of(entries) for request in expand(event)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(clock: FakeClock) -> HitBook:
    return HitBook(now=lambda: AT + clock() - 1000.0, clock=clock)


def test_the_id_of_a_hit_looks_like_that_of_any_request() -> None:
    pattern = re.compile("req_[0-9a-f]{32}")
    assert pattern.fullmatch(request_id())
    assert pattern.fullmatch(hit_id(hit_batch_id(), 65_535))


def test_each_hit_has_its_own_id_time_and_latency(book: HitBook, clock: FakeClock) -> None:
    template = request_event("of no hit", at=1.0, latency_ms=9.0, overhead_ms=9.0)
    clock.advance(2.0)
    batch = book.open(template)
    clock.advance(1.0)
    assert batch.add(1500) == 0
    clock.advance(0.03125)
    assert batch.add(40) == 1
    expected = [(AT + 3, 1.5, 0), (AT + 3.031, 0.04, 1)]
    assert requests_of(book.flush()) == [
        msgspec.structs.replace(template, id=f"{batch.prefix.decode()}{n:012x}", at=at, latency_ms=ms, overhead_ms=ms)
        for at, ms, n in expected
    ]


@given(hits=st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.1), st.integers(0, 10**7)), max_size=50))
def test_every_hit_is_flushed_once_wherever_it_was_written(hits: list[tuple[int, float, int]]) -> None:
    clock = FakeClock()
    book = HitBook(now=lambda: AT, clock=clock)
    open_batches: dict[int, Any] = {}
    told, entries = [], []
    for answer, pause, latency in hits:
        clock.advance(pause)
        batch = open_batches.get(answer)
        if batch is None or not batch.open:
            batch = open_batches[answer] = book.open(request_event(model=str(answer)))
        told.append((hit_id(batch.id, batch.add(latency)), str(answer), latency / 1000))
        if pause > 0.08:
            assert book.waiting == len(told) - len(requests_of(entries))
            entries += book.flush()
            assert book.waiting == 0
    entries += book.flush()
    found = [(request.id, request.model, request.latency_ms) for request in requests_of(entries)]
    assert sorted(found) == sorted(told)
    assert len({request_id for request_id, _, _ in told}) == len(told)


def test_a_flushed_batch_takes_no_hit_and_one_without_hits_is_no_event(book: HitBook) -> None:
    batch, empty = book.open(request_event()), book.open(request_event())
    batch.add(1)
    assert (batch.open, book.waiting) == (True, 1)
    assert len(book.flush()) == 1
    assert (batch.open, empty.open, book.waiting) == (False, False, 0)
    for closed in (batch, empty):
        with pytest.raises(ValueError, match="not open"):
            closed.add(1)
    assert book.flush() == []


def test_a_full_batch_is_closed_and_keeps_its_hits(book: HitBook) -> None:
    batch = book.open(request_event())
    taken = 0
    while batch.open:
        taken = batch.add(0) + 1
    assert (taken, batch.hits, book.waiting) == (MAX_HITS, MAX_HITS, MAX_HITS)
    with pytest.raises(ValueError, match="not open"):
        batch.add(0)
    assert [event.hits for event in hits_of(book.flush())] == [MAX_HITS]


def test_a_latency_beyond_an_hour_is_as_much_as_fits(book: HitBook) -> None:
    book.open(request_event()).add(2**40)
    assert [request.latency_ms for request in requests_of(book.flush())] == [(2**32 - 1) / 1000]


def test_a_clock_of_the_system_that_goes_back_does_no_harm(clock: FakeClock) -> None:
    system = FakeClock(AT)
    book = HitBook(now=system, clock=clock)
    batch = book.open(request_event())
    batch.add(1)
    system.advance(-3600)
    clock.advance(0.03125)
    batch.add(1)
    assert [request.at for request in requests_of(book.flush())] == [AT, AT + 0.031]


def test_what_cannot_be_written_is_left_out_and_the_others_go_on(book: HitBook, caplog: pytest.LogCaptureFixture) -> None:
    strange: Any = object()
    for event in (request_event(model=strange), request_event(cache="miss"), request_event(model="good")):
        book.open(event).add(1)
    assert [event.first.model for event in hits_of(book.flush())] == ["good"]
    assert caplog.text.count("1 hits cannot be written") == 2


@given(marks=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=20))
def test_a_hit_is_found_by_its_number(marks: list[tuple[int, int]]) -> None:
    event = hits_event(marks)
    each = list(expand(event))
    assert [(request.at, request.latency_ms) for request in each] == [(AT + ms / 1000, us / 1000) for ms, us in marks]
    assert [nth(event, number) for number in range(-1, len(marks) + 1)] == [None, *each, None]
    assert [place_of(request.id) for request in each] == [(event.id, number) for number in range(len(marks))]


@pytest.mark.parametrize(
    "other", ["", "req_1", "req_" + "AB" * 16, "req_" + "ab" * 16 + "\n", "req_" + "ab" * 10 + "-00000000001"]
)
def test_no_other_id_is_that_of_a_hit(other: str) -> None:
    assert place_of(other) is None
