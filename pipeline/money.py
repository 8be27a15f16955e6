"""Money as integers.

A price is an integer number of micro-dollars per million tokens. A cost is an integer number of
pico-dollars (a millionth of a micro-dollar): one token at a price of one micro-dollar per million
tokens costs exactly one pico-dollar, so `tokens * price` is exact and no sum of the ledger ever
carries a rounding error. A price that is not known is None, and so is every cost that needs it.
"""

from __future__ import annotations

from decimal import Decimal

MICROS_PER_DOLLAR = 1_000_000
PICOS_PER_DOLLAR = 1_000_000_000_000


def price_from_dollars(dollars_per_million: str | float) -> int:
    """Micro-dollars per million tokens from a price list's dollars per million tokens (0.15 -> 150000).

    Raises ValueError when it is no number, negative or finer than a micro-dollar per million tokens.
    """
    try:
        micros = Decimal(str(dollars_per_million)) * MICROS_PER_DOLLAR
        good = micros >= 0 and micros == micros.to_integral_value() and micros.is_finite()
    except ArithmeticError:
        good = False
    if not good:
        raise ValueError(
            f"a price must be a multiple of $0.000001 per million tokens and not negative, got {dollars_per_million}"
        )
    return int(micros)


def dollars(picos: int | None) -> float | None:
    """Dollars for people and JSON; None stays None."""
    return None if picos is None else picos / PICOS_PER_DOLLAR


def dollars_text(picos: int | None) -> str:
    """Dollars as exact decimal text for a header: '0.0000075', or 'unknown' when the price is not known."""
    if picos is None:
        return "unknown"
    text = format(Decimal(picos) / PICOS_PER_DOLLAR, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
