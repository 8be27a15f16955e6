"""The threshold: whatever the labels are, what it lets through stays within the budget, with the confidence that is asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.semantic.threshold import LOWEST, NEVER, Labels, Threshold, assess, choose, cold, interval, upper_bound

NOTHING = Labels(np.zeros(0), np.zeros(0), np.zeros(0))
shares = st.floats(0, 1)
budgets = st.sampled_from([0.0001, 0.001, 0.005, 0.01, 0.05, 0.2, 0.6])


@st.composite
def traffic(draw: st.DrawFn) -> tuple[np.ndarray, Labels]:
    """Lookups, some without a candidate, and labels of some pairs with whatever weights."""
    drawn = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lookups, count = draw(st.integers(0, 300)), draw(st.integers(0, 120))
    scores = drawn.beta(draw(st.floats(0.3, 4)), draw(st.floats(0.3, 4)), lookups) * (drawn.random(lookups) < 0.8)
    labelled = drawn.random(count)
    wrong = (drawn.random(count) > labelled * draw(shares)).astype(float)
    return scores, Labels(labelled, wrong, 1 / drawn.uniform(0.02, 1, count))


# --- choosing ---


@given(traffic(), budgets)
def test_the_risk_of_what_is_chosen_is_never_over_the_budget(given_traffic: tuple[np.ndarray, Labels], budget: float) -> None:
    lookups, labels = given_traffic
    found = choose(lookups, labels, budget)
    assert found.risk <= budget
    assert found.budget == budget
    assert found.value == NEVER or LOWEST <= found.value <= 1
    again = assess(found.value, lookups, labels, budget, 0.9, 40.0)
    assert found.value == NEVER or again == found


@given(traffic(), budgets, budgets)
def test_a_larger_budget_never_serves_less(given_traffic: tuple[np.ndarray, Labels], one: float, other: float) -> None:
    lookups, labels = given_traffic
    small, large = choose(lookups, labels, min(one, other)), choose(lookups, labels, max(one, other))
    assert large.value <= small.value
    assert large.served >= small.served


@given(traffic())
def test_more_confidence_never_serves_more(given_traffic: tuple[np.ndarray, Labels]) -> None:
    lookups, labels = given_traffic
    assert choose(lookups, labels, 0.02, confidence=0.99).value >= choose(lookups, labels, 0.02, confidence=0.5).value


def test_without_lookups_or_without_a_good_one_nothing_is_served() -> None:
    for lookups in (np.zeros(0), np.zeros(50), np.full(50, LOWEST - 0.01)):
        found = choose(lookups, NOTHING, 0.5)
        assert (found.value, found.served, found.risk) == (NEVER, 0.0, 0.0)


def test_scores_that_are_certain_are_served_before_there_is_a_label() -> None:
    found = choose(np.full(1000, 0.9999), NOTHING, 0.1)
    assert (found.value, found.served, found.labels) == (pytest.approx(0.9999), 1.0, 0)


def test_labels_that_say_wrong_close_it_and_labels_that_say_right_open_it() -> None:
    lookups = np.random.default_rng(3).uniform(0.5, 1, 1000)
    scores = np.linspace(0.5, 1, 400)
    right = choose(lookups, Labels(scores, np.zeros(400), np.ones(400)), 0.02)
    unknown = choose(lookups, NOTHING, 0.02)
    wrong = choose(lookups, Labels(scores, np.ones(400), np.ones(400)), 0.02)
    assert right.value < unknown.value < wrong.value
    assert right.served > 5 * wrong.served


def test_a_label_that_was_hard_to_get_counts_for_those_that_were_not_taken() -> None:
    scores, wrong = np.full(110, 0.9), np.zeros(110)
    wrong[100:] = 1
    weights = np.where(wrong == 1, 1.0, 10.0)
    lookups = np.full(1000, 0.9)
    found = assess(0.9, lookups, Labels(scores, wrong, weights), 0.1, 0.9, prior=0.0)
    assert found.wrong == pytest.approx(10 / 1010)
    assert found.upper == pytest.approx(upper_bound(10 / 1010, 1010**2 / (100 * 100 + 10), 0.9))
    assert found.labels == 110
    assert found.served == 1.0


def test_a_cache_that_fills_is_judged_by_what_it_serves_now() -> None:
    lookups = np.r_[np.zeros(9_000), np.full(1_000, 0.9)]
    assert assess(0.9, lookups, NOTHING, 0.1, 0.9, 40.0).served == pytest.approx(0.5)
    assert assess(0.9, lookups[::-1], NOTHING, 0.1, 0.9, 40.0).served == pytest.approx(0.1)


def test_labels_below_the_threshold_say_nothing_of_what_is_above() -> None:
    lookups = np.array([0.6, 0.7, 0.8, 0.9])
    labels = Labels(np.array([0.5, 0.75]), np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    found = assess(0.7, lookups, labels, 0.1, 0.9, 40.0)
    assert (found.served, found.labels) == (0.75, 1)
    assert found.wrong == pytest.approx((40 * 0.2 + 1 * 0) / 41)


def test_risk_is_for_each_lookup_and_not_for_each_hit() -> None:
    assert Threshold(value=0.9, budget=0.1, served=0.25, upper=0.2).risk == pytest.approx(0.05)


@given(budgets)
def test_before_anything_is_known_half_of_all_lookups_could_be_served(budget: float) -> None:
    curve = [(0.99, 0.001), (0.95, 0.01), (0.9, 0.04), (0.6, 0.3)]
    found = cold(budget, curve)
    assert found.budget == budget
    assert found.value == NEVER or dict(curve)[found.value] / 2 <= budget
    assert all(wrong / 2 > budget for level, wrong in curve if level < found.value)


def test_a_curve_that_never_fits_serves_nothing_at_first() -> None:
    assert cold(0.01, [(0.99, 0.5)]).value == cold(0.01, []).value == NEVER


# --- the bound ---


@pytest.mark.parametrize("true", [0.005, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("count", [20, 100, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.99])
def test_the_true_share_is_below_the_bound_as_often_as_was_promised(true: float, count: int, confidence: float) -> None:
    seen = np.random.default_rng(7).binomial(count, true, 2000)
    bounds = {k: upper_bound(k / count, count, confidence) for k in set(seen.tolist())}
    covered = np.mean([true <= bounds[k] for k in seen.tolist()])
    assert covered >= confidence - 0.01


def binomial_upper(wrong: int, count: int, confidence: float) -> float:
    """Clopper and Pearson's: the share under which so few wrong ones have a chance of 1 - confidence."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        chance = sum(math.comb(count, k) * middle**k * (1 - middle) ** (count - k) for k in range(wrong + 1))
        low, high = (middle, high) if chance > 1 - confidence else (low, middle)
    return high


