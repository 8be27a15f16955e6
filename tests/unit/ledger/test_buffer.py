from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import redis

from pipeline import errors
from pipeline.ledger.events import Entry
from pipeline.ledger.stream import BufferedLedger, LedgerStream
from tests.support.ledger import request_event
from tests.support.waiting import wait_until

NEVER_S = 3600.0


class FakeStream(LedgerStream):
    """A stream without Redis that can be in trouble."""

    def __init__(self) -> None:
        self.taken: list[Entry] = []
        self.trouble: Exception | None = None

    def append_encoded(self, entries: Sequence[Entry]) -> None:
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
