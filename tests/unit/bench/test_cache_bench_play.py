"""The simulator: what is counted, who is asked for labels, and what the neighbours are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.cache import ways
from bench.cache.ladder import summary
from bench.cache.near import Near
from bench.cache.play import Played, Prepared, play
from bench.cache.stats import interval, wilson
from bench.cache.streams import Stream
from pipeline.cache.semantic.match import Candidate
from pipeline.cache.semantic.policy import Policy
from pipeline.cache.semantic.threshold import ENOUGH, Threshold
from pipeline.semantics.features import NAMES

ROW = np.zeros(len(NAMES))


class Nearest:
    """A way that always serves the last text stored."""

    careful = True

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        found = np.flatnonzero(stored)
        return int(found[-1]) if len(found) else None

    def about(self) -> dict[str, Any]:
        return {"nearest": True}


class FakeMatcher:
    """Gives every pair one score."""

    def __init__(self, score: float) -> None:
        self.score = score

    def match(self, text: str, stored: Sequence[Any], cosines: Sequence[float], scorer: Any, enough: float) -> list[Candidate]:
        vetoed = [Candidate(1, 0.7, "numbers")] if len(stored) > 1 else []
        return [Candidate(0, 0.9, None, ROW, self.score), *vetoed] if stored else []


def stream(texts: int, classes: int, requests: Sequence[int] = ()) -> Stream:
    return Stream(
        [f"text {n}" for n in range(texts)], [f"class {n % classes}" for n in range(texts)], list(requests or range(texts))
    )


def alike(count: int) -> np.ndarray:
    """Vectors that are all near to each other."""
    rows = np.random.default_rng(1).normal(size=(count, 8)) * 0.1 + 1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def prepared(texts: int, classes: int) -> Prepared:
    return Prepared.of(stream(texts, classes), alike(texts))


def test_the_exact_tier_answers_what_was_stored_and_misses_are_stored() -> None:
    played = play(stream(3, 3, [0, 0, 1, 0, 2, 2]), ways.Exact(), [False] * 3)
    assert (played.requests, played.exact, played.semantic, played.wrong, played.refused) == (6, 3, 0, 0, 0)


def test_hits_by_meaning_are_right_within_a_class_and_are_not_stored() -> None:
    played = play(stream(4, 2, [0, 1, 2, 1, 3]), Nearest(), [False] * 4)
    assert (played.exact, played.semantic, played.wrong) == (0, 4, 3)
    assert played.hits == 4
    assert played.about == {"nearest": True}


def test_what_is_never_looked_up_is_stored_for_the_exact_tier_alone() -> None:
    played = play(stream(2, 1, [0, 0, 1]), Nearest(), [True, False])
    assert (played.refused, played.exact, played.semantic) == (1, 1, 0)


def test_a_way_that_is_not_careful_looks_up_everything() -> None:
    near = Near(stream(2, 1), alike(2))
    assert play(stream(2, 1), ways.Fixed(near, 0.5), [True, True]).semantic == 1


def test_figures_over_time_add_up() -> None:
    played = prepared(50, 5).play(Nearest())
    assert len(played.hits_over_time) == 10
    assert (played.hits_over_time[-1], played.wrong_over_time[-1]) == (played.hits, played.wrong)


def test_neighbours_are_those_of_a_search_among_what_is_stored() -> None:
    vectors = alike(80)
    near = Near(stream(80, 80), vectors)
    for share in (0.1, 0.9):
        stored = np.zeros(80, bool)
        stored[:79] = np.random.default_rng(2).random(79) < share
        places, cosines = near.of(79, stored, 8)
        expected = [int(place) for place in np.argsort(-(vectors @ vectors[79])) if stored[place]][:8]
        assert places == expected
        assert cosines == pytest.approx((vectors[expected] @ vectors[79]).tolist(), abs=1e-6)


def test_a_text_is_no_neighbour_of_what_was_asked_before_it() -> None:
    near = Near(stream(3, 3), alike(3))
    assert near.of(0, np.array([False, False, False])) == ([], [])
    assert near.of(2, np.array([True, True, False]))[0] == sorted([0, 1], key=lambda place: -float(alike(3)[place] @ alike(3)[2]))


def test_fixed_serves_from_its_cosine_on() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6]], np.float32)
    near = Near(stream(2, 2), vectors)
    stored = np.array([True, False])
    assert ways.Fixed(near, 0.79).look_up(1, stored) == 0
    assert ways.Fixed(near, 0.81).look_up(1, stored) is None


def test_guards_are_asked_of_each_neighbour() -> None:
    texts = Stream(["boil 3 eggs", "boil 5 eggs", "boil 5 eggs now"], ["3", "5", "5"], [0, 1, 2])
    vectors = np.array([[1, 0, 0], [0.95, 0.3122, 0], [0.99, 0.14, 0]], np.float32)
    way = ways.Guarded(texts, Near(texts, vectors), 0.9)
    assert way.look_up(2, np.array([True, True, False])) == 1
    assert way.look_up(2, np.array([True, False, False])) is None


def serving(labels: int = 0) -> Policy:
    """Serves from 0.98 on."""
    return msgspec.structs.replace(ways.cold(0.01), threshold=Threshold(value=0.98, budget=0.01, labels=labels))


def test_scored_serves_from_the_threshold_on() -> None:
    of = prepared(10, 10)
    for score, served in ((0.98, 9), (0.97, 0)):
        way = ways.Scored(of.stream, of.near, FakeMatcher(score), serving())
        assert of.play(way).semantic == served


def test_only_audits_and_the_judge_give_labels() -> None:
    of = prepared(4_000, 4_000)
    way = ways.Learning(of.stream, of.near, FakeMatcher(0.99), serving(10 * ENOUGH), 1, lambda policy, seen: policy)
    played = of.play(way)
    about = way.about()
    assert played.semantic == played.wrong == 3_999
    assert about["audits"] == pytest.approx(0.05 * 3_999, rel=0.25)
    assert about["judged"] == 0
    assert sum(entry.wrong for entry in way._entries) == about["audits"]
    labelled = [seen for seen in way._seen if seen.label is not None]
    assert {(seen.label, seen.propensity, seen.trust, seen.served) for seen in labelled} == {(0.0, 0.05, 1.0, True)}


def test_until_enough_is_known_every_hit_is_audited() -> None:
    of = prepared(100, 100)
    way = ways.Learning(of.stream, of.near, FakeMatcher(0.99), serving(), 1, lambda policy, seen: policy)
    assert of.play(way).semantic == way.about()["audits"] == 99


def test_the_judge_sees_the_grey_zone_and_errs() -> None:
    of = prepared(4_000, 1)
    way = ways.Learning(of.stream, of.near, FakeMatcher(0.9), serving(), 1, lambda policy, seen: policy)
    assert of.play(way).semantic == 0
    labelled = [seen for seen in way._seen if seen.label is not None]
    assert way.about()["judged"] == 3_999
    assert len(labelled) == pytest.approx(0.975 * 3_999, rel=0.01)  # half of its errors it takes back, and then says nothing
    assert np.mean([seen.label for seen in labelled]) == pytest.approx(0.975, abs=0.01)
    assert {(seen.propensity, seen.trust) for seen in labelled} == {(1.0, 0.9)}


def test_learning_comes_after_a_hundred_lookups_and_then_ever_more_rarely() -> None:
    counts: list[int] = []

    def learn(policy: Any, seen: list[Any]) -> Any:
        counts.append(len(seen))
        return policy

    of = prepared(3_500, 3_500)
    of.play(ways.Learning(of.stream, of.near, FakeMatcher(0.1), serving(), 1, learn))
    assert counts[:4] == [100, 300, 500, 700]
    assert counts[-1] - counts[-2] == int(counts[-2] * 0.1) + counts[-2] - counts[-2]


def test_the_same_seed_plays_the_same() -> None:
    of = prepared(600, 30)
    first, second = (of.play(ways.Learning(of.stream, of.near, FakeMatcher(0.99), serving(), 7)) for _ in range(2))
    assert first == second


def test_a_row_is_pooled_over_its_seeds() -> None:
    row = summary([Played(1_000, 100, 50, 5, 0, [150], [5], {}), Played(1_000, 100, 70, 15, 0, [170], [15], {})])
    assert row["hits"][0] == pytest.approx(0.16)
    assert row["wrong"][0] == pytest.approx(0.01)
    assert (row["wrong_count"], row["worst_seed"]) == (20, 0.015)
    assert row["wrong_upper"] == pytest.approx(wilson(20, 2_000)[1])
    assert row["wrong_of_semantic"] == pytest.approx(20 / 120)


def test_intervals() -> None:
    assert wilson(0, 20_000)[1] == pytest.approx(0.000192, abs=1e-6)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.303 / 3**0.5), abs=1e-3)
    assert interval([4.0]) == (4.0, 0.0)
