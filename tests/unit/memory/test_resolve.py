"""A slot has one value: what is new takes the place of what was, and nothing is blurred."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.memory.extract import extract
from pipeline.memory.items import Slot
from pipeline.memory.ops import Put
from pipeline.memory.resolve import resolve
from tests.unit.memory.support import House, note

CITIES = ["Oslo", "Rome", "Ghent", "Porto", "Leipzig"]
SAID = ["I live in {}.", "Actually, I moved to {}.", "My home is {} now.", "We've relocated to {}.", "I'm based in {}."]


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(CITIES)), min_size=1, max_size=8))
def test_whatever_was_said_last_stands_alone(said) -> None:
    house = House()
    house.tell(*(statement.format(city) for statement, city in said))
    assert house.texts() == [f"lives in: {said[-1][1]}"]


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from([*(s.format(c) for s in SAID for c in CITIES), "My name is Ana.", "Use Go.", "Forget that."]), max_size=10
    )
)
def test_no_slot_ever_has_two_values(said) -> None:
    house = House()
    house.tell(*said)
    slots = [(item.conversation, item.slot) for item in house.pocket.standing(house_owner())]
    assert len(slots) == len(set(slots))


def house_owner():
    from tests.unit.memory.support import OWNER

    return OWNER


@pytest.mark.parametrize(
    ("before", "update", "after"),
    [
        ("We use Python.", "Not Python any more, use Go.", ["programming language: Go"]),
        ("My editor is Vim.", "These days I use Emacs rather than Vim.", ["editor: Emacs"]),
        ("I drive a Skoda.", "I traded the Skoda for a Toyota.", ["car: Toyota"]),
        ("My name is Anna.", "It's Ana, not Anna.", ["name: Ana"]),
        ("My name is Anna.", "I'm not Anna, I'm Ana.", ["name: Ana"]),
        ("I live in Oslo.", "I no longer live in Oslo; it's Rome now.", ["lives in: Rome"]),
        ("I like tea.", "I don't like tea.", ["dislikes: tea"]),
        ("My dog is called Rex.", "We renamed the dog: he is called Max now.", ["dog's name: Max"]),
        ("The report is due on Friday.", "My deadline has been moved to Monday.", ["deadline: Monday"]),
        ("I live in Oslo.", "I don't live in Oslo any more.", []),
        ("My deadline is Friday.", "There is no deadline any more.", []),
        ("I live in Oslo.", "Forget where I live.", []),
        ("I live in Oslo.", "Forget that.", []),
        ("My dog is called Rex.", "Forget about my dog.", []),
        ("I live in Oslo.", "I live in Oslo.", ["lives in: Oslo"]),
        ("My dog is called Rex.", "My cat is called Tom.", ["dog's name: Rex", "cat's name: Tom"]),
        ("I drive a Skoda.", "We sold the Skoda and bought a Toyota.", ["car: Toyota"]),
        ("I use Vim.", "I'm done with Vim.", []),
        ("My favourite food is ramen.", "My favourite food used to be ramen, now it's pizza.", ["favourite food: pizza"]),
        ("I live in Oslo.", "Forget that I live in Rome.", ["lives in: Oslo"]),
        ("I live in Oslo.", "I'm flying from Oslo to Rome tomorrow.", ["lives in: Oslo"]),
        ("I live in Oslo.", "We went from Oslo to Rome by train.", ["lives in: Oslo"]),
        ("I live in Oslo.", "The ship sailed from Oslo to Rome.", ["lives in: Oslo"]),
        ("I live in Oslo.", "Her train left Oslo at nine.", ["lives in: Oslo"]),
        ("I use Go.", "I'm not sure why Go panics here.", ["programming language: Go"]),
        ("I use Go.", "I need to convert this Java code to Go.", ["programming language: Go"]),
        ("I live in Oslo.", "Is Oslo not the capital of Sweden?", ["lives in: Oslo"]),
        ("My time zone is CET.", "I'm in the PST time zone now.", ["time zone: PST"]),
    ],
)
def test_updates(before: str, update: str, after: list[str]) -> None:
    house = House()
    house.tell(before, update)
    assert house.texts() == after


def test_what_only_changes_a_note_makes_none() -> None:
    house = House()
    house.tell("The wifi network is called Hawk.")
    assert house.texts() == []
    house.tell("Remember that the wifi network is called Falcon.", "The wifi network is called Hawk.")
    assert house.texts() == ["wifi network: Hawk"]


def test_forget_that_means_the_message_before() -> None:
    house = House()
    house.tell("I live in Oslo.", "My name is Ana and I use Go.", "Forget that.")
    assert house.texts() == ["lives in: Oslo"]


def test_forget_everything_reaches_other_conversations() -> None:
    house = House()
    house.tell("I'm working on a compiler.", conversation="a")
    house.tell("My name is Ana.", "Forget everything about me.", conversation="b")
    assert house.texts() == []


def test_a_wish_for_one_conversation_leaves_the_lasting_one_standing() -> None:
    house = House()
    house.tell("Always answer in French.", "Answer in German.")
    assert sorted(house.texts()) == ["answers in: French", "answers in: German"]
    house.tell("Always answer in Polish.")
    assert house.texts() == ["answers in: Polish"]


@given(st.permutations([note("name: Ana", id="1"), note("lives in: Oslo", id="2"), note("job: nurse", id="3")]))
def test_the_order_of_what_stands_does_not_count(standing) -> None:
    change = resolve(extract("I moved from Oslo to Rome."), standing, "c", "")
    assert [put.text for put, _ in change.put] == ["lives in: Rome"]
    assert change.replaced == ("2",)


def test_a_note_of_another_conversation_is_not_touched() -> None:
    task = note("working on: a compiler", id="1", conversation="other", slot=Slot("user", "project"))
    change = resolve(extract("I'm working on a game."), [task], "c", "")
    assert change.replaced == ()
    assert isinstance(change.put[0][0], Put)
