"""What is learned from labels, where it is kept, and what the upkeep does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sqlalchemy import Engine

from pipeline.cache.index import pack
from pipeline.cache.semantic.entries import Entries, NewEntry
from pipeline.cache.semantic.journal import Journal
from pipeline.cache.semantic.learn import FEWEST, Seen, learn
from pipeline.cache.semantic.lookups import FEEDBACK, HIT, MISS, Lookup, Lookups, Verdict
from pipeline.cache.semantic.mirror import Mirror
from pipeline.cache.semantic.policy import Policies, Policy, first
from pipeline.cache.semantic.scorer import Scorer
from pipeline.cache.semantic.threshold import NEVER, Labels, Threshold, choose
from pipeline.cache.semantic.upkeep import Upkeep
from pipeline.errors import StoreUnavailable
from pipeline.semantics.features import NAMES
from pipeline.storage.engine import create_engine
from pipeline.storage.migrate import upgrade

COUNT = len(NAMES)
NOW = 1_000_000.0


def scorer(weight: float = 1.0) -> Scorer:
    """Believes the first feature, which is a logit."""
    return Scorer([0.0] * COUNT, [1.0] * COUNT, [weight, *[0.0] * COUNT], [20.0] * (COUNT + 1))


def policy(budget: float = 0.05) -> Policy:
    return Policy(tenant="t", budget=budget, scorer=scorer(), threshold=Threshold(value=0.9, budget=budget))


def row(logit: float) -> np.ndarray:
    found = np.zeros(COUNT)
    found[0] = logit
    return found


def traffic(rng: np.random.Generator, count: int, *, bias: float = 0.0, labelled: float = 1.0) -> list[Seen]:
    """Lookups whose candidate is right with the probability that its logit says, less `bias`."""
    seen = []
    for logit in rng.normal(0.0, 3.0, count):
        right = rng.random() < 1 / (1 + np.exp(-(logit - bias)))
        label = float(right) if rng.random() < labelled else None
        seen.append(Seen(features=row(logit), served=logit > 2, label=label, propensity=labelled))
    return seen


# --- learning ---


def test_with_little_traffic_nothing_is_learned() -> None:
    start = policy()
    assert learn(start, traffic(np.random.default_rng(1), FEWEST - 1)) is start


def test_lookups_without_labels_set_a_threshold_by_the_scorer_alone() -> None:
    found = learn(policy(), traffic(np.random.default_rng(1), 2000, labelled=0.0))
    assert 0.5 < found.threshold.value < 1
    assert found.threshold.labels == 0
    assert found.threshold.risk <= 0.05


@pytest.mark.parametrize("budget", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_served_afterwards_keeps_the_budget(budget: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    learned = learn(policy(budget), traffic(rng, 4000, bias=1.0, labelled=0.5))
    after = traffic(rng, 4000, bias=1.0)
    scores = learned.scorer.probabilities(np.array([one.features for one in after]))
    wrong = sum(score >= learned.threshold.value and not one.label for score, one in zip(scores, after, strict=True))
    assert wrong / len(after) <= budget


def test_a_larger_budget_serves_more() -> None:
    seen = traffic(np.random.default_rng(3), 4000, labelled=0.3)
    thresholds = [learn(policy(budget), seen).threshold.value for budget in (0.002, 0.01, 0.05, 0.2)]
    assert thresholds == sorted(thresholds, reverse=True)


def test_a_scorer_that_was_too_sure_is_corrected() -> None:
    learned = learn(policy(), traffic(np.random.default_rng(5), 4000, bias=2.0))
    assert learned.scorer.probability(row(2.0)) == pytest.approx(0.5, abs=0.1)


def all_right(count: int, propensity: float = 1.0) -> list[Seen]:
    rng = np.random.default_rng(11)
    known = rng.random(count) < propensity
    logits = rng.normal(4, 1, count)
    return [
        Seen(features=row(logit), served=True, label=1.0 if one else None, propensity=propensity)
        for logit, one in zip(logits, known, strict=True)
    ]


@pytest.mark.parametrize("count", [FEWEST, 150, 240, 600])
def test_while_all_that_is_known_is_right_the_threshold_does_not_rise(count: int) -> None:
    assert learn(policy(0.01), all_right(count)).threshold.value <= policy().threshold.value


def test_what_is_audited_less_later_does_not_lose_what_was_known() -> None:
    begun = learn(policy(0.01), all_right(500)).threshold
    later = learn(policy(0.01), all_right(500) + all_right(1000, 0.05)).threshold
    assert later.value <= begun.value
    assert later.upper < begun.upper


@pytest.mark.parametrize("seed", range(5))
def test_it_does_not_where_labels_are_scored_a_little_lower_than_lookups(seed: int) -> None:
    """As they are: each label by a scorer that has not seen it."""
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.uniform(0.9990, 1.0, 1_000))
    labels = Labels(scores=scores[::3] - 0.0005, wrong=np.zeros(334), weights=np.full(334, 3.0))
    assert choose(scores, labels, 0.01, begin=0.86).value <= 0.9991
    assert choose(scores, labels, 0.01).value > 0.9991


def test_few_labels_that_are_wrong_too_often_raise_it() -> None:
    seen = [msgspec.structs.replace(one, label=float(place % 10 > 0)) for place, one in enumerate(all_right(150))]
    assert learn(policy(0.01), seen, fit=False).threshold.value > policy().threshold.value


def test_when_nothing_is_ever_right_nothing_is_served() -> None:
    seen = [Seen(features=row(4.0), served=True, label=0.0, propensity=1.0) for _ in range(500)]
    assert learn(policy(0.001), seen).threshold.value == NEVER


def test_drift_tightens_the_threshold() -> None:
    rng = np.random.default_rng(7)
    good = [Seen(features=row(x), served=True, label=float(rng.random() > 0.01)) for x in rng.normal(3, 1, 800)]
    bad = [Seen(features=row(x), served=True, label=float(rng.random() > 0.3)) for x in rng.normal(3, 1, 200)]
    steady = learn(policy(0.2), good + good[:200], fit=False)
    shifted = learn(policy(0.2), good + bad, fit=False)
    assert shifted.threshold.value >= steady.threshold.value
    assert shifted.threshold.budget == 0.2


@pytest.mark.parametrize(("labels", "share"), [(0, 1.0), (100, 1.0), (200, 0.25), (400, 0.0625), (5000, 0.05)])
def test_the_first_hits_are_all_audited_and_then_ever_fewer(labels: int, share: float) -> None:
    known = msgspec.structs.replace(policy(), threshold=Threshold(value=0.9, budget=0.01, labels=labels))
    assert known.audits(0.05) == pytest.approx(share)
    assert known.audits(0.0) == 0.0


# --- where it is kept ---


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/leo.db"
    upgrade(url)
    engine = create_engine(url)
    yield engine
    engine.dispose()


def test_a_policy_is_read_as_it_was_saved(engine: Engine) -> None:
    saved = msgspec.structs.replace(policy(), budget=0.01)
    Policies(engine, 0.01).save(saved, NOW)
    read = Policies(engine, 0.01).of("t")
    assert msgspec.structs.replace(read, version=0.0) == saved


def test_another_budget_forgets_the_threshold_and_keeps_the_scorer(engine: Engine) -> None:
    policies = Policies(engine, 0.01)
    policies.save(policy(), NOW)
    policies.set_budget("t", 0.002, NOW)
    found = policies.of("t")
    assert found.budget == 0.002
    assert found.threshold == first("t", 0.002).threshold
    assert found.scorer == scorer()


def test_a_change_is_seen_by_others_within_a_second(engine: Engine) -> None:
    clock = itertools.count(0.0, 1.0)
    other = Policies(engine, 0.01, clock=lambda: next(clock))
    other.of("t")
    Policies(engine, 0.01).set_budget("t", 0.1, NOW)
    assert other.of("t").budget == 0.1


def test_a_scorer_of_other_features_is_not_used(engine: Engine) -> None:
    policies = Policies(engine, 0.01)
    policies.save(msgspec.structs.replace(policy(), scorer=Scorer([0.0], [1.0], [1.0, 0.0], [1.0, 1.0])), NOW)
    assert len(policies.of("t").scorer.weights) == COUNT + 1


def lookup(id: str, *, entry: str = "e", decision: str = HIT, at: float = NOW) -> Lookup:
    return Lookup(
        id=id,
        at=at,
        tenant="t",
        author="a",
        entry=entry,
        scorer="s",
        features=row(1.0),
        cosine=0.9,
        score=0.8,
        threshold=0.7,
        novelty=None,
        decision=decision,
        veto=None,
        propensity=0.05,
    )


def test_of_two_verdicts_the_more_believed_stays(engine: Engine) -> None:
    lookups = Lookups(engine, COUNT)
    lookups.add([lookup("one")])
    lookups.judge([Verdict(lookup="one", label=1.0, weight=0.6, source="answers")])
    lookups.judge([Verdict(lookup="one", label=0.0, weight=0.3, source=FEEDBACK)])
    assert [one.label for one in lookups.recent("t", 9)] == [1.0]
    lookups.judge([Verdict(lookup="one", label=0.0, weight=0.9, source="judge")])
    assert [one.label for one in lookups.recent("t", 9)] == [0.0]


def test_feedback_is_no_sample_and_stands_for_itself(engine: Engine) -> None:
    lookups = Lookups(engine, COUNT)
    lookups.add([lookup("one"), lookup("two", at=NOW + 1)])
    lookups.judge([Verdict(lookup="one", label=0.0, weight=0.3, source=FEEDBACK)])
    lookups.judge([Verdict(lookup="two", label=1.0, weight=0.6, source="answers")])
    assert [one.volunteered for one in lookups.recent("t", 9)] == [True, False]
    assert (lookups.measured("t").audits, lookups.measured("t").said) == (1, 1)


def test_the_last_serving_of_an_entry_is_found(engine: Engine) -> None:
    lookups = Lookups(engine, COUNT)
    lookups.add([lookup("old"), lookup("new", at=NOW + 5), lookup("miss", at=NOW + 9, decision=MISS)])
    assert lookups.last_of("t", "e") == "new"
    assert lookups.last_of("other", "e") is None


# --- upkeep, the index, the journal ---


class Constant:
    name, dimensions = "constant@2", 4

    def embed(self, text: str) -> np.ndarray:
        if "long" in text:
            raise ValueError("too long")
        return np.array([1.0, 0.0, 0.0, 0.0], np.float32)


def new_entry(number: int, **changes: object) -> NewEntry:
    vector = np.zeros(4, np.float32)
    vector[number % 4] = 1.0
    values = {
        "id": f"{number:040x}",
        "tenant": "t",
        "partition": "p",
        "text": f"question {number}",
        "embedder": "old@1",
        "vector": pack(vector),
        "answer": b"answer",
        "answer_digest": "d",
        "author": "a",
        "state": "shared",
        "created_at": NOW,
        "expires_at": NOW + 100.0,
    }
    return NewEntry(**{**values, **changes})  # type: ignore[arg-type]


def upkeep(engine: Engine, entries: Entries, lookups: Lookups, policies: Policies, **bounds: int) -> Upkeep:
    limits = {"most_entries": 100, "most_bytes": 10**9, **bounds}
    return Upkeep(entries, lookups, policies, embedder=Constant(), leads=lambda: True, now=lambda: NOW, **limits)  # type: ignore[arg-type]


def test_it_learns_when_enough_is_new(engine: Engine) -> None:
    entries, lookups, policies = Entries(engine, b"secret", lambda: NOW), Lookups(engine, COUNT), Policies(engine, 0.05)
    work = upkeep(engine, entries, lookups, policies)
    lookups.add([lookup(f"l{number}", at=NOW + number) for number in range(FEWEST - 1)])
    work.teach()
    assert policies.of("t").version == 0.0
    lookups.add([lookup("one more", at=NOW + 1000)])
    work.teach()
    assert Policies(engine, 0.05).of("t").version == NOW


def test_entries_of_another_embedder_are_embedded_again(engine: Engine) -> None:
    entries = Entries(engine, b"secret", lambda: NOW)
    entries.add([new_entry(1), new_entry(2), new_entry(3, text="too long for this one")])
    old = Mirror(entries, "constant@2", 4)
    old.catch_up()
    assert len(old) == 0
    upkeep(engine, entries, Lookups(engine, COUNT), Policies(engine, 0.05)).embed_again()
    old.catch_up()
    assert len(old) == 2
    found = entries.page("t", 0, 10)
    assert [(entry.embedder, entry.vector) for entry in found] == [("constant@2", pack(Constant().embed("")))] * 2


def test_over_the_bound_the_least_used_go_first(engine: Engine) -> None:
    entries = Entries(engine, b"secret", lambda: NOW)
    entries.add([new_entry(number, created_at=NOW + number) for number in range(10)])
    entries.judged(entries.page("t", 0, 10)[-1].seq, right=0.0, wrong=1.0)
    upkeep(engine, entries, Lookups(engine, COUNT), Policies(engine, 0.05), most_entries=6).tidy()
    left = {int(entry.id, 16) for entry in entries.page("t", 0, 10)}
    assert left == {3, 4, 5, 6, 7, 8}
    assert entries.held("t").removed == {"evict": 4}


def test_an_index_follows_what_is_written_and_removed(engine: Engine) -> None:
    entries = Entries(engine, b"secret", lambda: NOW)
    entries.add([new_entry(1)])
    one, other = Mirror(entries, "old@1", 4), Mirror(entries, "old@1", 4)
    one.catch_up()
    entries.add([new_entry(2), new_entry(1, text="in its place")])
    entries.remove("t", [f"{2:040x}"])
    for mirror in (one, other):
        mirror.catch_up()
        found = mirror.search("p", np.array([0, 1, 0, 0], np.float32), 9)
        assert [entries.load("t", [near.seq])[0].text for near in found] == ["in its place"]


def test_an_index_that_is_behind_a_trimmed_stream_is_built_anew(engine: Engine) -> None:
    entries = Entries(engine, b"secret", lambda: NOW)
    mirror = Mirror(entries, "old@1", 4)
    mirror.catch_up()
    entries.add([new_entry(1)])
    entries.add([new_entry(2)])
    entries.remove("t", [f"{1:040x}"])
    entries.forget_operations(NOW + 1)
    mirror.catch_up()
    assert len(mirror) == 1


def test_a_vector_of_another_length_is_left_out_with_a_line_in_the_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    entries = Entries(engine, b"secret", lambda: NOW)
    entries.add([new_entry(1, vector=b"\0\0"), new_entry(2)])
    mirror = Mirror(entries, "old@1", 4)
    mirror.catch_up()
    assert len(mirror) == 1
    assert "semantic_vector_refused" in caplog.text


class Failing(Entries):
    """A database that is away for a while."""

    away = True

    def add(self, new: Sequence[NewEntry]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        super().add(new)


def test_a_journal_keeps_what_the_database_does_not_take(engine: Engine) -> None:
    entries = Failing(engine, b"secret", lambda: NOW)
    journal = Journal(entries, Lookups(engine, COUNT), rest=60.0)
    journal.keep(new_entry(1))
    journal.looked(lookup("one"))
    assert not journal.flush()
    entries.away = False
    assert journal.flush()
    assert len(entries.page("t", 0, 9)) == 1
    assert len(Lookups(engine, COUNT).recent("t", 9)) == 1
    journal.close()
