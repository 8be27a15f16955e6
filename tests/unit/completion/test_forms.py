"""A completion and its stream say the same, whichever was first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.completion.assemble import assemble
from pipeline.completion.resume import Diverged, Resumed
from pipeline.completion.split import split

calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": st.text(min_size=1), "arguments": st.text()}),
        }
    ),
    min_size=1,
    max_size=3,
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.none() | st.text()},
    optional={"refusal": st.none(), "reasoning_content": st.text(), "tool_calls": calls, "annotations": st.just([])},
)
choices = st.fixed_dictionaries(
    {"message": messages, "finish_reason": st.sampled_from(["stop", "length", "tool_calls"]), "logprobs": st.none()}
)


@st.composite
def completions(draw: st.DrawFn) -> dict[str, Any]:
    many = draw(st.lists(choices, min_size=1, max_size=3))
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "system_fingerprint": draw(st.none() | st.text()),
        "choices": [{"index": index, **choice} for index, choice in enumerate(many)],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


@given(completions())
def test_a_stream_of_a_completion_assembles_to_it(completion: dict[str, Any]) -> None:
    assert msgspec.json.decode(assemble(split(completion, include_usage=True))) == completion


@given(completions())
def test_usage_comes_only_when_asked_for(completion: dict[str, Any]) -> None:
    chunks = [msgspec.json.decode(chunk) for chunk in split(completion, include_usage=False)]
    assert not any("usage" in chunk for chunk in chunks)
    with_usage = [msgspec.json.decode(chunk) for chunk in split(completion, include_usage=True)]
    assert with_usage[-1]["choices"] == []
    assert all(chunk["usage"] is None for chunk in with_usage[:-1])


def chunk(text: str = "", finish: str | None = None, **delta: Any) -> bytes:
    return msgspec.json.encode(
        {"id": "x", "choices": [{"index": 0, "delta": {**({"content": text} if text else {}), **delta}, "finish_reason": finish}]}
    )


def test_pieces_of_a_tool_call_are_put_together() -> None:
    pieces = [
        chunk(
            role="assistant",
            tool_calls=[{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
        ),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a"'}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}]),
        chunk(finish="tool_calls"),
    ]
    message = msgspec.json.decode(assemble(pieces))["choices"][0]["message"]
    assert message["tool_calls"] == [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]


def test_a_role_that_is_repeated_in_each_chunk_is_said_once() -> None:
    whole = msgspec.json.decode(assemble([chunk("a", role="assistant"), chunk("b", role="assistant"), chunk(finish="stop")]))
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "ab"}


@given(st.text(min_size=1), st.data())
def test_a_resumed_stream_gives_every_character_once(text: str, data: st.DataObject) -> None:
    def cut(label: str) -> list[str]:
        places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5), label=label))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]

    sent_length = data.draw(st.integers(0, len(text)), label="sent")
    sent = [chunk(text[:sent_length], role="assistant")]
    resumed = Resumed(sent)
    rest = [resumed.feed(chunk(piece)) for piece in cut("second attempt")]
    rest.append(resumed.feed(chunk(finish="stop")))
    whole = msgspec.json.decode(assemble([*sent, *(piece for piece in rest if piece)]))
    assert whole["choices"][0]["message"].get("content", "") == text
    assert whole["choices"][0]["finish_reason"] == "stop"


def test_another_answer_is_not_glued_to_the_first() -> None:
    resumed = Resumed([chunk("The answer is 4")])
    with pytest.raises(Diverged):
        resumed.feed(chunk("The answer is 5"))


def test_a_shorter_answer_is_not_taken_for_the_same() -> None:
    resumed = Resumed([chunk("The answer is 42")])
    assert resumed.feed(chunk("The answer is 4")) is None
    with pytest.raises(Diverged):
        resumed.feed(chunk(finish="stop"))
