from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from pipeline.errors import Cancelled, DeadlineExceeded, UpstreamError
from pipeline.upstream.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, Breakers


def fail(breaker: Breaker, error: BaseException | None = None) -> None:
    failure = error or UpstreamError("down", transient=True)
    with suppress(type(failure)), breaker.guard():
        raise failure


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def opened(reset_s: float) -> Breaker:
    breaker = Breaker("u", failures=2, reset_s=reset_s)
    fail(breaker)
    fail(breaker)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_says_when_to_come_back() -> None:
    breaker = opened(3600)
    assert breaker.state == OPEN
    with pytest.raises(UpstreamError) as caught:
        succeed(breaker)
    error = caught.value
    assert (error.http_status, error.code, error.transient) == (503, "circuit_open", True)
    assert error.retry_after is not None
    assert 3500 < error.retry_after <= 3600


def test_the_failure_that_opens_it_is_raised_as_it_was() -> None:
    breaker = Breaker("u", failures=1, reset_s=3600)
    failure = UpstreamError("down", transient=True)
    with pytest.raises(UpstreamError) as caught, breaker.guard():
        raise failure
    assert caught.value is failure
    assert breaker.state == OPEN


def test_a_success_starts_the_count_anew() -> None:
    breaker = Breaker("u", failures=2, reset_s=3600)
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    assert breaker.state == CLOSED


@pytest.mark.parametrize(
    "error",
    [
        UpstreamError("bad", status=400),
        UpstreamError("slow down", status=429, transient=True),
        Cancelled("gone"),
        DeadlineExceeded("late"),
    ],
)
def test_what_is_not_the_upstreams_fault_does_not_open_it(error: Exception) -> None:
    breaker = Breaker("u", failures=1, reset_s=3600)
    fail(breaker, error)
    assert breaker.state == CLOSED


def test_a_cancelled_call_neither_counts_nor_starts_the_count_anew() -> None:
    breaker = Breaker("u", failures=2, reset_s=3600)
    fail(breaker)
    fail(breaker, Cancelled("gone"))
    fail(breaker)
    assert breaker.state == OPEN


def test_a_trial_that_succeeds_closes_it_and_one_that_fails_opens_it_again() -> None:
    breaker = opened(0.0)
    assert breaker.state == HALF_OPEN
    succeed(breaker)
    assert breaker.state == CLOSED
    breaker = opened(0.0)
    fail(breaker)
    fail(breaker)
    assert breaker.state == HALF_OPEN


def test_only_one_trial_at_a_time_is_let_through() -> None:
    breaker = opened(0.0)
    with breaker.guard(), pytest.raises(UpstreamError, match="not asked"):
        succeed(breaker)
    succeed(breaker)


def test_a_cancelled_trial_leaves_room_for_the_next() -> None:
    breaker = opened(0.0)
    fail(breaker, Cancelled("gone"))
    assert breaker.state == HALF_OPEN
    succeed(breaker)
    assert breaker.state == CLOSED


def test_the_news_of_a_call_that_began_before_it_opened_changes_nothing() -> None:
    breaker = Breaker("u", failures=1, reset_s=3600)
    with breaker.guard():
        fail(breaker)
    assert breaker.state == OPEN


def test_calls_run_at_the_same_time() -> None:
    breaker = Breaker("u", failures=1, reset_s=3600)
    # All must be inside at once to pass the barrier: a lock around the call would break it.
    barrier = threading.Barrier(8, timeout=30)
    passed: list[int] = []

    def call() -> None:
        with breaker.guard():
            barrier.wait()
        passed.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 8


def test_each_upstream_has_its_own_and_all_are_listed() -> None:
    breakers = Breakers(failures=1, reset_s=3600)
    fail(breakers.of("b"))
    succeed(breakers.of("a"))
    assert breakers.of("a") is breakers.of("a")
    assert breakers.states() == {"a": CLOSED, "b": OPEN}
