"""What repetitions come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hotpath.stats import differences, figure, percentile, ratios, spread

VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=9)


def test_a_spread_is_the_median_and_the_range() -> None:
    found = spread([3.0, 1.0, 2.0])
    assert found == (2.0, 1.0, 3.0, 3)
    assert str(found) == "2.00 (1.00..3.00)"


def test_one_value_says_that_it_is_one() -> None:
    assert str(spread([0.1234])) == "0.123 (one)"


def test_nothing_has_no_spread() -> None:
    assert spread([]) is None


@given(VALUES)
def test_the_median_lies_in_the_range(values: list[float]) -> None:
    found = spread(values)
    assert found is not None
    assert found.low <= found.median <= found.high
    assert found.n == len(values)


def test_ratios_are_those_of_each_repetition() -> None:
    """A machine that was half as fast in one repetition changes no ratio, while medians over medians would."""
    assert ratios({0: 200.0, 1: 100.0}, {0: 100.0, 1: 50.0}) == [2.0, 2.0]


def test_a_repetition_that_one_side_lacks_is_left_out() -> None:
    assert ratios({0: 1.0, 1: 2.0}, {1: 4.0, 2: 5.0}) == [0.5]
    assert ratios({0: 1.0}, {0: 0.0}) == []
    assert differences({0: 1.0, 1: 2.0}, {1: 4.0, 2: 5.0}) == [-2.0]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 3), (0.99, 4), (1.0, 4)])
def test_percentiles(share: float, expected: float) -> None:
    assert percentile([4, 2, 1, 3], share) == expected
    assert percentile([], share) == 0


@pytest.mark.parametrize(
    ("value", "text"), [(12_345.6, "12,346"), (99.44, "99.4"), (1.234, "1.23"), (0.0214, "0.021"), (-150, "-150")]
)
def test_figures_have_as_many_digits_as_they_hold(value: float, text: str) -> None:
    assert figure(value) == text
