"""What feedback does to stored answers, on real databases: who has to say that one is wrong before it is taken from others."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from pipeline.admission.answer import Answer
from pipeline.cache.semantic.entries import Entry, NewEntry
from pipeline.cache.semantic.lookups import HIT, Lookup
from pipeline.cache.semantic.parts import SemanticParts
from pipeline.cache.semantic.states import PRIVATE, PROBATION, REVOKED, SHARED
from pipeline.feedback import MARKED, SAID, SAID_BY_AUTHOR, Feedback
from pipeline.ids import unix_now
from pipeline.request.key import derive
from pipeline.settings import Settings
from tests.support.runs import make_answer

T = "t"
ID = "a" * 40


class ExactCache:
    """Stands for the answers in Redis, by their content key."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def get(self, key: str) -> Answer | None:
        return self.answers.get(key)

    def find(self, tenant: str, text: str) -> list[str]:
        return []

    def forget(self, tenant: str, key: str) -> bool:
        return self.answers.pop(key, None) is not None


class House:
    def __init__(self, engine: Engine) -> None:
        self.semantic = SemanticParts(
            Settings(secret_key="a-secret-of-the-tests"), lambda: engine, lambda: False, lambda body: b""
        )
        self.exact = ExactCache()
        self.feedback = Feedback(engine, self.exact, self.semantic)  # type: ignore[arg-type]
        self.created_at = unix_now() - 60

    def keep(self, state: str, author: str = "alice", **changes: Any) -> None:
        self.semantic.entries.add([new(author=author, state=state, **{"created_at": self.created_at, **changes})])

    def entry(self) -> Entry:
        found = self.semantic.entries.find(T, ID)
        assert found is not None
        return found

    def say(self, author: str, *, is_correct: bool = False) -> list[str]:
        return self.feedback.give(T, author, [ID], is_correct=is_correct)


def new(**changes: Any) -> NewEntry:
    values = {"id": ID, "tenant": T, "partition": "p", "text": "what is it", "embedder": "e", "vector": b"v", "answer": b"a"}
    values |= {"answer_digest": derive("a"), "expires_at": unix_now() + 3600}
    return NewEntry(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine)


@pytest.mark.parametrize("state", [PRIVATE, PROBATION, SHARED])
def test_its_authors_voice_revokes_an_answer(house: House, state: str) -> None:
    house.keep(state)
    assert house.say("alice") == [ID]
    assert (house.entry().state, house.entry().wrong) == (REVOKED, SAID_BY_AUTHOR)


def test_one_voice_puts_a_shared_answer_back_on_probation_and_a_second_revokes_it(house: House) -> None:
    house.keep(SHARED)
    served(house, "carol")
    assert house.say("bob") == [ID]
    assert (house.entry().state, house.entry().wrong) == (PROBATION, MARKED)
    assert house.say("dave") == []  # who never got it has nothing to say about it
    assert house.say("carol") == [ID]
    assert house.entry().state == REVOKED


def served(house: House, author: str) -> None:
    values = {"scorer": "e", "features": None, "cosine": 1.0, "score": 1.0, "threshold": 0.9, "novelty": None, "veto": None}
    made = {"id": f"look_{author}", "at": unix_now(), "tenant": T, "author": author, "entry": ID, "decision": HIT}
    house.semantic.lookups.add([Lookup(**values, **made, propensity=1.0)])  # type: ignore[arg-type]


def test_a_voice_that_is_repeated_counts_once(house: House) -> None:
    house.keep(SHARED)
    served(house, "bob")
    for _ in range(20):
        assert house.say("bob") == [ID]
    assert (house.entry().state, house.entry().wrong) == (PROBATION, MARKED)
    for _ in range(20):
        house.say("bob", is_correct=True)
    assert (house.entry().state, house.entry().right) == (PROBATION, SAID)


def test_an_author_cannot_vouch_for_an_answer_without_end(house: House) -> None:
    house.keep(PROBATION)
    for _ in range(20):
        assert house.say("alice", is_correct=True) == [ID]
    assert (house.entry().state, house.entry().right) == (PROBATION, SAID_BY_AUTHOR)


def test_who_got_the_exact_answer_has_one_voice_as_well(house: House) -> None:
    house.keep(PROBATION)
    for voice in ("bob", "bob", "carol"):
        assert house.entry().state == PROBATION
        house.exact.answers[ID] = make_answer(tenant=T)
        assert house.say(voice) == [ID]
        assert house.exact.answers == {}
    assert house.entry().state == REVOKED


def test_who_cannot_get_an_answer_has_no_voice(house: House) -> None:
    house.keep(PROBATION)
    assert house.say("bob") == []
    assert house.feedback.give("other", "alice", [ID], is_correct=False) == []
    assert (house.entry().state, house.entry().wrong) == (PROBATION, 0.0)


def test_a_revoked_answer_is_not_there_to_be_spoken_of(house: House) -> None:
    house.keep(SHARED)
    house.say("alice")
    assert house.say("alice") == []
    assert house.feedback.find(T, "alice", "a") == []


def test_voices_against_an_answer_do_not_count_against_the_one_that_takes_its_place(house: House) -> None:
    house.keep(SHARED)
    house.say("bob")
    house.say("alice")
    house.keep(SHARED, created_at=unix_now())
    assert house.entry().state == SHARED
    house.say("carol")
    assert house.entry().state == PROBATION


def test_an_answer_on_its_way_that_somebody_complained_of_is_not_stored(house: House) -> None:
    house.exact.answers[ID] = make_answer(tenant=T)
    assert house.say("alice") == [ID]
    house.keep(PROBATION)
    assert house.semantic.entries.find(T, ID) is None


def test_a_complaint_that_was_cut_short_is_done_with_the_next(house: House, engine: Engine) -> None:
    house.keep(SHARED)
    cut = Feedback(engine, house.exact, house.semantic, voices=99)  # type: ignore[arg-type]
    served(house, "carol")
    for voice in ("bob", "carol"):
        assert cut.give(T, voice, [ID], is_correct=False) == [ID]
    assert (house.entry().state, house.entry().wrong) == (PROBATION, 2 * MARKED)
    house.say("carol")
    assert (house.entry().state, house.entry().wrong) == (REVOKED, 2 * MARKED)
