from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import redis

from pipeline import errors
from pipeline.ledger.events import Entry, encode
from pipeline.ledger.stream import BufferedLedger, LedgerStream
from tests.support.ledger import call_event, hits_event, request_event
from tests.support.waiting import wait_until

NEVER_S = 3600.0


class FakeStream(LedgerStream):
    """A stream without Redis that can be in trouble."""

    def __init__(self) -> None:
        self.taken: list[Entry] = []
        self.trouble: Exception | None = None
        self.round_trips = 0
        self.reached = threading.Event()  # somebody is in a round trip
        self.gate = threading.Event()  # which ends when this is set
        self.gate.set()

    def append_encoded(self, entries: Sequence[Entry]) -> None:
        self.round_trips += 1
        self.reached.set()
        assert self.gate.wait(60)
        if self.trouble is not None:
            raise self.trouble
        self.taken += entries


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


def test_what_is_added_arrives_in_order(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=0.001)
    for number in range(2000):
        buffer.add(request_event(f"req_{number}"))
    wait_until(lambda: len(stream.taken) == 2000, what="all events arriving")
    buffer.close()
    assert [f'"req_{number}"'.encode() in entry["d"] for number, entry in enumerate(stream.taken)] == [True] * 2000


def test_closing_sends_what_is_waiting(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S)
    buffer.add(request_event())
    buffer.close()
    assert len(stream.taken) == 1


@pytest.mark.parametrize("trouble", [redis.ConnectionError("gone"), redis.TimeoutError("slow"), errors.Overloaded("full")])
def test_events_wait_for_the_end_of_an_outage(stream: FakeStream, trouble: Exception) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S)
    stream.trouble = trouble
    buffer.add(request_event())
    assert not buffer.flush()
    stream.trouble = None
    assert buffer.flush()
    buffer.close()
    assert (len(stream.taken), buffer.dropped) == (1, 0)


def test_a_full_buffer_drops_counts_and_says_so_once(stream: FakeStream, caplog: pytest.LogCaptureFixture) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S, max_buffer=10)
    stream.trouble = redis.ConnectionError("redis://:hunter2@host is gone")
    for number in range(25):
        buffer.add(request_event(str(number)))
        buffer.flush()
    assert (buffer.waiting, buffer.dropped) == (10, 15)
    stream.trouble = None
    buffer.close()
    assert [record.levelname for record in caplog.records if "full" in record.message] == ["ERROR"]
    assert len([record for record in caplog.records if "kept" in record.message]) == 1
    assert "hunter2" not in caplog.text


def test_an_event_that_is_no_json_is_dropped_and_the_others_go_on(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S)
    strange: Any = object()
    buffer.add(request_event("strange", model=strange))
    buffer.add(request_event("good"))
    buffer.close()
    assert (len(stream.taken), buffer.dropped) == (1, 1)


