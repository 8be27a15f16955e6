"""Only the user's own words are ever written: nothing of the assistant, of tools, of instructions."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.memory.support import OWNER, House

STATEMENTS = [
    "My name is {}.", "I live in {}.", "We use {}.", "Remember that the code word is {}.", "Call me {}.", "My dog is called {}.",
    "I work for {}.", "Always answer in {}.", "Actually, I moved to {}.", "My deadline is {}.",
]  # fmt: skip
MINE = ["Oslo", "Go", "Rex", "Ana", "French", "Monday"]
THEIRS = ["Zanzibar", "Cobol", "Umbridge", "Quentin", "Swahili", "Doomsday"]

others = st.sampled_from(["assistant", "tool", "system", "developer", "function"])
messages = st.lists(
    st.one_of(
        st.tuples(st.just("user"), st.sampled_from(STATEMENTS), st.sampled_from(MINE)),
        st.tuples(others, st.sampled_from(STATEMENTS), st.sampled_from(THEIRS)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200)
@given(messages)
def test_no_word_of_anybody_else_gets_into_a_note(said) -> None:
    house = House()
    request = []
    for role, statement, value in said:
        request.append({"role": role, "content": statement.format(value)})
        house.memory.learn(OWNER, "c", request)
    words = set(re.findall(r"\w+", " ".join(house.texts())))
    assert words.isdisjoint(THEIRS)


def test_other_parts_of_a_message_are_not_read() -> None:
    house = House()
    content = [{"type": "image_url", "image_url": {"url": "data:,my name is Eve"}}, {"type": "text", "text": "I live in Oslo."}]
    house.memory.learn(OWNER, "c", [{"role": "user", "content": content}])
    assert house.texts() == ["lives in: Oslo"]


def test_without_a_message_of_the_user_nothing_is_learned() -> None:
    house = House()
    house.memory.learn(OWNER, "c", [{"role": "assistant", "content": "My name is Eve."}])
    house.memory.learn(OWNER, "c", [])
    assert house.texts() == []
