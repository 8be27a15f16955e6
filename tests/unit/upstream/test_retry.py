from __future__ import annotations

import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UpstreamError
from pipeline.upstream.retry import RetryPolicy, is_transient, retry_after, should_retry

HIGHEST = RetryPolicy(lambda low, high: high, max_attempts=10)


def failure(**fields: object) -> UpstreamError:
    return UpstreamError("no", transient=True, **fields)  # type: ignore[arg-type]


def test_only_some_statuses_are_worth_another_try() -> None:
    assert [status for status in (400, 401, 404, 408, 409, 422, 429, 500, 503, 599) if is_transient(status)] == [
        408,
        409,
        429,
        500,
        503,
        599,
    ]


def test_the_ceiling_doubles_up_to_its_cap() -> None:
    assert [HIGHEST.pause(failure(), attempts, 1000) for attempts in range(1, 8)] == [0.25, 0.5, 1, 2, 4, 8, 8]


@given(st.integers(1, 9), st.integers())
def test_the_jitter_is_full(attempts: int, seed: int) -> None:
    pause = RetryPolicy(random.Random(seed).uniform, max_attempts=10).pause(failure(), attempts, 1000)
    assert pause is not None
    assert 0 <= pause <= min(8.0, 0.25 * 2 ** (attempts - 1))


def test_no_more_than_the_allowed_attempts() -> None:
    policy = RetryPolicy(lambda low, high: 0.0, max_attempts=2)
    assert policy.pause(failure(), 1, 10) == 0.0
    assert policy.pause(failure(), 2, 10) is None


def test_the_upstreams_wish_is_honoured_unless_there_is_no_time_for_it() -> None:
    assert HIGHEST.pause(failure(retry_after=3.0), 1, 10) == 3.0
    assert HIGHEST.pause(failure(retry_after=30.0), 1, 10) is None
    assert HIGHEST.pause(failure(), 6, 8.0) is None


def test_what_is_not_transient_or_not_to_be_retried_is_not() -> None:
    assert HIGHEST.pause(UpstreamError("bad"), 1, 10) is None
    assert HIGHEST.pause(failure(should_retry=False), 1, 10) is None
    assert HIGHEST.pause(failure(code="circuit_open"), 1, 10) is None


def test_retry_after_is_read_in_each_of_its_forms() -> None:
    now = 1_700_000_000.0
    assert retry_after({"retry-after": "1.5"}, now) == 1.5
    assert retry_after({"retry-after": "9", "retry-after-ms": "250"}, now) == 0.25
    assert retry_after({"retry-after": formatdate(now + 60, usegmt=True)}, now) == 60.0
    assert retry_after({"retry-after": formatdate(now - 60, usegmt=True)}, now) == 0.0


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "Thu, 99 Foo 2026"])
def test_a_retry_after_that_makes_no_sense_is_ignored(text: str) -> None:
    assert retry_after({"retry-after": text, "retry-after-ms": text}, 0.0) is None


def test_x_should_retry_is_read() -> None:
    assert [should_retry({"x-should-retry": v}) for v in ("true", "False", "maybe")] == [True, False, None]
    assert should_retry({}) is None