@pytest.mark.parametrize(("wrong", "count"), [(0, 10), (0, 100), (1, 50), (5, 100), (30, 60), (60, 60)])
def test_it_is_no_lower_than_the_exact_one_and_not_much_higher(wrong: int, count: int) -> None:
    exact, found = binomial_upper(wrong, count, 0.9), upper_bound(wrong / count, count, 0.9)
    assert exact - 1e-6 <= found <= exact + 1.5 / math.sqrt(count)


@given(shares, st.floats(1, 1e5), st.floats(0.5, 0.999))
def test_the_bound_is_between_what_was_seen_and_one(mean: float, count: float, confidence: float) -> None:
    found = upper_bound(mean, count, confidence)
    assert mean <= found <= 1
    assert upper_bound(mean, count * 2, confidence) <= found + 1e-9
    assert upper_bound(mean, count, confidence + (1 - confidence) / 2) >= found - 1e-9


def test_without_labels_everything_may_be_wrong() -> None:
    assert upper_bound(0.0, 0.0, 0.9) == 1.0
    assert assess(0.5, np.full(5, 0.9), NOTHING, 0.1, 0.9, prior=0.0).upper == 1.0


@given(shares, st.integers(1, 10_000))
def test_an_interval_holds_what_was_seen(mean: float, count: int) -> None:
    low, high = interval(mean, count)
    assert -1e-9 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1


# --- all of it ---


def test_with_labels_by_chance_of_audit_the_promise_is_kept() -> None:
    """Scores that lie: 0.95 where one in five is wrong. Half of the audits are of the doubtful, so they weigh less."""
    drawn, kept, runs, budget = np.random.default_rng(11), 0, 60, 0.05
    for _ in range(runs):
        lookups = drawn.choice([0.0, 0.6, 0.8, 0.95, 0.99], 1500, p=[0.3, 0.2, 0.2, 0.2, 0.1])
        truth = {0.6: 0.5, 0.8: 0.3, 0.95: 0.2, 0.99: 0.01}
        propensity = np.where(lookups < 0.9, 0.6, 0.2) * (lookups > 0)
        asked = drawn.random(len(lookups)) < propensity
        scores = lookups[asked]
        wrong = (drawn.random(len(scores)) < np.array([truth[s] for s in scores.tolist()])).astype(float)
        found = choose(lookups, Labels(scores, wrong, 1 / propensity[asked]), budget)
        served = lookups[lookups >= found.value]
        assert len(served) > 0
        kept += sum(truth[s] for s in served.tolist()) / len(lookups) <= budget
    assert kept >= 0.9 * runs
