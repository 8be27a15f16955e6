"""A long history is shortened, and its beginning stays the same from turn to turn."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.memory.extractive import digest_spoken
from pipeline.memory.history import MARK, Shape, block_spans, shape_for, shorten
from tests.unit.memory.support import words

SHAPE = Shape(high=60, keep=2, share=0.25)
SENTENCES = [
    "The bridge is 120 metres long.", "It was built in 1932 by a firm from Leeds.", "You should paint it every ten years.",
    "Rust is the main problem.", "The north side must not be closed.", "Trains cross it twice an hour.", "What does paint cost?",
    "A new coat costs about 40,000 euros.", "Ms Holm decided against blue.", "The view is fine.",
]  # fmt: skip
texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=5).map(" ".join)
turns = st.lists(st.tuples(texts, texts), min_size=1, max_size=14)


def digest(spoken, room, barred):
    return digest_spoken(spoken, room, words, barred)


def request(said) -> list[dict[str, str]]:
    """A system message, whole turns, and a question."""
    messages = [{"role": "system", "content": "Be kind."}]
    for question, answer in said:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return [*messages, {"role": "user", "content": "And now?"}]


def shortened(messages, noted=lambda text: ()):
    return shorten(messages, words, SHAPE, digest, noted)


def is_made(message) -> bool:
    return str(message["content"]).startswith(MARK.strip())


@settings(max_examples=150)
@given(turns)
def test_the_last_turns_and_the_instructions_stay_word_for_word(said) -> None:
    messages = request(said)
    found = shortened(messages).messages
    assert found[0] == messages[0]
    assert found[-3:] == messages[-3:]


@settings(max_examples=150)
@given(turns)
def test_blocks_are_never_changed_once_they_are_made(said) -> None:
    """The first messages of a request are those of the request before, but where a new block begins."""
    before: list = []
    for count in range(1, len(said) + 1):
        now = shortened(request(said[:count])).messages
        made = [message for message in now if is_made(message)]
        assert made[: len(before)] == before
        before = made


@settings(max_examples=100)
@given(turns)
def test_between_blocks_a_request_begins_as_the_one_before(said) -> None:
    for count in range(1, len(said)):
        one, two = shortened(request(said[:count])), shortened(request(said[: count + 1]))
        if one.blocks == two.blocks:
            assert two.messages[: len(one.messages) - 1] == one.messages[:-1]


@given(turns)
def test_every_sentence_of_a_block_was_said_by_who_is_said_to_have_said_it(said) -> None:
    by_role = {"user": " ".join(question for question, _ in said), "assistant": " ".join(answer for _, answer in said)}
    for message in shortened(request(said)).messages[1:-1]:
        if is_made(message):
            rest = message["content"].removeprefix(MARK.strip()).strip()
            for sentence in SENTENCES:
                rest = rest.replace(sentence, "") if sentence in by_role[message["role"]] else rest
            assert not rest.strip()


@given(st.lists(st.integers(0, 80), max_size=30), st.integers(1, 4), st.integers(10, 200))
def test_spans_are_in_order_and_leave_the_last_turns(tokens, keep, high) -> None:
    shape = Shape(high=high, keep=keep)
    spans = block_spans(tokens, [True] * len(tokens), shape)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert not spans or spans[-1][1] <= len(tokens) - keep
    for count in range(len(tokens)):
        shorter = block_spans(tokens[:count], [True] * count, shape)
        assert spans[: len(shorter)] == shorter


def test_calls_of_tools_stay_and_blocks_are_made_around_them() -> None:
    long = " ".join(SENTENCES[:6])
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    messages = [
        {"role": "user", "content": long}, {"role": "assistant", "content": long},
        {"role": "user", "content": "look it up"}, call, {"role": "tool", "content": long, "tool_call_id": "1"},
        {"role": "assistant", "content": long},
        *request([(long, long), ("a", "b")])[1:],
    ]  # fmt: skip
    found = shortened(messages).messages
    assert [message for message in messages[2:6] if message in found] == messages[2:6]
    assert sum(map(is_made, found)) >= 2


def test_a_short_history_is_left_as_it_is() -> None:
    messages = request([("hi", "hello")])
    found = shortened(messages)
    assert found.messages == messages
    assert found.verbatim == ["hi", "And now?"]


def test_what_notes_keep_up_to_date_is_not_in_a_block() -> None:
    said = [
        ("I must live in Oslo in 2027. " * 3, "You must not leave Oslo before 9. " * 5),
        ("a b c", "d e f"),
        ("a b c", "d e f"),
    ]
    found = shortened(request(said), noted=lambda text: ("Oslo",) if "Oslo" in text else ())
    assert found.blocks == 1
    assert "Oslo" not in str(found.messages)
    assert "Oslo" in str(shortened(request(said)).messages)


def test_where_kept_prefixes_are_cheap_history_is_longer() -> None:
    assert shape_for(0.1).high > shape_for(0.5).high == shape_for(1.0).high


def test_any_messages_are_taken() -> None:
    for messages in ([], [{"role": "assistant", "content": "a"}], [{"role": "user", "content": None}], [{"role": "tool"}], [{}]):
        assert shortened(messages).messages == messages


def test_a_digest_keeps_to_its_room() -> None:
    spoken = (("user", " ".join(SENTENCES)), ("assistant", " ".join(SENTENCES)))
    for room in (0, 1, 7, 20, 60):
        assert sum(words(text) for _, text in digest_spoken(spoken, room, words, ())) <= room


def test_numbers_and_negations_are_kept_before_chatter() -> None:
    (found,) = digest_spoken((("assistant", " ".join(SENTENCES)),), 12, words, ())
    assert any(char.isdigit() for char in found[1])
    assert "The view is fine." not in found[1]


def test_code_is_not_quoted_in_pieces() -> None:
    text = "Use a loop. It runs 3 times.\n```\nfor x in range(3): print(x)\n```\nThat prints 3 numbers."
    assert "range" not in str(digest_spoken((("assistant", text),), 100, words, ()))
