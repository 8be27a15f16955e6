"""What repetitions come to: medians with their range, and ratios worked out repetition by repetition."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Spread(NamedTuple):
    """The median of `n` repetitions, and the lowest and highest of them."""

    median: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if self.n == 1:
            return f"{figure(self.median)} (one)"
        return f"{figure(self.median)} ({figure(self.low)}..{figure(self.high)})"


def spread(values: Iterable[float]) -> Spread | None:
    """None when there is nothing to speak of."""
    found = list(values)
    return Spread(statistics.median(found), min(found), max(found), len(found)) if found else None


def ratios(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Ours over theirs of each repetition that has both: what disturbed the machine then disturbed both."""
    return [ours[rep] / theirs[rep] for rep in sorted(ours) if theirs.get(rep)]


def differences(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Ours minus theirs of each repetition that has both."""
    return [ours[rep] - theirs[rep] for rep in sorted(ours) if rep in theirs]


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` (0 to 1) of all values lie below; 0 without any, as the load generator has it."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))] if found else 0.0


def figure(value: float) -> str:
    """Three significant digits or so, which is more than most measurements here hold."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"
