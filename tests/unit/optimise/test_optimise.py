"""A request with fewer tokens: stable beginnings, nothing changed twice, nothing changed that is not to be."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise import linter
from pipeline.optimise.optimise import optimise
from pipeline.optimise.results import Tier, Tiers
from pipeline.optimise.segments import Name, segments
from tests.unit.optimise.support import BOTH, messages, texts, words

VERBOSE = "Hello! I would really appreciate it if you could please explain how vaccines work. Thank you so much in advance!"
PLAIN = "Explain how vaccines work."
PRETTY = json.dumps({"users": [{"id": number, "name": f"User {number}"} for number in range(20)]}, indent=2)


def asked(*contents: Any, role: str = "user") -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": role, "content": content} for content in contents]}


def texts_of(body: Any) -> list[str]:
    return [segment.text for segment in segments(body)]


def test_with_all_tiers_off_it_is_the_very_same_object() -> None:
    body = asked(VERBOSE)
    found = optimise(body, Tiers(), words)
    assert found.body is body
    assert (found.tokens_before, found.tokens_after, found.notes) == (0, 0, ())


def test_where_nothing_changes_it_is_the_very_same_object() -> None:
    body = asked("What is the capital of Kenya?")
    found = optimise(body, BOTH, words)
    assert found.body is body
    assert found.tokens_before == found.tokens_after == words("What is the capital of Kenya?")
    assert found.notes[0].reasons == ("too_short",)


def test_courtesies_go_and_the_request_stays() -> None:
    found = optimise(asked(VERBOSE), BOTH, words)
    assert texts_of(found.body) == [PLAIN]
    assert found.saved == {Tier.PLAIN: words(VERBOSE) - words(PLAIN)}
    assert found.notes[0].done == (Tier.PLAIN,)
    assert found.notes[0].where == "messages[0].content"


def test_each_tier_does_only_its_own() -> None:
    text = f"{VERBOSE}\n\n{PRETTY}"
    compact = json.dumps(json.loads(PRETTY), separators=(",", ":"))
    assert texts_of(optimise(asked(text), Tiers(lossless=True), words).body) == [f"{VERBOSE}\n\n{compact}"]
    assert texts_of(optimise(asked(text), Tiers(plain=True), words).body) == [f"{PLAIN}\n\n{PRETTY}"]


def test_the_words_of_the_model_are_sent_back_as_they_are() -> None:
    body = asked(f"{VERBOSE}   \n\n\n\n{PRETTY}", role="assistant")
    found = optimise(body, BOTH, words)
    assert found.body is body
    assert found.notes[0].reasons == ("own_words",)


def test_a_system_prompt_loses_white_space_only_and_only_if_the_prefix_may_change() -> None:
    text = f"{VERBOSE}   \n\n\n\n{PRETTY}"
    assert texts_of(optimise(asked(text, role="system"), BOTH, words).body) == [f"{VERBOSE}\n\n{PRETTY}"]
    body = asked(text, role="system")
    assert optimise(body, Tiers(lossless=True, plain=True, static=False), words).body is body


def test_few_shot_examples_stay() -> None:
    body = {"messages": [{"role": "system", "name": "example_user", "content": "a   \n\n\n\nb"}]}
    assert optimise(body, BOTH, words).body is body


def test_a_text_in_parts_keeps_its_other_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    body = asked([image, {"type": "text", "text": VERBOSE, "cache_control": {"type": "ephemeral"}}])
    sent = optimise(body, BOTH, words).body["messages"][0]["content"]
    assert sent == [image, {"type": "text", "text": PLAIN, "cache_control": {"type": "ephemeral"}}]


def test_what_does_not_get_fewer_tokens_stays() -> None:
    body = asked(VERBOSE)
    found = optimise(body, BOTH, lambda text: 7)
    assert found.body is body
    assert "no_saving" in found.notes[0].reasons


def test_tool_results_stay_where_files_are_edited() -> None:
    body = {
        "messages": [{"role": "user", "content": "Rename the key"}, {"role": "tool", "content": PRETTY}],
        "tools": [{"function": {"name": "str_replace_editor"}, "type": "function"}],
    }
    found = optimise(body, BOTH, words)
    assert found.body is body
    assert found.notes[-1].reasons == ("edits_files",)


def test_a_question_about_layout_keeps_that_of_the_tool_result() -> None:
    asked_for = {"role": "user", "content": "How many lines does the file have?"}
    body = {"messages": [asked_for, {"role": "tool", "content": PRETTY}]}
    assert optimise(body, BOTH, words).body is body
    body["messages"][0] = {"role": "user", "content": "Which user is the first?"}
    assert optimise(body, BOTH, words).body is not body


def test_a_document_that_was_sent_before_becomes_a_reference() -> None:
    document = "Alpha beta gamma delta. " * 20
    body = {
        "messages": [
            {"role": "user", "content": "Fetch it"},
            {"role": "tool", "content": document},
            {"role": "user", "content": "Fetch it again"},
            {"role": "tool", "content": document},
        ]
    }
    found = optimise(body, BOTH, words)
    sent = texts_of(found.body)
    assert sent[1] == document.rstrip(" ") or sent[1] == document
    assert sent[3] == '[as above: "Alpha beta gamma delta. Alpha beta …"]'
    assert found.saved[Tier.REPEATS] > 0


def test_it_does_not_where_repetitions_are_asked_about() -> None:
    document = "Alpha beta gamma delta. " * 20
    question = {"role": "user", "content": "Are these two identical?"}
    body = {"messages": [question, {"role": "tool", "content": document}, {"role": "tool", "content": document}]}
    sent = texts_of(optimise(body, BOTH, words).body)
    assert sent[1] == sent[2]


def test_a_long_retrieved_text_is_extracted_for_the_question_before_it() -> None:
    given_: list[tuple[str, str]] = []

    def extract(text: str, question: str) -> str:
        given_.append((text, question))
        return text.partition("\n")[0]

    document = "The budget is 300 euros.\n" + "Nothing else was said here at all.\n" * 200
    body = {
        "messages": [
            {"role": "user", "content": "What is the budget?"},
            {"role": "tool", "content": document},
            {"role": "user", "content": "And what else?"},
        ]
    }
    found = optimise(body, Tiers(extractive=True), words, extract)
    assert texts_of(found.body)[1] == "The budget is 300 euros."
    assert given_ == [(document, "What is the budget?")]
    assert found.saved[Tier.EXTRACTIVE] > 0


def test_an_extract_that_says_something_of_its_own_is_not_sent() -> None:
    body = {"messages": [{"role": "user", "content": "Go on"}, {"role": "tool", "content": "The budget is 300 euros. " * 400}]}
    found = optimise(body, Tiers(extractive=True), words, lambda text, question: "The budget is 400 euros.")
    assert found.body is body
    assert found.notes[1].reasons == ("linter:number",)


def test_data_is_not_extracted_from() -> None:
    body = {"messages": [{"role": "user", "content": "Go on"}, {"role": "tool", "content": "[1, 2]" + " " * 9000}]}
    assert optimise(body, Tiers(extractive=True), words, lambda text, question: "").body is body


def test_a_segment_of_half_a_million_characters_is_sent_as_it_is() -> None:
    body = asked("please " * 80_000)
    found = optimise(body, BOTH, len)
    assert found.body is body
    assert found.notes[0].reasons == ("too_long",)


def test_segments_are_named_by_where_they_stand() -> None:
    body = {
        "messages": [
            {"role": "developer", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "content": "c"},
            {"role": "user", "content": [{"type": "text", "text": "d"}]},
        ]
    }
    found = [(segment.where, segment.name) for segment in segments(body)]
    assert found == [
        ("messages[0].content", Name.STATIC),
        ("messages[1].content", Name.HISTORY),
        ("messages[3].content", Name.RETRIEVED),
        ("messages[4].content[0].text", Name.LAST),
    ]


# --- what holds for any request ---


@settings(max_examples=400, deadline=None)
@given(messages(), messages())
def test_the_beginning_of_a_conversation_is_sent_in_the_same_bytes_however_it_goes_on(
    beginning: list[dict[str, Any]], continuation: list[dict[str, Any]]
) -> None:
    short = optimise({"messages": beginning}, BOTH, words).body["messages"]
    long = optimise({"messages": beginning + continuation}, BOTH, words).body["messages"]
    assert long[: len(short)] == short


@settings(max_examples=400, deadline=None)
@given(messages())
def test_what_was_optimised_stays_as_it_is(given_: list[dict[str, Any]]) -> None:
    once = optimise({"messages": given_}, BOTH, words).body
    assert optimise(once, BOTH, words).body == once


@settings(max_examples=400, deadline=None)
@given(messages())
def test_the_input_is_not_changed_and_no_message_is_lost(given_: list[dict[str, Any]]) -> None:
    body = {"messages": given_, "model": "m"}
    before = copy.deepcopy(body)
    found = optimise(body, BOTH, words)
    assert body == before
    assert [message["role"] for message in found.body["messages"]] == [message["role"] for message in given_]
    assert found.tokens_before - found.tokens_after == sum(found.saved.values())
    assert found.tokens_after <= found.tokens_before


@settings(max_examples=400, deadline=None)
@given(texts())
def test_the_linter_has_nothing_against_what_is_sent(text: str) -> None:
    lossless = texts_of(optimise(asked(text), Tiers(lossless=True), words).body)
    plain = texts_of(optimise(asked(text), BOTH, words).body)
    assert linter.check(lossless[0], plain[0]) == ()


@pytest.mark.parametrize("tiers", [BOTH, Tiers(lossless=True), Tiers(plain=True)])
@given(
    content=st.one_of(st.none(), st.text(), st.just([]), st.just([{"type": "text"}])),
    role=st.sampled_from(["user", "tool", "x", ""]),
)
def test_odd_messages_go_through(tiers: Tiers, content: Any, role: str) -> None:
    optimise({"messages": [{"role": role, "content": content}]}, tiers, words)


@pytest.mark.parametrize(
    "text", ["\ud800 I would like you to explain this, please.", "مرحبا " * 50, "👩‍👩‍👧 " * 40, "\u200f" * 30]
)
def test_characters_that_are_hard_to_handle_go_through(text: str) -> None:
    optimise(asked(text), BOTH, words)
