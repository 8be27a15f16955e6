"""Goals are reached, missed or not measured, and say by what."""

from __future__ import annotations

from typing import Any

import pytest

from bench.goals import MISSED, REACHED, UNKNOWN, Goal
from bench.hotpath.goals import GOALS, judge
from tests.unit.bench.hotpath_results import failed, parts

Parts = dict[str, dict[str, Any]]


def goal(parts: Parts, start: str) -> Goal:
    """The goal whose text begins so."""
    (found,) = [goal for goal in judge(parts) if goal.aim.startswith(start)]
    return found


def change(parts: Parts, part: str, peer: str, **figures: Any) -> Parts:
    """The parts with other figures of one gateway in one kind of measurement."""
    for cell in parts["peers"]["result"]["cells"]:
        if (cell["part"], cell["peer"]) == (part, peer):
            cell.update(figures)
    return parts


def test_all_are_reached_when_all_is_well() -> None:
    assert {goal.verdict for goal in judge(parts())} == {REACHED}
    assert len(judge(parts())) == len(GOALS)


def test_hits_are_judged_by_the_ratio_of_each_repetition() -> None:
    found = goal(parts(), "exact hits, 64")
    assert "3.00 (3.00..3.00) times" in found.measured
    assert "3 of 3 repetitions" in found.measured


@pytest.mark.parametrize(
    ("aim", "part", "peer", "figures"),
    [
        ("exact hits, 64", "hit", "leo", {"rps": 3000.0}),
        ("exact hits, 1 ", "hit", "leo", {"p50": 0.26}),
        ("misses, 64", "miss", "leo", {"rps": 200.0}),
        ("misses, 1 ", "pass", "leo-pass", {"p50": 4.1}),
        ("streams, 1 ", "stream", "leo-pass", {"ttft_p50": 56.0}),
        ("streams, 16", "stream", "leo-pass", {"ttft_p50": 61.0}),
    ],
)
def test_too_slow_is_missed(aim: str, part: str, peer: str, figures: dict[str, float]) -> None:
    assert goal(change(parts(), part, peer, **figures), aim).verdict == MISSED


def test_alone_we_may_be_as_slow_as_tensorzero() -> None:
    slow = change(change(parts(), "hit", "tensorzero-valkey", p50=0.4), "hit", "leo", p50=0.39)
    found = goal(slow, "exact hits, 1 ")
    assert found.verdict == REACHED
    assert "p50 0.390" in found.measured
    assert "TensorZero's 0.400" in found.measured


def test_errors_are_shown_beside_the_figure() -> None:
    assert "ERRORS" in goal(change(parts(), "miss", "leo", errors=7), "misses, 64").measured


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("upstream_calls", 2051),
        ("messages", 0),
        ("claims", 2049),
        ("ledger_misses", 2000),
        ("headers", {"miss": 49, "bypass": 1}),
        ("standstill", {"callers": 20, "answered": 1, "calls": 0, "answered afterwards": 20}),
        ("standstill", {"callers": 20, "answered": 0, "calls": 1, "answered afterwards": 20}),
        ("standstill", {"callers": 20, "answered": 0, "calls": 0, "answered afterwards": 19}),
    ],
)
def test_a_miss_that_was_not_counted_everywhere_did_not_go_through_the_queue(name: str, value: Any) -> None:
    odd = parts()
    odd["misses"]["result"][name] = value
    assert goal(odd, "all misses").verdict == MISSED


def test_one_event_too_few_is_missed() -> None:
    odd = parts()
    odd["sustained"]["result"]["events"] -= 1
    assert goal(odd, "a minute of hits").verdict == MISSED


def test_a_start_of_three_seconds_is_missed() -> None:
    odd = parts()
    odd["startup"]["result"]["starts"] = [{"seconds": 3.0}]
    assert goal(odd, "start").verdict == MISSED


def test_without_its_part_a_goal_is_not_measured() -> None:
    assert {goal.verdict for goal in judge({})} == {UNKNOWN}


def test_without_the_peers_only_their_goals_are_not_measured() -> None:
    found = judge({**parts(), "peers": failed("the peers' harness is not there", "missing")})
    assert [goal.verdict for goal in found].count(UNKNOWN) == 6
    assert all("missing" in goal.measured for goal in found if goal.verdict == UNKNOWN)


def test_a_gateway_that_did_not_answer_makes_its_goal_unknown() -> None:
    found = goal(change(parts(), "hit", "tensorzero-valkey", ok=0), "exact hits, 64")
    assert found.verdict == UNKNOWN
    assert "no figure of tensorzero-valkey" in found.measured
