"""How many answers one key may put into one corner."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.cache.semantic.quota import MOST, NEAR, PERIOD_S, REMEMBERED, Quota
from tests.support.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def quota(clock: FakeClock) -> Quota:
    return Quota(clock=clock)


def at(cosine: float) -> np.ndarray:
    """A unit vector at this cosine to `at(1.0)`."""
    vector = np.zeros(16, np.float32)
    vector[:2] = cosine, np.sqrt(1 - cosine**2)
    return vector


def fill(quota: Quota, author: str = "mallory", cosine: float = 1.0) -> list[bool]:
    return [quota.take(author, at(cosine)) for _ in range(MOST)]


def test_one_key_may_fill_a_corner_so_far_and_no_further(quota: Quota) -> None:
    assert all(fill(quota))
    assert not quota.take("mallory", at(1.0))
    assert not quota.take("mallory", at(NEAR + 0.01))
    assert quota.take("mallory", at(NEAR - 0.01))


def test_another_key_is_not_kept_out(quota: Quota) -> None:
    fill(quota)
    assert all(fill(quota, "alice"))


def test_what_was_refused_does_not_count(quota: Quota, clock: FakeClock) -> None:
    fill(quota)
    clock.advance(PERIOD_S / 2)
    for _ in range(MOST):
        assert not quota.take("mallory", at(1.0))
    clock.advance(PERIOD_S / 2)
    assert all(fill(quota))


def test_after_an_hour_there_is_room_again(quota: Quota, clock: FakeClock) -> None:
    fill(quota)
    clock.advance(PERIOD_S - 1)
    assert not quota.take("mallory", at(1.0))
    clock.advance(1)
    assert quota.take("mallory", at(1.0))


def test_it_remembers_the_last_ones_only(quota: Quota) -> None:
    fill(quota)
    for number in range(REMEMBERED - 1):
        assert quota.take(number, at(-1.0))
    assert quota.take("mallory", at(1.0))
    assert fill(quota)[-2:] == [True, False]  # with the one just before, and the last of those at the beginning
