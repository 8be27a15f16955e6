"""Novelty: how unusual a question is among the last ones, as a number that means the same on any traffic."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.semantics.novelty import ENOUGH, NEAREST, Novelty


def filled(cosines: list[float], window: int = 5000) -> Novelty:
    made = Novelty(window)
    for cosine in cosines:
        made.of([cosine])
    return made


def test_it_says_nothing_before_it_has_seen_enough() -> None:
    made = Novelty()
    assert [made.of([0.5]) for _ in range(ENOUGH)] == [None] * ENOUGH
    assert made.of([0.5]) is not None


@pytest.mark.parametrize("shape", [(1.0, 1.0), (0.5, 4.0), (8.0, 2.0)])
def test_on_traffic_like_that_before_it_is_uniform(shape: tuple[float, float]) -> None:
    drawn, made = random.Random(1), Novelty(500)
    found = [made.of([drawn.betavariate(*shape) for _ in range(8)]) for _ in range(6000)]
    known = sorted(value for value in found if value is not None)
    assert len(known) == 6000 - ENOUGH
    distance = max(abs(value - (place + 0.5) / len(known)) for place, value in enumerate(known))
    assert distance < 0.025
    assert sum(value > 0.95 for value in known) / len(known) == pytest.approx(0.05, abs=0.01)


def test_what_is_further_away_than_everything_is_as_novel_as_can_be() -> None:
    made = filled([0.5 + number / 1000 for number in range(99)])
    assert made.of([-0.5]) == pytest.approx(0.99)
    assert made.of([0.99]) == pytest.approx(0.0, abs=0.011)


def test_a_question_with_nothing_near_is_far_from_everything() -> None:
    assert filled([0.5] * 100).of([]) == pytest.approx(1 - 1 / 101)


def test_only_the_nearest_count() -> None:
    made, other = filled([0.5] * 60), filled([0.5] * 60)
    assert made.of([0.9] * NEAREST + [0.0] * 50) == other.of([0.0, 0.1, *[0.9] * NEAREST])


def test_the_window_slides() -> None:
    made = filled([0.9] * 100, window=100)
    assert made.of([0.1]) == pytest.approx(1 - 1 / 101)
    for _ in range(99):
        made.of([0.1])
    # What was near once is unknown now: all of the window is far.
    assert made.of([0.1]) == pytest.approx(0.0)
    assert made.of([0.9]) == pytest.approx(0.0)
    assert made.of([0.0]) == pytest.approx(1 - 1 / 101)


@given(st.lists(st.lists(st.floats(-1, 1), max_size=8), max_size=200), st.integers(ENOUGH, 80))
def test_it_is_a_rank_among_the_last_ones(questions: list[list[float]], window: int) -> None:
    made = Novelty(window)
    distances: list[float] = []
    for cosines in questions:
        nearest = sorted(cosines, reverse=True)[:NEAREST]
        distance = sum(1 - cosine for cosine in nearest) / len(nearest) if nearest else 1.0
        last = distances[-window:]
        expected = 1 - (1 + sum(other >= distance for other in last)) / (len(last) + 1) if len(last) >= ENOUGH else None
        found = made.of(cosines)
        assert found == expected
        assert found is None or 0 <= found < 1
        distances.append(distance)
