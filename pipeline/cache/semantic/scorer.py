"""The pooled scorer: the probability that two prompts mean the same, learned by everybody's labels.

A logistic regression with a Gaussian prior around the coefficients that ship with the gateway. Without labels it is what
shipped; with many it is what the tenant's traffic says. Fitted by iteratively reweighted least squares (Newton's method).
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np

from pipeline.semantics.features import NAMES

ROUNDS = 40  # a handful is enough, unless the labels say the contrary of what shipped
CLOSE = 1e-6
SHORTEST = 1e-6  # of a step that is halved until it helps
FARTHEST = 30.0  # a logit beyond this is as certain as arithmetic gets


class Scorer(msgspec.Struct, frozen=True, array_like=True):
    """`weights` belong to standardised features, the last one is the constant. `precision` is that of the prior."""

    means: list[float]
    scales: list[float]
    weights: list[float]
    precision: list[float]

    def probability(self, row: np.ndarray) -> float:
        """The probability for one row of features (pipeline.semantics.features)."""
        x = (row - np.asarray(self.means)) / np.asarray(self.scales)
        return 1.0 / (1.0 + math.exp(-_bounded(float(x @ np.asarray(self.weights[:-1]) + self.weights[-1]))))

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """The same for rows [n, features]."""
        return np.asarray(_sigmoid(self._design(rows) @ np.asarray(self.weights)))

    def fit(self, rows: np.ndarray, same: np.ndarray, importance: np.ndarray) -> Scorer:
        """A scorer that has seen these labels as well. rows [n, features]; same [n] of 0 and 1; importance [n], mean about 1."""
        design, prior = self._design(rows), np.asarray(self.weights)
        precision, weights = np.diag(self.precision), prior.copy()
        for _ in range(ROUNDS):
            found = _sigmoid(design @ weights)
            gradient = design.T @ (importance * (same - found)) - precision @ (weights - prior)
            curvature = (design * (importance * np.maximum(found * (1 - found), 1e-4))[:, None]).T @ design + precision
            step = np.linalg.solve(curvature, gradient)
            # Far from the optimum a whole step of Newton's leads beyond it, and further with each round.
            now = _loss(design, same, importance, weights) + _distance(weights - prior, precision)
            while np.abs(step).max() > SHORTEST:
                then = weights + step
                if _loss(design, same, importance, then) + _distance(then - prior, precision) <= now:
                    break
                step /= 2
            weights += step
            if np.abs(step).max() < CLOSE:
                break
        return msgspec.structs.replace(self, weights=weights.tolist())

    def _design(self, rows: np.ndarray) -> np.ndarray:
        x = (rows - np.asarray(self.means)) / np.asarray(self.scales)
        return np.hstack([x, np.ones((len(x), 1))])


class Shipped(msgspec.Struct, frozen=True):
    """What comes with this version: a scorer, and of the pairs that it was fitted to (score, the share that was wrong from that
    score on), from the strictest score on (pipeline.cache.semantic.threshold.cold).
    """

    scorer: Scorer
    curve: list[tuple[float, float]]


@cache
def shipped() -> Shipped:
    """Raises ValueError when its file is not of these features."""
    found = msgspec.json.decode(files("pipeline.cache.semantic").joinpath("scorer.json").read_bytes(), type=Shipped)
    if len(found.scorer.weights) != len(NAMES) + 1:
        raise ValueError("scorer.json was fitted to other features: run python -m bench.verifier.calibrate")
    return found


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -FARTHEST, FARTHEST))))


def _loss(design: np.ndarray, same: np.ndarray, importance: np.ndarray, weights: np.ndarray) -> float:
    """How badly the labels are explained: their negative log-likelihood."""
    logits = design @ weights
    return float((importance * (np.logaddexp(0.0, logits) - same * logits)).sum())


def _distance(away: np.ndarray, precision: np.ndarray) -> float:
    """How unlikely the prior finds weights that are so far away from it."""
    return float(away @ precision @ away) / 2


def _bounded(logit: float) -> float:
    return max(-FARTHEST, min(FARTHEST, logit))
