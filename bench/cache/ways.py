"""The ways to decide by meaning: a fixed cosine, the same behind the guards, a scored pair, and all of it with learning."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any

import msgspec
import numpy as np

from bench.cache.near import Near
from bench.cache.streams import Stream
from pipeline.cache.guards.reading import read
from pipeline.cache.guards.rules import veto
from pipeline.cache.semantic.judge import UNSURE
from pipeline.cache.semantic.learn import Seen, learn
from pipeline.cache.semantic.match import Candidate, Matcher
from pipeline.cache.semantic.policy import Policy, first

AUDITED = 0.05  # of what is served by meaning is answered afresh as well, once there are labels enough
JUDGE_ERRS, JUDGE_TRUST = 0.05, 0.9
ERRS_AGAIN = 0.5  # a judge who was wrong and is asked again in another way: one mind, so it is wrong again half of the time
FIRST_LEARNING, GROWTH, FEWEST_NEW = 100, 1.1, 200  # lookups, before and between learning

_read = lru_cache(maxsize=100_000)(read)


def cold(budget: float) -> Policy:
    """The policy of a tenant of which nothing is known."""
    return first("bench", budget)


class Exact:
    """Nothing is found by meaning."""

    careful = True

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        return None

    def about(self) -> dict[str, Any]:
        return {}


class Fixed:
    """The nearest one, from a cosine on."""

    careful = False

    def __init__(self, near: Near, level: float, *, careful: bool = False) -> None:
        self._near = near
        self._level = level
        self.careful = careful

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        places, cosines = self._near.of(place, stored, 1)
        return places[0] if places and cosines[0] >= self._level else None

    def about(self) -> dict[str, Any]:
        return {}


class Guarded:
    """The nearest one that passes the guards, from a cosine on."""

    careful = True

    def __init__(self, stream: Stream, near: Near, level: float) -> None:
        self._texts = stream.texts
        self._near = near
        self._level = level

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        mine = _read(self._texts[place])
        for other, cosine in zip(*self._near.of(place, stored), strict=True):
            if cosine < self._level:
                return None
            if not veto(mine, _read(self._texts[other])):
                return other
        return None

    def about(self) -> dict[str, Any]:
        return {}


class Entry(msgspec.Struct):
    """A stored question, with the weights of what was said of it."""

    text: str
    right: float = 0.0
    wrong: float = 0.0


def labelled(seen: Seen, entry: Entry, right: bool, propensity: float, trust: float) -> Seen:
    """The lookup with what was said of it, which the entry remembers too."""
    if right:
        entry.right += trust
    else:
        entry.wrong += trust
    return msgspec.structs.replace(seen, label=float(right), propensity=propensity, trust=trust)


def judged(right: bool, score: float, rng: Random) -> bool | None:
    """What a judge says who errs at times, and who is asked again when he contradicts the scorer; None when he is not of one
    mind. As pipeline.cache.semantic.judge.
    """
    said = right != (rng.random() < JUDGE_ERRS)
    if said == (score >= UNSURE):
        return said
    again = right != (rng.random() < (ERRS_AGAIN if said != right else JUDGE_ERRS))
    return said if again == said else None


class Scored:
    """The gateway's matcher and a policy that stays as it is."""

    careful = True

    def __init__(self, stream: Stream, near: Near, matcher: Matcher, policy: Policy) -> None:
        self.policy = policy
        self._near = near
        self._matcher = matcher
        self._entries = [Entry(text) for text in stream.texts]

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        other, best = self._best(place, stored)
        return other if best is not None and best.score >= self.policy.threshold.value else None

    def about(self) -> dict[str, Any]:
        return {"threshold": self.policy.threshold.value}

    def _best(self, place: int, stored: np.ndarray) -> tuple[int | None, Candidate | None]:
        """The best candidate that was read, and the text that it is."""
        places, cosines = self._near.of(place, stored)
        entries = [self._entries[other] for other in places]
        enough = self.policy.threshold.value
        found = self._matcher.match(self._entries[place].text, entries, cosines, self.policy.scorer, enough)
        if not found or found[0].features is None:
            return None, None
        return places[found[0].place], found[0]


class Learning(Scored):
    """The same with audits, a judge and learning.

    The first hits, and then some of them, are answered afresh and compared, whereupon the pair's label is known; what was
    nearly served is shown to a judge, who errs at times. What is learned is learned from these labels alone.
    """

    def __init__(
        self, stream: Stream, near: Near, matcher: Matcher, policy: Policy, seed: int, learner: Callable[..., Policy] = learn
    ) -> None:
        super().__init__(stream, near, matcher, policy)
        self._first = policy
        self._learner = learner
        self._classes = stream.classes
        self._rng = Random(f"labels {seed}")
        self._seen: list[Seen] = []
        self._next = FIRST_LEARNING
        self._thresholds: list[tuple[int, float]] = [(0, policy.threshold.value)]
        self._audits = self._judged = 0

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        other, best = self._best(place, stored)
        served = best is not None and best.score >= self.policy.threshold.value
        self._seen.append(self._label(place, other, best, served))
        if len(self._seen) >= self._next:
            self._learn()
        return other if served else None

    def about(self) -> dict[str, Any]:
        last = self.policy.threshold
        return {
            "threshold": last.value,
            "believed_risk": last.risk,
            "labels_above": last.labels,
            "audits": self._audits,
            "judged": self._judged,
            "lookups": len(self._seen),
            "thresholds": self._thresholds,
            "policy": msgspec.to_builtins(self.policy),
        }

    def _label(self, place: int, other: int | None, best: Candidate | None, served: bool) -> Seen:
        if best is None or other is None:
            return Seen(features=None, served=False)
        seen = Seen(features=best.features, served=served)
        right = self._classes[other] == self._classes[place]
        share = self.policy.audits(AUDITED)
        if served and self._rng.random() < share:
            self._audits += 1
            return labelled(seen, self._entries[other], right, share, 1.0)
        if not served and self.policy.grey(best.score):
            self._judged += 1
            said = judged(right, best.score, self._rng)
            return seen if said is None else labelled(seen, self._entries[other], said, 1.0, JUDGE_TRUST)
        return seen

    def _learn(self) -> None:
        self.policy = self._learner(self._first, self._seen)
        self._thresholds.append((len(self._seen), self.policy.threshold.value))
        self._next = len(self._seen) + max(FEWEST_NEW, int(len(self._seen) * (GROWTH - 1)))
