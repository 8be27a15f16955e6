"""The memory as the gateway uses it."""

from __future__ import annotations

import pytest

from pipeline.memory.decay import DAY
from pipeline.memory.inject import HEADING, is_block
from pipeline.memory.items import MOST_TOKENS, Owner
from pipeline.memory.memory import SLICE, in_slices, noted
from pipeline.memory.select import Budget
from tests.unit.memory.support import NOW, OWNER, House, roomy, words

LONG = (
    "The bridge is 120 metres long and was built in 1932. Rust is a problem there. Trains cross it twice an hour, day and night."
)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_what_was_told_goes_with_a_later_question() -> None:
    house = roomy()
    house.tell("My dog is called Rex.", conversation="a")
    found = house.memory.recall(OWNER, "b", [user("What should I call my dog's new toy?")])
    assert [item.text for item in found.items] == ["dog's name: Rex"]
    assert found.messages[0]["content"].startswith(HEADING)
    assert found.messages[1:] == [user("What should I call my dog's new toy?")]
    assert found.digest
    assert found.tokens_after > found.tokens_before


def test_nobody_else_gets_it() -> None:
    house = roomy()
    house.tell("My dog is called Rex.")
    for other in (Owner("acme", "bo"), Owner("other", "ana")):
        found = house.memory.recall(other, "c", [user("What is my dog called?")])
        assert (found.items, found.digest) == ((), "")


def test_what_stands_in_the_request_is_not_said_twice() -> None:
    house = roomy()
    house.tell("My dog is called Rex.")
    found = house.memory.recall(OWNER, "c", [user("My dog is called Rex."), assistant("Nice."), user("What is my dog called?")])
    assert found.items == ()


def test_the_block_is_at_most_a_tenth_of_the_prompt() -> None:
    house = House()
    house.tell("My dog is called Rex.", "I live in Oslo.", "My name is Ana.")
    found = house.memory.recall(OWNER, "x", [user("What is my dog called?")])
    assert not any(map(is_block, found.messages))
    found = house.memory.recall(OWNER, "x", [{"role": "system", "content": "word " * 300}, user("What is my dog called?")])
    (block,) = filter(is_block, found.messages)
    assert words(block["content"]) <= 31


def test_a_task_stays_in_its_conversation_and_a_fact_does_not() -> None:
    house = roomy()
    house.tell("I'm working on a compiler.", "I live in Oslo.", conversation="a")
    assert [item.text for item in house.memory.recall(OWNER, "b", [user("hi")]).items] == ["lives in: Oslo"]
    assert len(house.memory.recall(OWNER, "a", [user("hi")]).items) == 2


def test_a_long_history_is_replaced_by_notes_and_blocks() -> None:
    house = roomy()
    talk = [user("I live in Oslo. " + LONG), assistant("Oslo, I see. " + LONG)]
    for _ in range(6):
        house.memory.learn(OWNER, "c", [*talk, user("x")][: len(talk) - 1])
        talk += [user(LONG), assistant(LONG)]
    found = house.memory.recall(OWNER, "c", [*talk, user("Where do I live?")])
    assert found.blocks > 0
    assert found.tokens_after < found.tokens_before / 2
    assert [item.text for item in found.items] == ["lives in: Oslo"]
    assert sum("Oslo" in str(message["content"]) for message in found.messages) == 1


def test_an_update_leaves_nothing_of_the_old_value_in_the_request() -> None:
    house = roomy()
    talk: list[dict[str, str]] = []
    for text in ("I live in Oslo.", LONG, "Actually, I moved to Rome.", LONG, LONG, LONG, LONG):
        talk.append(user(text))
        house.memory.learn(OWNER, "c", talk)
        talk.append(assistant("Since you live in Oslo, take a coat. " + LONG if "Oslo" in text else LONG))
    found = house.memory.recall(OWNER, "c", [*talk, user("Where do I live?")])
    assert "Oslo" not in str(found.messages)
    assert "Rome" in str(found.messages)


