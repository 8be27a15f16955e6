"""Whether editing a prompt's prefix pays: fewer tokens against the provider's prefix cache.

Providers keep the beginning of a prompt and charge less for it when it comes again, to the byte. An edit makes a prefix that
the provider has not seen: it is paid in full once, and only then it is cheaper. So a prefix that is warm, and comes seldom
again, had better stay as it is.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pipeline.upstream.pricing import Price

Form = Literal["", "plain", "edited"]

# Where the price is not known, a cached token is taken to cost a tenth, the lowest that is usual: then a miss weighs most.
CAUTIOUS = Price(input=10, output=0, cached_input=1)


class Terms(msgspec.Struct, frozen=True):
    """When a provider caches: from `minimum` tokens on, in steps. `write_percent`: of the input price, what a token costs that
    goes into the cache. The defaults are OpenAI's (platform.openai.com/docs/guides/prompt-caching).
    """

    minimum: int = 1024
    step: int = 128
    write_percent: int = 100

    def cacheable(self, tokens: int) -> int:
        """How many of a prefix's tokens the provider can keep."""
        return 0 if tokens < self.minimum else self.minimum + (tokens - self.minimum) // self.step * self.step


OPENAI = Terms()
ANTHROPIC = Terms(step=1, write_percent=125)


class Reused(msgspec.Struct, frozen=True):
    """How a prefix comes again. `reads`: how often it is expected to, after this time; `warm`: the form in which the provider
    has it now, if any; `cached_percent`: of what could have been cached, how much the provider said was.
    """

    reads: int = 0
    warm: Form = ""
    cached_percent: int = 100


class Net(msgspec.Struct, frozen=True):
    """What an edit brings over this request and the expected reads, in pico-dollars; None where the price is not known.

    `net` is `gain` less `miss`, which is what the provider's not knowing the edited prefix costs, once.
    """

    edit: bool
    why: str
    saved_tokens: int
    gain: int | None = None
    miss: int | None = None
    net: int | None = None


def worth(
    before: int, after: int, price: Price | None, reused: Reused | None = None, terms: Terms = OPENAI, *, shared: int = 0
) -> Net:
    """Whether to send a prefix of `before` tokens in an edited form of `after` tokens.

    Both count all that comes again, not only what is edited; the first `shared` tokens of both forms are the same, so they
    stay warm. Exact: saved * (write + reads * cached) > miss, with the provider's steps and minimum.
    """
    reused = reused or Reused()
    bill = _Bill(price or CAUTIOUS, reused, terms, shared)
    miss = bill.first(after, "edited") - bill.read(after) if reused.warm == "plain" else 0
    net = bill.total(before, "plain") - bill.total(after, "edited")
    edit, why = _verdict(before, after, net, reused, terms, discounted=bill.discounted)
    if price is None:
        return Net(edit, why, before - after)
    return Net(edit, why, before - after, net + miss, miss, net)


def _verdict(before: int, after: int, net: int, reused: Reused, terms: Terms, *, discounted: bool) -> tuple[bool, str]:
    if after >= before:
        return False, "no fewer tokens"
    comes_again = bool(reused.reads or reused.warm)
    if discounted and comes_again and after < terms.minimum <= before:
        # What is under the minimum can never be cheap again, however often it comes.
        return False, "would fall under the provider's minimum"
    return (True, "pays") if net > 0 else (False, "does not make up for the miss")


class _Bill:
    """What a prefix costs, in pico-dollars."""

    def __init__(self, price: Price, reused: Reused, terms: Terms, shared: int) -> None:
        self._input = price.input
        self._cached = price.input if price.cached_input is None else price.cached_input
        self._reused = reused
        self._terms = terms
        self._shared = shared

    @property
    def discounted(self) -> bool:
        return self._cached < self._input

    def total(self, tokens: int, form: Form) -> int:
        """This time and all the reads after it."""
        return self.first(tokens, form) + self._reused.reads * self.read(tokens)

    def first(self, tokens: int, form: Form) -> int:
        """This time: what the provider has of it is read, and the rest is written as far as it can be kept."""
        warm = self._reused.warm
        hit = self._hit(tokens if warm == form else min(self._shared, tokens) if warm else 0)
        written = max(0, self._terms.cacheable(tokens) - hit)
        fresh = tokens - hit - written
        return hit * self._cached + fresh * self._input + written * self._input * self._terms.write_percent // 100

    def read(self, tokens: int) -> int:
        hit = self._hit(tokens)
        return hit * self._cached + (tokens - hit) * self._input

    def _hit(self, tokens: int) -> int:
        return self._terms.cacheable(tokens) * self._reused.cached_percent // 100
