"""Written pairs: thresholds in hindsight, and the rounds with judge and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.cache import pairs
from bench.cache.pairs import HELD_OUT, REWORDED, Offer, Written, at_most, curve, read_pairs, shares
from bench.cache.ways import Entry, cold
from pipeline.cache.guards.never import never
from pipeline.cache.semantic.match import Candidate
from pipeline.cache.semantic.policy import Policy
from pipeline.cache.semantic.threshold import ENOUGH, Threshold
from pipeline.semantics.features import NAMES

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
TRAP = np.array([False, True, False, False, True, True])
RIGHT = np.array([True, False, True, False, False, False])


class FakeMatcher:
    def __init__(self, score: float) -> None:
        self.score = score

    def match(self, text: str, stored: Sequence[Any], cosines: Sequence[float], scorer: Any, enough: float) -> list[Candidate]:
        return [Candidate(0, 0.9, None, np.zeros(len(NAMES)), self.score)]


class FakeModels:
    """Vectors by a text's first letter."""

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[text[0] == "a", text[0] == "b", text[0] == "c"] for text in texts], np.float32)


def test_shares_are_of_traps_and_of_paraphrases() -> None:
    assert shares(SCORES, TRAP, RIGHT, 0.7) == pytest.approx((1 / 3, 2 / 3))
    assert curve(SCORES, TRAP, RIGHT)[0][1:] == pytest.approx((0, 1 / 3))
    assert curve(SCORES, TRAP, RIGHT)[-1][1:] == pytest.approx((1, 2 / 3))


def test_the_best_threshold_keeps_to_what_is_tolerated() -> None:
    assert at_most(SCORES, TRAP, RIGHT, 0.02) == {"threshold": 0.9, "traps": 0, "paraphrases": pytest.approx(1 / 3)}
    assert at_most(SCORES, TRAP, RIGHT, 0.4)["paraphrases"] == pytest.approx(2 / 3)
    assert at_most(np.array([1.0]), np.array([True]), np.array([False]), 0.02)["paraphrases"] == 0


def test_texts_are_offered_beside_what_the_cache_would_store() -> None:
    found = [Written("a one", "a two", "b three"), Written("b today", "b x", "c y"), Written("c one", "c two", "a z")]
    offers = pairs.offered(found, FakeModels())
    assert [(offer.own, offer.trap) for offer in offers] == [(0, False), (0, True), (1, False), (1, True), (2, False), (2, True)]
    assert offers[0].places[0] == 0
    assert offers[2].places[-1] == 1  # "today" is never stored


def offer(trap: bool) -> Offer:
    return Offer("text", 0, trap, [0], [0.9], False)


def serving(labels: int = 0) -> Policy:
    """Serves from 0.98 on."""
    return msgspec.structs.replace(cold(0.01), threshold=Threshold(value=0.98, budget=0.01, labels=labels))


def test_a_wrong_hit_is_complained_of() -> None:
    counts = dict.fromkeys(("traps", "paraphrases", "judged", "feedback", "audited"), 0)
    entries = [Entry("stored")]
    seen = pairs._ask(offer(True), entries, FakeMatcher(0.99), serving(), Random(1), counts)
    assert (seen.label, seen.propensity, seen.served) == (0.0, 1.0, True)
    assert (counts["traps"], counts["feedback"], entries[0].wrong) == (1, 1, 1.0)


def test_a_right_hit_is_known_by_audits_alone() -> None:
    counts = dict.fromkeys(("traps", "paraphrases", "judged", "feedback", "audited"), 0)
    entries = [Entry("stored")]
    rng = Random(1)
    seen = [pairs._ask(offer(False), entries, FakeMatcher(0.99), serving(10 * ENOUGH), rng, counts) for _ in range(2_000)]
    assert counts["paraphrases"] == 2_000
    assert counts["audited"] == sum(one.label == 1.0 for one in seen) == pytest.approx(100, rel=0.4)
    first = pairs._ask(offer(False), entries, FakeMatcher(0.99), serving(), rng, counts)
    assert (first.label, first.propensity) == (1.0, 1.0)


def test_the_judge_is_asked_in_the_grey_zone_alone() -> None:
    counts = dict.fromkeys(("traps", "paraphrases", "judged", "feedback", "audited"), 0)
    rng = Random(1)
    for score in (0.9, 0.4):  # within 0.5 of the threshold, and beyond
        for _ in range(100):
            pairs._ask(offer(False), [Entry("stored")], FakeMatcher(score), serving(), rng, counts)
    assert counts["judged"] == 100
    assert counts["paraphrases"] == 0


@pytest.mark.parametrize("path", [HELD_OUT, REWORDED])
def test_the_files_of_pairs_are_there_and_whole(path: Path) -> None:
    found = read_pairs(path)
    assert len(found) >= 200
    assert all(len({pair.stored, pair.paraphrase, pair.trap}) == 3 for pair in found)
    assert sum(never(pair.stored) is not None for pair in found) < 0.05 * len(found)
