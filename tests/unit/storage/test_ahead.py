"""Errands in the background: each once at a time, in a thread that is there only for them."""

from __future__ import annotations

import logging
import threading

import pytest

from pipeline.storage.ahead import Errands
from tests.support.waiting import wait_until


def running(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_an_errand_that_waits_or_is_being_done_is_not_taken_twice() -> None:
    errands, go, done = Errands("once"), threading.Event(), []

    def first() -> None:
        assert go.wait(10)
        done.append("first")

    for _ in range(5):
        errands.run("first", first)
        errands.run("second", lambda: done.append("second"))
    go.set()
    wait_until(lambda: done == ["first", "second"])
    errands.run("first", lambda: done.append("again"))
    wait_until(lambda: done[-1] == "again")


def test_one_thread_does_all_and_goes_when_there_is_nothing_more() -> None:
    errands, seen = Errands("brief", linger=0.01), set()
    assert running("brief") == 0
    for number in range(100):
        errands.run(str(number), lambda: seen.add(threading.get_ident()))
    assert running("brief") <= 1
    wait_until(lambda: running("brief") == 0)
    assert len(seen) == 1
    errands.run("later", lambda: seen.add("later"))
    wait_until(lambda: "later" in seen)


def test_an_errand_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    errands, done = Errands("failing"), threading.Event()
    with caplog.at_level(logging.WARNING):
        errands.run("bad", lambda: 1 // 0)
        errands.run("good", done.set)
        assert done.wait(10)
    assert "ZeroDivisionError" in caplog.text
