"""The threshold: the lowest score from which on answers may be served without more wrong ones than the budget allows.

Conformal risk control (Angelopoulos et al., arXiv 2208.02814) with a loss of 1 for each lookup that was served a wrong
answer. What is served is only labelled when it happens to be audited, so labels are weighted by the inverse of the
probability with which they were taken (Horvitz and Thompson 1952). Instead of the mean risk an upper confidence bound has
to fit into the budget: the Kullback-Leibler form of Chernoff's bound (Langford, JMLR 6, 2005, section 3).

Before there are labels, the scorer's own probabilities stand in for them, as if they came from `PRIOR` audits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

PRIOR = 40.0  # audits that the scorer's own opinion counts for
LOWEST = 0.5  # whatever the labels say, what is more likely wrong than right is not served
NEVER = 2.0  # a threshold that no score reaches
CONFIDENCE = 0.9
LAST = 500  # lookups that show what is served now
SERVED = 0.5  # of all lookups: more than that is hardly ever served
ENOUGH = 100  # labels of what is served, before a threshold may be lower than the cold one


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """`value`: serve from this score on. Shares are of all lookups, but `wrong` and `upper`, which are of what is served."""

    value: float
    budget: float
    served: float = 0.0
    wrong: float = 0.0
    upper: float = 0.0
    labels: int = 0  # at or above the threshold

    @property
    def risk(self) -> float:
        """The upper bound of wrong answers for each lookup."""
        return self.served * self.upper


class Labels(msgspec.Struct, frozen=True):
    """What is known of pairs that were judged: their score, whether they were wrong, and 1 over the chance of being asked."""

    scores: np.ndarray
    wrong: np.ndarray
    weights: np.ndarray


def cold(budget: float, curve: Sequence[tuple[float, float]]) -> Threshold:
    """Before anything is known of the traffic: as if `SERVED` of all lookups were served, and were as hard as the pairs of
    `curve`, by which a scorer ships: (score, the share that was wrong from that score on), from the strictest on.
    """
    value = NEVER
    for level, wrong in curve:
        if wrong * SERVED > budget:
            break
        value = level
    return Threshold(value=max(LOWEST, value), budget=budget)


def choose(
    lookups: np.ndarray,
    labels: Labels,
    budget: float,
    confidence: float = CONFIDENCE,
    prior: float = PRIOR,
    begin: float = NEVER,
) -> Threshold:
    """The threshold for a budget of wrong answers for each lookup. `lookups`: the best score of each recent one, 0 when it
    had no candidate that passed the guards.

    Levels are tried one by one, and the first that does not fit ends it, which is what makes trying many of them honest
    (fixed-sequence testing: Angelopoulos et al., "Learn then Test", arXiv 2110.01052). It goes down from `begin`; if that does
    not fit itself, or nothing reaches it, from the strictest one, where hardly a label may stand above a level.
    """
    levels = np.unique(np.quantile(lookups[lookups >= LOWEST], np.linspace(0, 1, 101))) if (lookups >= LOWEST).any() else ()
    best = assess(begin, lookups, labels, budget, confidence, prior)
    if not best.served or best.risk > budget:
        begin, best = NEVER, Threshold(value=NEVER, budget=budget)
    for level in sorted((level for level in levels if level < begin), reverse=True):
        found = assess(float(level), lookups, labels, budget, confidence, prior)
        if found.risk > budget:
            break  # lower ones would serve more wrong answers still
        best = found
    return best


def assess(level: float, lookups: np.ndarray, labels: Labels, budget: float, confidence: float, prior: float) -> Threshold:
    """What serving from `level` on would mean."""
    above = lookups[lookups >= level]
    expected = float(np.mean(1 - above)) if len(above) else 0.0
    judged = labels.scores >= level
    weights = labels.weights[judged]
    total = float(weights.sum())
    count = total * total / float((weights * weights).sum()) if total else 0.0  # Kish's effective sample size
    measured = float((weights * labels.wrong[judged]).sum()) / total if total else 0.0
    wrong = (prior * expected + count * measured) / (prior + count) if prior + count else 1.0
    return Threshold(
        value=level,
        budget=budget,
        served=_served(lookups >= level),
        wrong=wrong,
        upper=upper_bound(wrong, prior + count, confidence),
        labels=int(judged.sum()),
    )


def _served(above: np.ndarray) -> float:
    """The share of lookups that are served: of all, or of the last ones where that is more, for a cache that fills serves
    ever more.
    """
    last = above[-max(LAST, len(above) // 5) :]
    return max(float(above.mean()), float(last.mean())) if len(above) else 0.0


def upper_bound(mean: float, count: float, confidence: float) -> float:
    """The largest true share that would still show `mean` of `count` or less with probability 1 - `confidence`."""
    if count <= 0:
        return 1.0
    budget = math.log(1 / (1 - confidence)) / count
    low, high = mean, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _divergence(mean, middle) <= budget else (low, middle)
    return high


def interval(mean: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Between what values the true share lies, with this confidence, by the same bound on either side."""
    each = 1 - (1 - confidence) / 2
    return 1 - upper_bound(1 - mean, count, each), upper_bound(mean, count, each)


def _divergence(one: float, other: float) -> float:
    """Kullback and Leibler's, of two coins."""
    other = min(max(other, 1e-12), 1 - 1e-12)
    first = one * math.log(one / other) if one > 0 else 0.0
    return first + ((1 - one) * math.log((1 - one) / (1 - other)) if one < 1 else 0.0)
