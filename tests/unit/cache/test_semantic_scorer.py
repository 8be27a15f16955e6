"""The pooled scorer: what shipped as long as there are no labels, and what the labels say when there are many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.semantic.scorer import Scorer, shipped
from pipeline.semantics.features import NAMES

COUNT = 4


def scorer(weights: list[float] | None = None, precision: float = 1.0) -> Scorer:
    return Scorer([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 0.5, 1.0], weights or [0.0] * (COUNT + 1), [precision] * (COUNT + 1))


def drawn(true: list[float], count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and labels as a logistic model with these weights gives them."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, COUNT)) * [1.0, 2.0, 0.5, 1.0] + [0.1, 0.2, 0.3, 0.4]
    return rows, (random.random(count) < scorer(true).probabilities(rows)).astype(float)


def objective(start: Scorer, rows: np.ndarray, same: np.ndarray, importance: np.ndarray, weights: np.ndarray) -> float:
    """What a fit makes as small as it can, written down once more."""
    standard = (rows - np.array(start.means)) / np.array(start.scales)
    logits = standard @ weights[:-1] + weights[-1]
    likelihood = importance * (np.logaddexp(0, logits) - same * logits)
    return float(likelihood.sum() + (np.array(start.precision) * (weights - start.weights) ** 2).sum() / 2)


def descended(start: Scorer, rows: np.ndarray, same: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """The optimum, by plain descent of each coordinate with numerical slopes."""
    weights, step = np.array(start.weights), 1.0
    best = objective(start, rows, same, importance, weights)
    while step > 1e-7:
        moved = False
        for place in range(len(weights)):
            for sign in (-1, 1):
                there = weights.copy()
                there[place] += sign * step
                if (found := objective(start, rows, same, importance, there)) < best:
                    best, weights, moved = found, there, True
        step = step if moved else step / 2
    return weights


# --- fitting ---


def test_without_labels_it_stays_what_it_was() -> None:
    start = scorer([0.5, -0.2, 0.1, 2.0, -1.0])
    assert start.fit(np.zeros((0, COUNT)), np.zeros(0), np.zeros(0)).weights == pytest.approx(start.weights)


def test_labels_without_importance_change_nothing() -> None:
    rows, same = drawn([3.0, 0, 0, 0, 0], 50)
    assert scorer([1.0, 0, 0, 0, 0]).fit(rows, same, np.zeros(50)).weights == pytest.approx([1.0, 0, 0, 0, 0])


def test_with_many_labels_it_finds_the_model_that_gave_them() -> None:
    true = [2.0, -1.0, 0.0, 0.5, -0.7]
    rows, same = drawn(true, 8000)
    found = np.array(scorer().fit(rows, same, np.ones(len(rows))).weights)
    assert found == pytest.approx(true, abs=0.15)
    assert found @ np.array(true) / np.linalg.norm(found) / np.linalg.norm(true) > 0.99


def test_a_strong_prior_gives_way_more_slowly() -> None:
    rows, same = drawn([2.0, 0, 0, 0, 0], 200)
    moved = [scorer(precision=precision).fit(rows, same, np.ones(200)).weights[0] for precision in (0.1, 10.0, 1000.0)]
    assert moved[0] > moved[1] > moved[2] > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_the_optimum(seed: int) -> None:
    random = np.random.default_rng(seed)
    start = scorer(random.normal(size=COUNT + 1).tolist(), precision=0.7)
    rows, same = drawn([1.0, -2.0, 0.5, 0.0, 0.3], 80, seed)
    importance = random.uniform(0.2, 3, len(rows))
    found = start.fit(rows, same, importance).weights
    assert found == pytest.approx(descended(start, rows, same, importance).tolist(), abs=1e-4)


@pytest.mark.parametrize("far", [3.0, 6.0, 10.0])
def test_labels_that_say_the_contrary_of_what_shipped_do_not_throw_it_off(far: float) -> None:
    """Whole steps of Newton's lead further and further away from there."""
    start = scorer([far, -far, far, far, -far], precision=1.0)
    rows, _ = drawn([0.0] * 5, 500)
    same = (start.probabilities(rows) < 0.5).astype(float)
    found = np.array(start.fit(rows, same, np.ones(500)).weights)
    assert (
        objective(start, rows, same, np.ones(500), found)
        < objective(start, rows, same, np.ones(500), np.array(start.weights)) / 5
    )
    assert np.abs(found).max() < 30


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.1, 8))
def test_a_fit_explains_the_labels_no_worse_than_before(seed: int, count: int, share: float, far: float) -> None:
    random = np.random.default_rng(seed)
    start = scorer((random.normal(size=COUNT + 1) * far).tolist())
    rows = random.normal(size=(count, COUNT)) * far
    same, importance = (random.random(count) < share).astype(float), random.uniform(0, 3, count)
    found = start.fit(rows, same, importance)
    before = objective(start, rows, same, importance, np.array(start.weights))
    assert objective(start, rows, same, importance, np.array(found.weights)) <= before + 1e-9
    assert found.means == start.means
    assert found.precision == start.precision


# --- scoring ---


@given(st.lists(st.floats(-1e6, 1e6), min_size=COUNT, max_size=COUNT))
def test_one_row_and_many_get_the_same_probability(row: list[float]) -> None:
    made = scorer([1.0, -1.0, 2.0, 0.5, 0.1])
    alone, among = made.probability(np.array(row)), made.probabilities(np.array([row, row]))
    assert 0 < alone < 1
    assert among.tolist() == [pytest.approx(alone)] * 2


def test_what_ships_fits_the_features_and_believes_in_similarity() -> None:
    made = shipped().scorer
    assert len(made.means) == len(made.scales) == len(NAMES)
    assert len(made.weights) == len(made.precision) == len(NAMES) + 1
    assert min(made.scales) > 0
    assert min(made.precision) > 0


def test_what_ships_says_from_which_score_on_how_much_was_wrong() -> None:
    levels, wrong = zip(*shipped().curve, strict=True)
    assert list(levels) == sorted(levels, reverse=True)
    assert list(wrong) == sorted(wrong)
    assert 0 < wrong[0] < wrong[-1] < 1
