"""What is kept, for how long, and what makes it everybody's or nobody's."""

from __future__ import annotations

import pytest

from pipeline.cache.semantic.admit import CROWDED
from pipeline.cache.semantic.cache import Terms
from pipeline.cache.semantic.found import Asker
from pipeline.cache.semantic.mirror import Mirror
from pipeline.cache.semantic.question import Question
from pipeline.cache.semantic.quota import MOST
from pipeline.cache.semantic.states import PROBATION, REVOKED, SHARED
from tests.unit.cache.semantic.test_cache import ALICE, BOB, Build, House, Words, build, reply

__all__ = ["build"]

YES = "Yes."


def numbered(number: int) -> str:
    return f"{number:040x}"


def tell(house: House, number: int, text: str = "what is a stone", asker: Asker = ALICE, near: float = 0.9) -> str | None:
    return house.cache.keep(asker, Question("p", text), numbered(number), reply("It is hard."), (near,))


def state(house: House, id: str = "a" * 40) -> str:
    entry = house.entries.find("t", id)
    assert entry is not None
    return entry.state


# --- how much ---


def test_one_key_may_not_fill_a_corner(build: Build) -> None:
    house = build()
    assert [tell(house, number) for number in range(MOST + 2)] == [None] * MOST + ["quota", "quota"]
    assert tell(house, 90, "where is the sea") is None
    assert tell(house, 91, asker=BOB) is None
    assert house.cache.keep(ALICE, Question("q", "what is a stone"), numbered(92), reply("It is hard.")) is None


def test_what_was_not_looked_up_is_compared_with_what_is_there_all_the_same(build: Build) -> None:
    house = build()
    for number in range(CROWDED):
        tell(house, number)
    house.settle()
    assert house.cache.keep(BOB, Question("p", "what is a stone"), numbered(9), reply("It is hard.")) == "crowded"


# --- how long ---


@pytest.mark.parametrize(
    ("text", "changing", "life"),
    [
        ("what is a stone", 50.0, 1000.0),
        ("who is the king of spain", 50.0, 50.0),
        ("who is the king of spain", 5000.0, 1000.0),
        ("who is the king of spain", None, 1000.0),
    ],
    ids=["timeless", "changing", "never longer than the other", "not told apart"],
)
def test_an_answer_that_becomes_wrong_lives_shorter(text: str, changing: float | None, life: float) -> None:
    terms = Terms(ttl=1000.0, audits=0.0) if changing is None else Terms(ttl=1000.0, audits=0.0, changing_ttl=changing)
    assert terms.life(text) == life


@pytest.mark.parametrize(("chance", "share"), [(0.0, 0.9), (0.5, 1.0), (1.0, 1.1)])
def test_answers_do_not_end_together(build: Build, chance: float, share: float) -> None:
    house = build(changing_ttl=100.0)
    house.chance = chance
    for number, text in enumerate(("who is the king of spain", "what is a stone")):
        house.tell(text, id=numbered(number))
    ends = [entry.expires_at - house.now for entry in house.entries.page("t", 0, 5)]
    assert ends == pytest.approx([100 * share, 1000 * share])


# --- whose ---


def test_only_a_question_that_it_would_have_answered_confirms_it(build: Build) -> None:
    """In the grey zone below the threshold it is learned from, but "yes" there may be the answer to another question."""
    house = build()
    house.tell("do stones float in deep water", YES)
    house.verifier.logit = 0.5
    found = house.look("do stones drift in deep water", asker=BOB)
    assert (found.why, found.grey, found.near is not None) == ("below_threshold", True, True)
    said = house.cache.compare(found, reply(YES))
    assert said is not None
    assert said.same == 1.0
    assert state(house) == PROBATION
    house.verifier.logit = 9.0
    house.cache.compare(house.look("do stones float in the deep water", asker=BOB), reply(YES))
    assert state(house) == SHARED


def test_a_revoked_answer_is_nobodys_and_no_agreement_brings_it_back(build: Build) -> None:
    house = build()
    house.tell("what is a stone")
    found = house.look("what is a stone", asker=BOB)
    house.entries.revoke("t", ["a" * 40])
    assert len(house.mirror) == 1
    for asker in (ALICE, BOB):
        assert house.cache.look(asker, Question("p", "what is a stone")).near is None
    house.cache.compare(found, reply("It is as it is, and that is all."))
    assert state(house) == REVOKED
    house.settle()
    assert len(house.mirror) == 0


def test_an_index_that_begins_anew_has_no_revoked_entries(build: Build) -> None:
    house = build()
    house.tell("what is a stone")
    house.tell("where is the sea", id="b" * 40)
    house.entries.revoke("t", ["a" * 40])
    fresh = Mirror(house.entries, Words.name, Words.dimensions)
    fresh.catch_up()
    assert len(fresh) == 1


def test_what_was_said_against_it_meanwhile_keeps_it_from_being_shared(build: Build) -> None:
    house = build()
    house.tell("what is a stone")
    found = house.look("what is a stone", asker=BOB)
    assert found.near is not None
    house.entries.judged(found.near.seq, 0.0, 0.3)
    house.cache.compare(found, reply("It is as it is, and that is all."))
    assert state(house) == PROBATION
