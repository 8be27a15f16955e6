"""A stage that costs more than it saves is left out, comes back when that changes, and is not left out for bad luck."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.earns import ENOUGH, TRIALS, Earns, Standing

ALWAYS, NEVER = (lambda: 0.0), (lambda: 1.0)


def after(earns: Earns, requests: int, *, saved: int = 0, cost: int = 0, ms: float = 0.0, tenant: str = "t") -> Standing:
    for _ in range(requests):
        earns.add(tenant, "optimise", saved=saved, cost=cost, ms=ms)
    return earns.standing(tenant, "optimise")


def test_a_stage_that_nobody_knows_runs() -> None:
    earns = Earns(draw=NEVER)
    assert earns.runs("t", "optimise")
    assert earns.standing("t", "optimise") == Standing()


def test_one_that_costs_more_than_it_saves_is_left_out_after_enough_requests() -> None:
    earns = Earns(draw=NEVER)
    assert after(earns, ENOUGH - 1, saved=10, cost=30).on
    standing = after(earns, 1, saved=10, cost=30)
    assert not standing.on
    assert (standing.requests, standing.saved, standing.cost) == (ENOUGH, 10 * ENOUGH, 30 * ENOUGH)
    assert not earns.runs("t", "optimise")


def test_time_is_money() -> None:
    assert not after(Earns(price_of_ms=100), ENOUGH, saved=150, ms=2.0).on
    assert after(Earns(price_of_ms=100), ENOUGH, saved=250, ms=2.0).on
    assert after(Earns(price_of_ms=0), ENOUGH, saved=1, ms=1e9).on


def test_it_is_left_out_there_and_nowhere_else() -> None:
    earns = Earns(draw=NEVER)
    after(earns, ENOUGH, cost=1)
    assert earns.runs("another", "optimise")
    assert earns.runs("t", "memory")


def test_while_left_out_it_is_tried_on_a_small_share() -> None:
    earns = Earns(tried=0.1, draw=random.Random(1).random)
    after(earns, ENOUGH, cost=1)
    assert 60 < sum(earns.runs("t", "optimise") for _ in range(1000)) < 140


def test_it_comes_back_when_it_earns_again() -> None:
    earns = Earns(draw=ALWAYS)
    after(earns, ENOUGH, cost=5)
    assert not after(earns, TRIALS - 1, saved=10, cost=5).on
    assert after(earns, 1, saved=10, cost=5).on


def test_it_does_not_come_back_for_nothing() -> None:
    earns = Earns(draw=ALWAYS)
    after(earns, ENOUGH, cost=5)
    assert not after(earns, 1000, cost=5).on


def test_few_large_savings_among_many_of_nothing_are_no_reason_to_leave_it_out() -> None:
    for seed in range(20):
        drawn, earns = random.Random(seed), Earns()
        for number in range(3000):
            saved = 3_000 if number == 20 or drawn.random() < 0.01 else 0
            standing = earns.add("t", "optimise", saved=saved, cost=10, ms=0)
        assert standing.on, seed


def test_luck_alone_hardly_ever_decides() -> None:
    """A stage that breaks even is left out now and then, for the bound is looked at again and again, but seldom."""
    left_out = 0
    for seed in range(100):
        drawn, earns = random.Random(seed), Earns()
        left_out += any(not earns.add("t", "s", saved=drawn.choice((0, 200)), cost=100, ms=0).on for _ in range(2000))
    assert left_out <= 5


def test_an_old_success_does_not_carry_it_for_ever() -> None:
    earns = Earns()
    after(earns, 1000, saved=1000)
    assert not after(earns, 5000, cost=1000).on


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**15), st.floats(0, 1e6)), min_size=2, max_size=300))
@settings(deadline=None)
def test_sums_are_exact_and_the_bound_is_above_the_mean(entries: list[tuple[int, int, float]]) -> None:
    earns = Earns()
    for saved, cost, ms in entries:
        standing = earns.add("t", "s", saved=saved, cost=cost, ms=ms)
    assert standing.saved == sum(saved for saved, _, _ in entries)
    assert standing.cost == sum(cost for _, cost, _ in entries)
    assert standing.ms == pytest.approx(sum(ms for _, _, ms in entries))
    assert standing.net is None or (standing.upper is not None and standing.upper >= standing.net)


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    earns = Earns(most=2, draw=NEVER)
    for tenant in ("a", "b", "a", "c"):
        after(earns, ENOUGH, cost=1, tenant=tenant)
    assert earns.runs("b", "optimise")
    assert not earns.runs("a", "optimise")


def test_threads_lose_nothing() -> None:
    earns = Earns()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: after(earns, 500, saved=2, cost=1), range(8)))
    standing = earns.standing("t", "optimise")
    assert (standing.requests, standing.saved, standing.cost) == (4000, 8000, 4000)
