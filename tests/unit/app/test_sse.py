"""What a caller of a stream reads is the answer, once, whatever happened on the way to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sse import DONE, StreamInterrupted, StreamRenderer, comment, frame, is_usage
from pipeline.admission.events import Accepted, Answered, Delta, Event, Restarted, StageDone
from pipeline.completion.assemble import assemble
from pipeline.completion.split import split
from tests.support.runs import make_answer

USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


def completion(*texts: str, usage: bool = True, **message: Any) -> dict[str, Any]:
    choices = [
        {"index": n, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop", "logprobs": None}
        for n, text in enumerate(texts)
    ]
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    return {**head, "usage": USAGE} if usage else head


def answered(whole: dict[str, Any], source: str = "upstream") -> Answered:
    return Answered(make_answer(body=msgspec.json.encode(whole)), source)


def piece(text: str = "", index: int = 0, finish: str | None = None, **delta: Any) -> bytes:
    said = {**({"content": text} if text else {}), **delta}
    return msgspec.json.encode(
        {"id": "chatcmpl-1", "model": "m", "choices": [{"index": index, "delta": said, "finish_reason": finish}], "usage": None}
    )


USAGE_CHUNK = msgspec.json.encode({"id": "chatcmpl-1", "model": "m", "choices": [], "usage": USAGE})


def told(*texts: str, usage: bool = True) -> list[bytes]:
    """The chunks of an upstream that streams these pieces of one choice."""
    end = [piece(finish="stop"), *([USAGE_CHUNK] if usage else [])]
    return [piece(role="assistant"), *(piece(text) for text in texts), *end]


def render(batches: Iterable[Sequence[Event]], include_usage: bool = False) -> list[bytes]:
    renderer = StreamRenderer(include_usage=include_usage)
    return [chunk for batch in batches for chunk in renderer.feed(list(batch))]


def one_by_one(*events: Event) -> list[list[Event]]:
    return [[event] for event in events]


def texts_of(chunks: list[bytes]) -> list[str]:
    """The text of each choice, as a client puts it together."""
    whole = msgspec.json.decode(assemble(chunks))
    return [choice["message"].get("content") or "" for choice in whole["choices"]]


def usages_of(chunks: list[bytes]) -> list[dict[str, int]]:
    return [usage for chunk in chunks if (usage := msgspec.json.decode(chunk).get("usage"))]


# --- a stream that nothing interrupts ---


def test_chunks_of_a_running_call_pass_byte_for_byte() -> None:
    chunks = [b'{ "choices" : [ {"index":0,"delta":{"content":"h\\u0069"} } ] }', b'{"choices":[{"index":0,"delta":{}}]}']
    assert render(one_by_one(Delta(chunks))) == chunks


def test_after_live_chunks_the_whole_answer_adds_nothing() -> None:
    chunks = told("a", "b", usage=False)
    assert render(one_by_one(Delta(chunks), answered(completion("ab")))) == chunks


def test_an_answer_that_was_not_streamed_is_told_as_chunks() -> None:
    whole = completion("hello")
    assert render([[Accepted(1.0), StageDone("call", "asked", 1.0), answered(whole)]]) == split(whole, include_usage=False)


@pytest.mark.parametrize("streamed", [True, False], ids=["live", "stored"])
@pytest.mark.parametrize("chunk_sent", [True, False], ids=["upstream told usage", "upstream told none"])
@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
def test_usage_is_told_once_to_who_asked_for_it_and_never_to_others(streamed: bool, chunk_sent: bool, asked: bool) -> None:
    events: list[Event] = [Delta(told("a", "b", usage=chunk_sent))] if streamed else []
    chunks = render(one_by_one(*events, answered(completion("ab"))), include_usage=asked)
    assert usages_of(chunks) == ([USAGE] if asked else [])
    if asked:
        assert is_usage(chunks[-1])


def test_usage_that_nobody_knows_is_not_made_up() -> None:
    chunks = render(one_by_one(answered(completion("ab", usage=False))), include_usage=True)
    assert usages_of(chunks) == []


@pytest.mark.parametrize("spelled", [b'"choices":[]', b'"choices": []', b'"choices" : [ ]', b'"choices":\n[\n]'])
def test_the_usage_chunk_is_known_however_it_is_spelled(spelled: bytes) -> None:
    chunk = b'{"id":"x",' + spelled + b',"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    assert is_usage(chunk)
    assert render(one_by_one(Delta([chunk]))) == []
    assert render(one_by_one(Delta([chunk])), include_usage=True) == [chunk]


@pytest.mark.parametrize(
    "chunk",
    [
        piece('"choices":[]'),
        b'{"choices":[],"usage":null}',
        b'{"choices":[],"prompt_filter_results":[]}',
        b'{"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"total_tokens":1}}',
    ],
    ids=["text that looks like it", "null usage", "no usage", "usage beside a choice"],
)
def test_no_other_chunk_is_taken_for_the_usage_chunk(chunk: bytes) -> None:
    assert not is_usage(chunk)
    assert render(one_by_one(Delta([chunk]))) == [chunk]


def test_the_renderer_keeps_the_answer_for_the_receipt() -> None:
    renderer = StreamRenderer(include_usage=False)
    end = answered(completion("x"))
    renderer.feed([Delta(told("x"))])
    assert renderer.answer is None
    renderer.feed([end])
    assert renderer.answer == end.answer


# --- attempts that begin again ---


def test_a_restart_before_the_first_chunk_is_not_noticed() -> None:
    chunks = told("a", "b")
    assert render(one_by_one(Restarted(), Delta(chunks), answered(completion("ab")))) == chunks[:-1]


def test_a_second_attempt_goes_on_where_the_first_ended() -> None:
    chunks = render(
        one_by_one(Delta([piece("He", role="assistant")]), Restarted(), Delta(told("Hel", "lo")), answered(completion("Hello")))
    )
    assert texts_of(chunks) == ["Hello"]
    assert b"".join(chunks).count(b'"role"') == 1


def test_a_second_attempt_that_does_not_stream_gives_the_rest() -> None:
    chunks = render(one_by_one(Delta([piece("He", role="assistant")]), Restarted(), answered(completion("Hello"))), True)
    assert texts_of(chunks) == ["Hello"]
    assert usages_of(chunks) == [USAGE]


def test_usage_told_by_an_attempt_that_died_is_not_told_again() -> None:
    chunks = render(one_by_one(Delta(told("Hi")), Restarted(), Delta(told("H", "i")), answered(completion("Hi"))), True)
    assert texts_of(chunks) == ["Hi"]
    assert usages_of(chunks) == [USAGE]


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
def test_a_second_attempt_that_says_something_else_ends_the_stream(streams: bool) -> None:
    again: list[Event] = [Delta(told("The answer is 5"))] if streams else []
    with pytest.raises(StreamInterrupted) as interrupted:
        render(one_by_one(Delta([piece("The answer is 4")]), Restarted(), *again, answered(completion("The answer is 5"))))
    assert interrupted.value.code == "stream_interrupted"
    assert "answer is" not in interrupted.value.message


def test_who_has_read_nothing_of_an_attempt_that_died_is_not_troubled_by_it() -> None:
    """Someone who joins late, or repeats an Idempotency-Key, reads the dead attempt and the good one in one batch."""
    log: list[Event] = [Accepted(1.0), Delta(told("The answer is 4")), Restarted(), Delta(told("The answer is 5"))]
    chunks = render([[*log, answered(completion("The answer is 5"))]], True)
    assert texts_of(chunks) == ["The answer is 5"]
    assert usages_of(chunks) == [USAGE]


def test_of_several_attempts_in_one_batch_only_what_was_read_before_binds() -> None:
    renderer = StreamRenderer(include_usage=False)
    first = renderer.feed([Delta([piece("The answer")])])
    rest = renderer.feed(
        [Delta([piece(" is 4")]), Restarted(), Delta([piece("The answ")]), Restarted(), Delta(told("The answer is 5"))]
    )
    assert texts_of(first + rest) == ["The answer is 5"]


def test_a_tool_call_is_resumed_like_a_text() -> None:
    def call(arguments: str, **more: Any) -> bytes:
        return piece(tool_calls=[{"index": 0, **more, "function": {"arguments": arguments}}])

    first = [call('{"ci', id="call_1", type="function"), call("ty")]
    second = [call('{"city', id="call_2", type="function"), call('": "Rome"}'), piece(finish="tool_calls")]
    chunks = render(one_by_one(Delta(first), Restarted(), Delta(second)))
    (made,) = msgspec.json.decode(assemble(chunks))["choices"][0]["message"]["tool_calls"]
    assert made == {"id": "call_1", "type": "function", "function": {"arguments": '{"city": "Rome"}'}}


def test_a_tool_call_for_another_tool_is_another_answer() -> None:
    def call(name: str) -> bytes:
        return piece(tool_calls=[{"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": ""}}])

    with pytest.raises(StreamInterrupted):
        render(one_by_one(Delta([call("pay")]), Restarted(), Delta([call("refund")])))


# --- the invariant ---


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[str], list[list[Event]], bool, bool]:
    """Texts of one or two choices, told in attempts that break off anywhere, in batches that end anywhere."""
    texts = draw(st.lists(st.text(max_size=12), min_size=1, max_size=2))
    upstream_tells_usage = draw(st.booleans())
    attempts = draw(st.integers(0, 3))
    events: list[Event] = [Accepted(1.0)]
    for number in range(attempts + 1):
        last = number == attempts
        chunks = _attempt(draw, texts, upstream_tells_usage)
        if not last:
            chunks = chunks[: draw(st.integers(0, len(chunks)))]
        elif not draw(st.booleans()):
            chunks = []  # this attempt's upstream answered whole
        while chunks:
            size = draw(st.integers(1, len(chunks)))
            events.append(Delta(chunks[:size]))
            chunks = chunks[size:]
        if not last:
            events.append(Restarted())
    events.append(answered(completion(*texts)))
    batches: list[list[Event]] = [[]]
    for event in events:
        batches[-1].append(event)
        if draw(st.booleans()):
            batches.append([])
    return texts, [batch for batch in batches if batch], upstream_tells_usage, draw(st.booleans())


def _attempt(draw: st.DrawFn, texts: list[str], usage: bool) -> list[bytes]:
    chunks = []
    for index, text in enumerate(texts):
        places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
        pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        chunks += [piece(index=index, role="assistant"), *(piece(part, index) for part in pieces)]
        chunks.append(piece(index=index, finish="stop"))
    return [*chunks, *([USAGE_CHUNK] if usage else [])]


@given(tellings())
def test_however_an_answer_was_told_its_callers_read_it_once(
    telling: tuple[list[str], list[list[Event]], bool, bool],
) -> None:
    texts, batches, _, asked = telling
    chunks = render(batches, include_usage=asked)
    assert texts_of(chunks) == texts
    assert usages_of(chunks) == ([USAGE] if asked else [])
    whole = msgspec.json.decode(assemble(chunks))
    assert [choice["finish_reason"] for choice in whole["choices"]] == ["stop"] * len(texts)


# --- frames ---


def test_a_payload_of_several_lines_is_still_one_event() -> None:
    pretty = b'{\n  "error": {\r\n    "message": "slow down"\n  }\n}'
    lines = frame(pretty).split(b"\n")
    assert all(line.startswith(b"data: ") for line in lines[:-2])
    assert msgspec.json.decode(b"\n".join(line[6:] for line in lines[:-2])) == msgspec.json.decode(pretty)


@given(st.dictionaries(st.text(), st.text() | st.integers(0, 9)))
def test_a_frame_and_a_comment_are_one_event_each(fields: dict[str, Any]) -> None:
    for event in (frame(msgspec.json.encode(fields)), comment(fields)):
        assert event.endswith(b"\n\n")
        assert event.count(b"\n") == 2
        assert b"\r" not in event
    assert comment(fields).startswith(b":")
    assert frame(b"[DONE]") == DONE
