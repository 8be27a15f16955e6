"""What of a request is compared by meaning, and what has to be equal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.semantic.question import LONGEST, Question, question
from pipeline.request.model import Request, parse

TEXT = "How do I boil an egg?"
SYSTEM = {"role": "system", "content": "You are a cook."}
HISTORY = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def request(content: Any = TEXT, *before: dict[str, Any], last: dict[str, Any] | None = None, **parameters: Any) -> Request:
    messages = [*before, {"role": "user", "content": content, **(last or {})}]
    return parse("chat/completions", json.dumps({"model": "m", "messages": messages, **parameters}).encode())


def asked(content: Any = TEXT, *before: dict[str, Any], tenant: str = "t", **parameters: Any) -> Question:
    found = question(request(content, *before, **parameters), tenant)
    assert isinstance(found, Question), found
    return found


# --- the partition ---


def test_the_last_message_is_the_question_and_not_part_of_the_partition() -> None:
    one, other = asked("How do I boil an egg?"), asked("What is the capital of Peru?")
    assert one.partition == other.partition
    assert (one.text, other.text) == ("How do I boil an egg?", "What is the capital of Peru?")


@pytest.mark.parametrize(
    "parameters",
    [
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"metadata": {"a": "b"}},
        {"user": "u1"},
        {"service_tier": "flex"},
        {"prompt_cache_key": "k"},
    ],
)
def test_what_says_nothing_about_the_answer_is_not_part_of_it(parameters: dict[str, Any]) -> None:
    assert asked(**parameters) == asked()


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"max_tokens": 10},
        {"seed": 1},
        {"stop": "."},
        {"n": 2},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"top_k": 40},
        {"model": "m2"},
    ],
)
def test_every_other_parameter_is(parameters: dict[str, Any]) -> None:
    assert asked(**parameters).partition != asked().partition


def test_all_that_differs_makes_a_partition_of_its_own() -> None:
    partitions = {
        asked().partition,
        asked(tenant="t2").partition,
        asked(TEXT, SYSTEM).partition,
        asked(TEXT, {"role": "developer", "content": SYSTEM["content"]}).partition,
        asked(TEXT, {"role": "system", "content": "You are a pirate."}).partition,
        asked(TEXT, *HISTORY).partition,
        asked(TEXT, *HISTORY[:1]).partition,
        asked(TEXT, SYSTEM, *HISTORY).partition,
        asked(TEXT, *HISTORY, {"role": "tool", "content": "x", "tool_call_id": "1"}).partition,
    }
    assert len(partitions) == 9


def test_callers_can_be_kept_apart() -> None:
    found = {
        question(request(user=user), "t", partition=partition, per_user=per_user)
        for user in ("u1", "u2")
        for partition in ("", "p")
        for per_user in (False, True)
    }
    assert len(found) == 2 + 4  # with `per_user` one for each user and partition, without it one for each partition


@given(st.text(), st.text())
def test_tenants_never_share_a_partition(one: str, other: str) -> None:
    assert (asked(tenant=one) == asked(tenant=other)) == (one == other)


def test_a_message_that_looks_like_the_place_of_the_question_is_told_from_it() -> None:
    assert asked(TEXT, {"role": "user", "content": "\x00question"}).partition != asked().partition


# --- the text ---


def test_content_in_parts_is_the_same_as_a_text() -> None:
    assert asked([{"type": "text", "text": TEXT}]) == asked()
    assert (
        asked([{"type": "text", "text": "How do I"}, {"type": "text", "text": "boil an egg?"}]).text == "How do I\nboil an egg?"
    )


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "last_message"),
        ([IMAGE], "last_message"),
        ([{"type": "text", "text": TEXT}, IMAGE], "last_message"),
        ([{"type": "text", "text": 5}], "last_message"),
        ([{"type": "text", "text": None}], "last_message"),
        ([{"type": "text"}], "last_message"),
        ([{"type": "text", "text": TEXT, "cache_control": {}}], "last_message"),
        ("an egg\x00", "last_message"),
        ([], "no_content"),
        ("", "no_content"),
        ("x" * (LONGEST + 1), "too_long"),
        ([{"type": "text", "text": "x" * LONGEST}, {"type": "text", "text": "y"}], "too_long"),
        ("What is the weather in Rome?", "time"),
        ("Where is my order?", "personal"),
    ],
)
def test_there_is_no_question_and_a_reason(content: Any, reason: str) -> None:
    assert question(request(content), "t") == reason


def test_the_longest_text_is_a_question() -> None:
    assert asked("word " * (LONGEST // 5)).text == "word " * (LONGEST // 5)


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool", "function", "User"])
def test_only_a_user_asks(role: str) -> None:
    assert question(request(last={"role": role}), "t") == "last_message"


@pytest.mark.parametrize("more", [{"name": "bob"}, {"tool_call_id": "1"}, {"tool_calls": []}])
def test_a_last_message_with_more_than_a_text_is_no_question(more: dict[str, Any]) -> None:
    assert question(request(last=more), "t") == "last_message"


def test_embeddings_ask_nothing() -> None:
    assert question(parse("embeddings", b'{"model":"m","input":"How do I boil an egg?"}'), "t") == "endpoint"


parts = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "image_url", "x"])}, optional={"text": st.none() | st.text()})
)


@given(st.none() | st.text() | parts)
def test_whatever_a_request_contains_it_is_a_question_or_a_reason(content: Any) -> None:
    found = question(request(content), "t")
    assert isinstance(found, str) or (isinstance(found.text, str) and 0 < len(found.text) <= LONGEST)
