"""Which question is asked again: a few often, most hardly ever.

The weight of the question with rank r is r ** -s. Queries of search engines follow this law (Xie and O'Hallaron, "Locality in
Search Engine Queries and Its Implications for Caching", INFOCOM 2002), and so do requests for web pages, with s from 0.6 to 1.0
(Cunha, Bestavros and Crovella, BU-CS-95-010, 1995: 0.986; Breslau et al., "Web Caching and Zipf-like Distributions", INFOCOM
1999: "the exponent varying from trace to trace"). So s = 1.0 is the default, and an option.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

DRAWS = 64  # before the eligible ones are looked for one by one


class Popular(Generic[T]):
    """Things that are added one after the other, each with a rank from 1 to `count` that chance gives it, and drawn by it.

    Whoever is added after `count` others gets the last rank.
    """

    def __init__(self, s: float, count: int, rng: Random) -> None:
        self._s = s
        self._rng = rng
        self._last = max(1, count)
        self._ranks = list(range(1, self._last + 1))
        rng.shuffle(self._ranks)
        self._things: list[T] = []
        self._sums: list[float] = []  # of the weights so far, so a draw is a search

    def add(self, thing: T) -> None:
        rank = self._ranks.pop() if self._ranks else self._last
        self._things.append(thing)
        self._sums.append((self._sums[-1] if self._sums else 0.0) + rank**-self._s)

    def draw(self, eligible: Callable[[T], bool] = lambda thing: True) -> T | None:
        """One of those that are eligible, by their weights; None when there is none."""
        if not self._things:
            return None
        for _ in range(DRAWS):
            thing = self._things[self._place(self._rng.random() * self._sums[-1])]
            if eligible(thing):
                return thing
        return self._search(eligible)

    def _place(self, point: float) -> int:
        return min(bisect_right(self._sums, point), len(self._things) - 1)

    def _search(self, eligible: Callable[[T], bool]) -> T | None:
        weights = [after - before for before, after in pairwise([0.0, *self._sums])]
        left = [(thing, weight) for thing, weight in zip(self._things, weights, strict=True) if eligible(thing)]
        return self._rng.choices([thing for thing, _ in left], [weight for _, weight in left])[0] if left else None