def test_the_question_without_its_history() -> None:
    talk = [user("How do I sort a list in Ruby?"), assistant("Use sort."), user("and in Python?")]
    found = House().memory.recall(OWNER, "c", talk)
    assert (found.standalone, found.why) == ("How do I sort a list in Python?", "exchanged")


def test_a_note_that_helps_is_strengthened_and_others_fade() -> None:
    house = roomy()
    house.tell("My dog is called Rex.", "My cat is called Tom.")
    for _ in range(8):
        house.clock.advance(25 * DAY)
        house.memory.recall(OWNER, "c2", [user("What was my dog's name?")])
    found = house.memory.recall(OWNER, "c2", [user("hi")])
    assert [item.text for item in found.items] == ["dog's name: Rex"]


# --- learning ---


def test_a_message_that_comes_twice_counts_once() -> None:
    house = House()
    told = [user("I live in Oslo.")]
    assert house.memory.learn(OWNER, "c", told)
    (before,) = house.pocket.standing(OWNER)
    assert house.memory.learn(OWNER, "c", told) is None
    assert house.pocket.standing(OWNER) == [before]


def test_a_message_that_comes_again_after_an_update_does_not_undo_it() -> None:
    house = House()
    house.tell("I live in Oslo.", "Actually, I moved to Rome.")
    house.memory.learn(OWNER, "c", [user("I live in Oslo.")], at=NOW + 60)
    assert house.texts() == ["lives in: Rome"]


def test_a_message_that_is_late_does_not_undo_what_was_said_after_it() -> None:
    house = House()
    house.memory.learn(OWNER, "c", [user("I live in Rome.")], at=NOW, delivery="2")
    house.memory.learn(OWNER, "c", [user("I live in Oslo.")], at=NOW - 5, delivery="1")
    assert house.texts() == ["lives in: Rome"]


def test_the_same_words_in_a_new_request_count_again() -> None:
    house = House()
    for number, text in enumerate(("I live in Oslo.", "I moved to Rome.", "I live in Oslo.")):
        house.memory.learn(OWNER, "c", [user(text)], at=NOW + number, delivery=str(number))
    assert house.texts() == ["lives in: Oslo"]


def test_a_note_is_short() -> None:
    house = House()
    house.tell("Remember that " + "very " * (MOST_TOKENS + 10) + "long things are not kept.")
    assert house.texts() == []


def test_a_message_without_anything_to_learn_does_not_touch_the_shelf() -> None:
    class Closed:
        def edit(self, *_: object) -> None:
            raise AssertionError

    house = House()
    house.memory._shelf = Closed()  # type: ignore[assignment]
    assert not house.memory.learn(OWNER, "c", [user("What is the capital of France?")])


def test_texts_are_counted_in_slices() -> None:
    sizes: list[int] = []

    def count(text: str) -> int:
        sizes.append(len(text))
        return len(text)

    assert in_slices(count)("x" * (2 * SLICE + 7)) == 2 * SLICE + 7
    assert max(sizes) == SLICE
    assert in_slices(count)("") == 0


def test_noted_values_have_the_old_ones_as_well() -> None:
    assert noted("We switched from Python to Go.") == ("Go", "Python")
    assert noted("What is Go?") == ()


@pytest.mark.parametrize("text", ["", " ", "\ud800", "x" * 500_000, "(" * 500_000, "I live in Oslo. " * 30_000])
def test_any_request_goes_through(text: str) -> None:
    house = House(budget=Budget())
    for role in ("user", "assistant", "system", "tool"):
        talk = [{"role": role, "content": text}, user("hi"), assistant(text), user(text)]
        found = house.memory.recall(OWNER, "c", talk)
        assert found.messages[-1] == user(text)
        house.memory.learn(OWNER, "c", talk)
    assert house.memory.recall(OWNER, "c", []).messages == []
