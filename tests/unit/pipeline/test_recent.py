"""A number that may be a little old is measured seldom, by one thread at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.recent import Recent
from tests.support.clock import FakeClock


class Gauge:
    """Something to measure, which counts how often it was."""

    def __init__(self, reading: int = 7) -> None:
        self.reading = reading
        self.measured = 0
        self.broken: Exception | None = None

    def __call__(self) -> int:
        self.measured += 1
        if self.broken:
            raise self.broken
        return self.reading


def test_within_its_age_a_value_is_not_measured_again() -> None:
    gauge, clock = Gauge(), FakeClock()
    recent = Recent(gauge, max_age=1.0, clock=clock)
    assert [recent.value() for _ in range(5)] == [7] * 5
    gauge.reading = 8
    clock.advance(0.99)
    assert (recent.value(), gauge.measured) == (7, 1)
    clock.advance(0.01)
    assert (recent.value(), gauge.measured) == (8, 2)


def test_a_forgiven_failure_leaves_the_last_value_standing_and_is_not_repeated_at_once() -> None:
    gauge, clock = Gauge(), FakeClock()
    recent = Recent(gauge, max_age=1.0, forgive=(OSError,), clock=clock)
    assert recent.value() == 7
    gauge.broken = OSError("away")
    clock.advance(1)
    assert [recent.value() for _ in range(3)] == [7, 7, 7]
    assert gauge.measured == 2
    gauge.broken, gauge.reading = None, 9
    clock.advance(1)
    assert recent.value() == 9


def test_any_other_failure_reaches_who_asked_and_does_not_lock_the_others_out() -> None:
    gauge, clock = Gauge(), FakeClock()
    recent = Recent(gauge, forgive=(OSError,), clock=clock)
    gauge.broken = ValueError("a mistake")
    with pytest.raises(ValueError, match="a mistake"):
        recent.value()
    gauge.broken = None
    clock.advance(1)
    assert recent.value() == 7


def test_while_one_thread_measures_the_others_take_what_there_is() -> None:
    clock, measuring, may_end = FakeClock(), threading.Event(), threading.Event()
    values = iter([1, 2])

    def slow() -> int:
        value = next(values)
        if value == 2:
            measuring.set()
            assert may_end.wait(10)
        return value

    recent = Recent(slow, max_age=1.0, clock=clock)
    assert recent.value() == 1
    clock.advance(1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(recent.value)
        assert measuring.wait(10)
        assert recent.value() == 1
        may_end.set()
        assert first.result(10) == 2
    assert recent.value() == 2
