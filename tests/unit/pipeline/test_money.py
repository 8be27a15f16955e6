"""Money is counted in whole pico-dollars: no sum of it is ever off by anything."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.money import PICOS_PER_DOLLAR, dollars, dollars_text, price_from_dollars

micros = st.integers(0, 10**12)  # up to a million dollars per million tokens
picos = st.integers(0, 10**15)  # up to what the ledger takes


@given(micros)
def test_a_price_of_whole_micro_dollars_is_exact_as_text(price: int) -> None:
    with localcontext() as context:
        context.prec = 50
        text = format(Decimal(price) / 1_000_000, "f")
    assert price_from_dollars(text) == price


@given(st.integers(0, 10**9))
def test_a_price_is_exact_as_a_number_too(price: int) -> None:
    assert price_from_dollars(price / 1_000_000) == price


@pytest.mark.parametrize(
    ("dollars_per_million", "price"), [("0.15", 150_000), (0.1, 100_000), (3, 3_000_000), ("1e-6", 1), (0, 0)]
)
def test_prices_as_lists_write_them(dollars_per_million: str | float, price: int) -> None:
    assert price_from_dollars(dollars_per_million) == price


@pytest.mark.parametrize("wrong", ["-0.01", "0.0000001", 0.15000001, -1, "nan", "inf", float("nan"), float("inf"), "", "free"])
def test_what_is_no_price_is_refused(wrong: str | float) -> None:
    with pytest.raises(ValueError, match="price"):
        price_from_dollars(wrong)


@given(micros, st.integers(0, 10**6), st.integers(0, 10**6))
def test_costs_of_tokens_add_up_exactly(price: int, some: int, more: int) -> None:
    assert some * price + more * price == (some + more) * price
    assert Fraction((some + more) * price, PICOS_PER_DOLLAR) == Fraction(price, 10**6) * Fraction(some + more, 10**6)


@given(picos)
def test_the_text_of_a_cost_is_the_cost(cost: int) -> None:
    text = dollars_text(cost)
    assert Decimal(text) * PICOS_PER_DOLLAR == cost
    assert "e" not in text.lower()
    assert text == "0" or not text.startswith(".")
    assert "." not in text or text[-1] not in "0."


@given(picos)
def test_the_number_of_a_cost_is_the_nearest_there_is(cost: int) -> None:
    assert dollars(cost) == float(Fraction(cost, PICOS_PER_DOLLAR))


def test_what_is_not_known_stays_unknown_and_nothing_stays_nothing() -> None:
    assert (dollars(None), dollars_text(None)) == (None, "unknown")
    assert (dollars(0), dollars_text(0)) == (0, "0")
    assert dollars_text(100 * PICOS_PER_DOLLAR) == "100"
