"""Which states of a stored answer lead to which: the whole table."""

from __future__ import annotations

import itertools

import pytest

from pipeline.cache.semantic.states import PRIVATE, PROBATION, REVOKED, SHARED, STATES, check

ALLOWED = [(PRIVATE, REVOKED), (PROBATION, SHARED), (SHARED, PROBATION), (PROBATION, REVOKED), (SHARED, REVOKED)]


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_what_may_happen_to_an_entry(before: str, after: str) -> None:
    check(before, after)


@pytest.mark.parametrize(("before", "after"), sorted(set(itertools.product(STATES, repeat=2)) - set(ALLOWED)))
def test_nothing_else_may(before: str, after: str) -> None:
    with pytest.raises(ValueError, match=f"{before} cannot become {after}"):
        check(before, after)


def test_what_is_no_state_is_no_way_out() -> None:
    with pytest.raises(ValueError, match="cannot become"):
        check("unknown", SHARED)
