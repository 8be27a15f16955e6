"""What taking a question apart spared: the call for the whole question, as it would have been, less what was called instead."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pipeline.admission.answer import Answer, Tokens
from pipeline.upstream.pricing import Price


class Balance(msgspec.Struct, frozen=True):
    """Tokens and pico-dollars of the direct call, estimated, and of the calls that were made; money is None when not known."""

    direct: Tokens
    direct_cost: int | None
    spent: Tokens
    spent_cost: int | None

    @property
    def saved(self) -> int | None:
        """May be less than nothing."""
        return None if self.direct_cost is None or self.spent_cost is None else self.direct_cost - self.spent_cost

    @property
    def saved_tokens(self) -> int:
        return self.direct.total - self.spent.total


def balance(prompt: int, answered: int, made: Iterable[Answer], price: Price | None) -> Balance:
    """`prompt` and `answered`: tokens of the whole prompt and of the merged answer; `made`: the answers of the calls made."""
    calls = list(made)
    told = [call.tokens for call in calls if call.tokens]
    spent = Tokens(
        sum(one.prompt for one in told),
        sum(one.completion for one in told),
        sum(one.total for one in told),
        sum(one.cached for one in told),
    )
    costs = [call.cost for call in calls]
    return Balance(
        direct=Tokens(prompt, answered, prompt + answered),
        direct_cost=prompt * price.input + answered * price.output if price else None,
        spent=spent,
        spent_cost=None if None in costs else sum(cost for cost in costs if cost is not None),
    )
