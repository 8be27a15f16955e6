"""What a call cost, in exact integers."""

from __future__ import annotations

import msgspec

from pipeline.upstream.types import Usage


class Price(msgspec.Struct, frozen=True):
    """Micro-dollars per million tokens. Without a cached price, cached prompt tokens cost what others cost."""

    input: int
    output: int
    cached_input: int | None = None


def cost_of(usage: Usage | None, price: Price | None) -> int | None:
    """Pico-dollars, exactly; None when the usage or the price is not known (never 0 for 'unknown')."""
    if usage is None or price is None:
        return None
    # An upstream that reports more cached than prompt tokens must not be paid a negative amount.
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_price = price.input if price.cached_input is None else price.cached_input
    return (usage.prompt_tokens - cached) * price.input + cached * cached_price + usage.completion_tokens * price.output
