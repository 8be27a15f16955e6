"""The alarm when answers become wrong more often: rarely for nothing, soon when it is so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.semantic.drift import SOONEST, Drift

RUNS = 200


def alarms(test: Drift, random: random.Random, share: float, count: int) -> list[int]:
    """After how many of these audits it raised an alarm."""
    return [number for number in range(1, count + 1) if test.add(random.random() < share)]


def test_a_thousand_audits_of_which_few_are_wrong_hardly_ever_raise_it() -> None:
    drawn = random.Random(1)
    false = sum(bool(alarms(Drift(), drawn, 0.02, 1000)) for _ in range(RUNS))
    assert false <= 0.05 * RUNS


def test_audits_of_which_none_is_wrong_never_do() -> None:
    assert alarms(Drift(), random.Random(1), 0.0, 5000) == []


@pytest.mark.parametrize("before", [100, 500, 2000])
def test_a_jump_is_seen_within_a_hundred_audits(before: int) -> None:
    drawn, seen = random.Random(2), 0
    for _ in range(RUNS):
        test = Drift()
        alarms(test, drawn, 0.02, before)
        seen += bool(alarms(test, drawn, 0.2, 100))
    assert seen >= 0.95 * RUNS


def test_fewer_wrong_ones_than_before_are_no_alarm() -> None:
    drawn, raised = random.Random(3), 0
    for _ in range(RUNS):
        test = Drift()
        alarms(test, drawn, 0.04, 300)
        raised += bool(alarms(test, drawn, 0.0, 300))
    assert raised == 0


@given(st.lists(st.booleans(), max_size=200))
def test_it_begins_anew_after_an_alarm_and_raises_none_too_soon(audits: list[bool]) -> None:
    test, since = Drift(), 0
    for wrong in audits:
        since += 1
        if test.add(wrong):
            assert since >= SOONEST
            assert test == Drift()
            since = 0
        assert test.count == since


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_it_can_be_kept_between_two_audits(before: list[bool], after: list[bool]) -> None:
    whole, first = Drift(), Drift()
    for wrong in before:
        first.add(wrong)
    kept = Drift(first.count, first.mean, first.sum, first.least)
    said = [whole.add(wrong) for wrong in before + after][len(before) :]
    assert [kept.add(wrong) for wrong in after] == said
    assert kept == whole
