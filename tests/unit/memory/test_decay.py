"""How notes fade, and what use does to them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.decay import DAY, HOUR, LEAST_WORTH, expiry, is_over, retention, score, strengthened
from pipeline.memory.items import Kind
from tests.unit.memory.support import NOW, items, kinds, note, seconds


@given(items, seconds, seconds)
def test_retention_never_grows_by_waiting(item, one, other) -> None:
    sooner, later = sorted((one, other))
    assert 0.0 <= retention(item, item.last + later) <= retention(item, item.last + sooner) <= 1.0


@given(items, seconds, seconds)
def test_what_is_over_stays_over(item, one, other) -> None:
    sooner, later = sorted((one, other))
    assert is_over(item, item.last + later) or not is_over(item, item.last + sooner)


@given(items, seconds, seconds)
def test_a_note_that_was_used_is_remembered_better(item, until_use, after) -> None:
    used = strengthened(item, item.last + until_use)
    assert used.strength >= item.strength
    assert retention(used, item.last + until_use) == 1.0
    assert retention(used, item.last + until_use + after) >= retention(item, item.last + until_use + after)


@given(kinds, seconds, seconds)
def test_a_use_strengthens_more_the_nearer_a_note_was_to_being_forgotten(kind, one, other) -> None:
    item = note(kind=kind)
    sooner, later = sorted((one, other))
    assert strengthened(item, NOW + later).strength >= strengthened(item, NOW + sooner).strength


def test_a_use_right_after_another_changes_nothing() -> None:
    item = note()
    assert strengthened(item, NOW) == item


@pytest.mark.parametrize(
    ("kind", "constant"),
    [(Kind.EPHEMERAL, HOUR), (Kind.TASK, DAY), (Kind.FACT, 30 * DAY), (Kind.PREFERENCE, 180 * DAY)],
)
def test_each_kind_has_its_time(kind: Kind, constant: float) -> None:
    assert retention(note(kind=kind), NOW + constant) == pytest.approx(math.exp(-1))
    assert retention(note(kind=kind, strength=2.0), NOW + constant) == pytest.approx(math.exp(-0.5))


def test_a_clock_that_goes_back_does_no_harm() -> None:
    item = note()
    assert retention(item, NOW - 5) == 1.0
    assert strengthened(item, NOW - 5).last == NOW


def test_a_note_is_dropped_when_it_has_faded_or_its_time_has_come() -> None:
    item = note(kind=Kind.TASK, importance=0.5)
    faded = NOW + DAY * math.log(0.5 / LEAST_WORTH)
    assert not is_over(item, faded - 1)
    assert is_over(item, faded + 1)
    assert is_over(note(kind=Kind.PREFERENCE, strength=50.0), expiry(Kind.PREFERENCE, NOW))


@given(items, seconds, st.floats(-1.0, 1.0))
def test_a_score_is_between_0_and_1(item, elapsed, relevance) -> None:
    assert 0.0 <= score(item, item.last + elapsed, relevance) <= 1.0


def test_the_score_has_the_weights_of_the_design() -> None:
    assert score(note(importance=0.5), NOW, 1.0) == pytest.approx(0.4 + 0.3 + 0.15)
