"""Learning from labels: a scorer that fits the tenant's traffic, and the threshold that fits its budget."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from pipeline.cache.semantic.drift import Drift
from pipeline.cache.semantic.policy import Policy
from pipeline.cache.semantic.scorer import Scorer
from pipeline.cache.semantic.threshold import CONFIDENCE, ENOUGH, PRIOR, Labels, Threshold, assess, choose

WINDOW = 10_000  # lookups that are looked at
FIRST_FIT = 50  # labels before the scorer is fitted; the threshold learns from the first on
FOLDS = 4
FEWEST = 100  # lookups before a threshold is worked out
MOST_WEIGHT = 40.0  # of one label; rarer ones count as if they had been that likely
ALARMED = 0.5  # of the budget is used after an alarm, until the window has passed it


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One lookup that was made. `features` of its best candidate, None without one; `label` 1 right, 0 wrong, None unknown.

    `propensity`: the chance that there was of learning the label, where nothing was served. `trust`: how much whoever gave it
    is believed, up to 1. `volunteered`: it came unasked, and is no sample of anything.
    """

    features: np.ndarray | None
    served: bool
    label: float | None = None
    propensity: float = 1.0
    trust: float = 1.0
    volunteered: bool = False


def learn(policy: Policy, lookups: Sequence[Seen], *, fit: bool = True) -> Policy:
    """The policy after these lookups, oldest first. `fit`: the scorer too, some milliseconds for each 1,000 labels.

    `policy` is that of a tenant of which nothing is known: with one that has learned from the same lookups before, they would
    count twice.
    """
    recent = lookups[-WINDOW:]
    if len(recent) < FEWEST:
        return policy
    labelled = [seen for seen in recent if seen.label is not None and seen.features is not None]
    scorer = policy.scorer
    if fit and len(labelled) >= FIRST_FIT:
        scorer, held_out = _fitted(policy.scorer, labelled)
    else:
        held_out = scorer.probabilities(_rows(labelled)) if labelled else np.zeros(0)
    scores = np.zeros(len(recent))
    has = [index for index, seen in enumerate(recent) if seen.features is not None]
    if has:
        scores[has] = scorer.probabilities(_rows(recent))
    labels = _labels(recent, labelled, held_out)
    budget = policy.budget * (ALARMED if _alarmed(labelled) else 1.0)
    threshold = _cautious(choose(scores, labels, budget, begin=policy.threshold.value), labels, scores, policy.threshold, budget)
    threshold = msgspec.structs.replace(threshold, budget=policy.budget)
    return msgspec.structs.replace(policy, scorer=scorer, threshold=threshold)


def _cautious(found: Threshold, labels: Labels, scores: np.ndarray, least: Threshold, budget: float) -> Threshold:
    """With few labels the scorer's own opinion of itself decides, and it may be too sure: then the threshold is not below
    the cold one. Nor is it above, while there are so few that the bound would forbid to serve even if none was wrong, and
    they do not say themselves that too much is.
    """
    if found.value < least.value and found.labels >= ENOUGH:
        return found
    begun = assess(least.value, scores, labels, least.budget, CONFIDENCE, PRIOR)
    if found.value < least.value:
        return begun
    all_right = msgspec.structs.replace(labels, wrong=np.zeros(len(labels.wrong)))
    few = assess(least.value, scores, all_right, least.budget, CONFIDENCE, PRIOR).risk > budget
    return begun if few and begun.served * begun.wrong <= budget else found


def _rows(seen: Sequence[Seen]) -> np.ndarray:
    return np.array([one.features for one in seen if one.features is not None])


def _weights(recent: Sequence[Seen], labelled: Sequence[Seen]) -> np.ndarray:
    """For how many lookups each label stands. Those of hits all stand for as many: the first hits are all audited and later ones
    hardly any, and the inverse of each one's own chance would let a few late labels drown hundreds of early ones (an estimated
    propensity is the better one: Hirano, Imbens and Ridder, Econometrica 71, 2003). That the first were like the last is
    watched by the test for drift.
    """
    hits = sum(seen.served for seen in recent)
    audited = sum(seen.served and not seen.volunteered for seen in labelled)
    each = min(MOST_WEIGHT, hits / max(1, audited))

    def stands_for(seen: Seen) -> float:
        if seen.volunteered:
            return 1.0
        return each if seen.served else min(MOST_WEIGHT, 1 / seen.propensity)

    return np.array([seen.trust * stands_for(seen) for seen in labelled])


def _fitted(scorer: Scorer, labelled: Sequence[Seen]) -> tuple[Scorer, np.ndarray]:
    """A scorer of all labels, and each label's score by one that has not seen it: else it would flatter the threshold."""
    rows, same = _rows(labelled), np.array([one.label for one in labelled], np.float64)
    trust = np.array([one.trust for one in labelled])
    held_out = np.zeros(len(labelled))
    folds = np.arange(len(labelled)) % FOLDS
    for fold in range(FOLDS):
        away = folds == fold
        held_out[away] = scorer.fit(rows[~away], same[~away], trust[~away]).probabilities(rows[away])
    return scorer.fit(rows, same, trust), held_out


def _labels(recent: Sequence[Seen], labelled: Sequence[Seen], scores: np.ndarray) -> Labels:
    wrong = np.array([1.0 - float(one.label or 0.0) for one in labelled])
    return Labels(scores, wrong, _weights(recent, labelled))


def _alarmed(labelled: Sequence[Seen]) -> bool:
    """Whether the window's audited hits have become worse within it."""
    test = Drift()
    return any(test.add(not one.label) for one in labelled if one.served)