def test_many_threads_may_add_while_it_flushes(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=0.0, max_buffer=100_000)

    def add_many() -> None:
        for number in range(500):
            buffer.add(request_event(str(number)))

    threads = [threading.Thread(target=add_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    buffer.close()
    assert len(stream.taken) == 4000


# --- entries that stand for many events ---


def test_entries_arrive_with_what_else_was_added(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S)
    hits = [encode(hits_event()) for _ in range(3)]
    buffer.add(request_event())
    buffer.add_entries(hits, 6)
    buffer.add_entries([], 0)
    assert buffer.waiting == 7
    buffer.close()
    assert stream.taken == [encode(request_event()), *hits]
    assert buffer.waiting == 0


def test_a_full_buffer_counts_what_the_entries_stand_for(stream: FakeStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=NEVER_S, max_buffer=100)
    entries = [encode(hits_event()) for _ in range(2)]
    for _ in range(4):
        buffer.add_entries(entries, 60)
    assert (buffer.waiting, buffer.dropped) == (120, 120)
    assert buffer.flush()
    buffer.add_entries(entries, 60)
    buffer.close()
    assert (buffer.waiting, buffer.dropped, len(stream.taken)) == (0, 120, 6)


# --- events that somebody waits for ---


class Told:
    """What each of those who wait was told, and how many entries the stream had then."""

    def __init__(self, stream: FakeStream) -> None:
        self._stream = stream
        self.heard: list[tuple[bool, int]] = []

    def __call__(self, taken: bool) -> None:
        self.heard.append((taken, len(self._stream.taken)))


def test_a_commit_is_sent_at_once_with_all_that_wait(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    buffer.add(request_event())
    buffer.commit(call_event(), told)
    wait_until(lambda: told.heard, what="the caller being told")
    assert (told.heard, stream.round_trips) == ([(True, 2)], 1)
    buffer.close()


def test_commits_that_come_during_a_round_trip_share_the_next(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    stream.gate.clear()
    buffer.commit(call_event("first"), told)
    assert stream.reached.wait(60)
    for number in range(10):
        buffer.commit(call_event(str(number)), told)
    stream.gate.set()
    wait_until(lambda: len(told.heard) == 11, what="all callers being told")
    assert (told.heard, stream.round_trips) == ([(True, 1), *[(True, 11)] * 10], 2)
    buffer.close()


@pytest.mark.parametrize("trouble", [redis.ConnectionError("gone"), redis.TimeoutError("slow"), errors.Overloaded("full")])
def test_a_commit_that_fails_is_told_so_once_and_its_event_arrives_later(stream: FakeStream, trouble: Exception) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    stream.trouble = trouble
    buffer.commit(call_event(), told)
    wait_until(lambda: told.heard, what="the caller being told")
    assert not buffer.flush()
    assert (told.heard, buffer.waiting) == ([(False, 0)], 1)
    stream.trouble = None
    buffer.close()
    assert stream.taken == [encode(call_event())]
    assert (told.heard, buffer.dropped) == ([(False, 0)], 0)


def test_all_who_wait_hear_of_a_failure_however_many_are_before_them(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    stream.trouble = redis.ConnectionError("gone")
    for number in range(1200):
        buffer.add(request_event(str(number)))
    buffer.commit(call_event(), told)
    wait_until(lambda: told.heard, what="the caller being told")
    assert told.heard == [(False, 0)]
    stream.trouble = None
    buffer.close()
    assert len(stream.taken) == 1201


def test_a_commit_that_finds_no_room_or_is_no_json_is_told_at_once(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S, max_buffer=1), Told(stream)
    stream.trouble = redis.ConnectionError("gone")
    strange: Any = object()
    buffer.commit(call_event(model=strange), told)
    buffer.add(request_event())
    buffer.commit(call_event(), told)
    assert told.heard == [(False, 0)] * 2
    assert (buffer.waiting, buffer.dropped) == (1, 2)
    buffer.close()


def test_a_caller_that_fails_when_it_is_told_does_not_stop_the_ledger(
    stream: FakeStream, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: bool) -> None:
        raise RuntimeError("its loop is closed")

    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    buffer.commit(call_event("1"), fails)
    buffer.commit(call_event("2"), told)
    wait_until(lambda: told.heard, what="the other caller being told")
    buffer.close()
    assert len(stream.taken) == 2
    assert "its loop is closed" in caplog.text


def test_a_commit_after_the_end_is_still_sent_and_told(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream, flush_interval=NEVER_S), Told(stream)
    buffer.close()
    buffer.commit(call_event(), told)
    assert told.heard == [(True, 1)]


def test_many_threads_may_commit_and_each_is_told_once(stream: FakeStream) -> None:
    buffer, told = BufferedLedger(stream), Told(stream)

    def commit_many() -> None:
        for number in range(200):
            buffer.commit(call_event(str(number)), told)

    threads = [threading.Thread(target=commit_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: len(told.heard) == 1600, what="all callers being told")
    buffer.close()
    assert {taken for taken, _ in told.heard} == {True}
    assert len(stream.taken) == 1600
