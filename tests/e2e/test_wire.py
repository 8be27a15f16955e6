"""What the client sends is what the upstream gets, byte for byte, and with everything off the same holds for the answer."""

from __future__ import annotations

import base64
import json
import re

import msgspec
import pytest
import urllib3

from pipeline.request.parameters import CHAT
from tests.e2e.conftest import Ask, Question, content
from tests.support.gateway import GatewayProcesses, SimulatedUpstream

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])

# As clients write them: numbers in odd spellings, escapes, white space and key orders that no encoder of ours would make.
VALUES: dict[str, bytes] = {
    "model": rb'"sim\u002dmodel"',
    "messages": b"",  # made for each request
    "temperature": b"0.70",
    "top_p": b"1e0",
    "frequency_penalty": b"-0.0",
    "presence_penalty": b"0.500",
    "seed": b"12345678901234567890123",
    "stop": rb'["\u0045ND" , "###"]',
    "max_tokens": b"100",
    "max_completion_tokens": b"0120"[1:],
    "n": b"2",
    "logit_bias": b'{ "50256" : -1.00E+2, "1":5 }',
    "logprobs": b"true",
    "top_logprobs": b"3",
    "reasoning_effort": b'"low"',
    "verbosity": b'"high"',
    "prediction": rb'{"type":"content","content":"d\u00e9j\u00E0 \/ vu"}',
    "tools": rb'[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}]',
    "tool_choice": b' {"type": "function", "function": {"name": "f"}}'.strip(),
    "parallel_tool_calls": b"false",
    "functions": b'[{"name":"f","parameters":{}}]',
    "function_call": b'{"name": "f"}',
    "response_format": b'{"type":"json_object"}',
    "audio": b'{"voice": "alloy", "format": "wav"}',
    "modalities": b'["text","audio"]',
    "store": b"true",
    "moderation": b'{"model":"omni"}',
    "web_search_options": b"{ }",
    "stream": b"true",
    "stream_options": b'{"include_obfuscation":false , "include_usage":true}',
    "metadata": b'{"z":"1","a":"2"}',
    "service_tier": b'"flex"',
    "prompt_cache_key": rb'"caf\u00e9"',
    "prompt_cache_options": b'{"mode":"auto","ttl":60}',
    "prompt_cache_retention": b'"24h"',
    "user": '"ångström 🎈"'.encode(),
    "safety_identifier": rb'"\ud83c\udf88"',
}
UNKNOWN: dict[str, bytes] = {
    "top_k": b"40",
    "min_p": b"5.00e-2",
    "chat_template_kwargs": b'{"enable_thinking": false, "deep": [[[{"x":null}]]]}',
    "num_ctx": b"100000000000000000000",
    "null_one": b"null",
    "emp\\u0074y": b'""',
}
# These go only with another.
NEEDS = {"tool_choice": ["tools"], "parallel_tool_calls": ["tools"], "function_call": ["functions"], "top_logprobs": ["logprobs"]}
NEEDS |= {"stream_options": ["stream"]}


def messages(text: str) -> bytes:
    return b'[ {"role":"system","content":"Be br\\u0069ef."},{"content" : ' + json.dumps(text).encode() + b',"role":"user"} ]'


def body(text: str, fields: dict[str, bytes]) -> bytes:
    given = {"model": b'"sim-model"', "messages": messages(text), **fields}
    return b"{" + b",\n ".join(b'"' + name.encode() + b'": ' + value for name, value in given.items()) + b"}"


def received(upstream: SimulatedUpstream, text: str) -> dict[str, bytes]:
    """The top-level values of the one call that holds the text, as raw bytes."""
    bodies = [base64.b64decode(call["body"]) for call in upstream.last()]
    found = [each for each in bodies if json.dumps(text).encode() in each]
    assert len(found) == 1
    return {name: bytes(value) for name, value in _raw.decode(found[0]).items()}


def sent(given: bytes) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in _raw.decode(given).items()}


def test_the_values_cover_the_whole_table() -> None:
    assert VALUES.keys() == CHAT.keys()


@pytest.mark.parametrize("off", [{}, {"X_LEO_Disable": "all"}], ids=["optimisers on", "all off"])
@pytest.mark.parametrize("name", sorted({*VALUES, *UNKNOWN} - {"messages"}))
def test_each_parameter_arrives_byte_for_byte(
    ask: Ask, question: Question, upstream: SimulatedUpstream, name: str, off: dict[str, str]
) -> None:
    every, text = {**VALUES, **UNKNOWN}, question()
    given = body(text, {each: every[each] for each in [*NEEDS.get(name, []), name]})
    ask(given, **off)
    arrived = received(upstream, text)
    if name == "stream" and not off:
        assert arrived.pop("stream_options") == b'{"include_usage":true}'
    assert arrived == sent(given)


@pytest.mark.parametrize("off", [{}, {"X_LEO_Disable": "all"}], ids=["optimisers on", "all off"])
@pytest.mark.parametrize("without", [[], ["stream", "stream_options"], ["stream_options"]], ids=["stream", "whole", "no usage"])
def test_all_parameters_together_arrive_byte_for_byte(
    ask: Ask, question: Question, upstream: SimulatedUpstream, without: list[str], off: dict[str, str]
) -> None:
    text = question()
    fields = {name: value for name, value in {**VALUES, **UNKNOWN}.items() if name not in ["messages", *without]}
    given = body(text, fields)
    ask(given, **off)
    arrived = received(upstream, text)
    if without == ["stream_options"] and not off:
        assert arrived.pop("stream_options") == b'{"include_usage":true}'
    assert arrived == sent(given)
    assert list(arrived) == list(sent(given))


# --- the way back ---

CREATED = re.compile(rb'"created":\d+')


def direct(upstream: SimulatedUpstream, given: bytes) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "POST", f"{upstream.base_url}/chat/completions", body=given, headers={"Content-Type": "application/json"}
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": b"2", "temperature": b"0.70"},
        {name: VALUES[name] for name in ("tools", "tool_choice")},
        {"response_format": VALUES["response_format"], "top_k": b"40"},
        {"stream": b"true", "stream_options": VALUES["stream_options"]},
        {"stream": b"true", "stream_options": b"{}"},
        {"stream": b"true"},
        {"stream": b"true", "stream_options": VALUES["stream_options"], "n": b"2"},
        {"max_tokens": b"-1"},
    ],
    ids=[
        "plain",
        "two choices",
        "tool",
        "json",
        "stream with usage",
        "stream",
        "stream without options",
        "stream of two",
        "refusal",
    ],
)
def test_with_everything_off_the_answer_is_byte_equal_to_the_upstreams(
    gateway: GatewayProcesses, question: Question, upstream: SimulatedUpstream, fields: dict[str, bytes]
) -> None:
    given = body(question(), fields)
    wanted = direct(upstream, given)
    for _ in range(2):  # nothing is kept between them either
        answer = gateway.ask(given, X_LEO_Disable="all")
        assert answer.status == wanted.status
        # The simulator's only word that depends on the moment.
        assert CREATED.sub(b"", answer.data) == CREATED.sub(b"", wanted.data)
        assert answer.headers["Content-Type"] == wanted.headers["Content-Type"]
        if answer.status == 200:
            assert answer.headers["X-LEO-Cache"] == "bypass"


def test_an_answer_that_passed_through_the_optimisers_keeps_the_upstreams_bytes(
    ask: Ask, question: Question, upstream: SimulatedUpstream
) -> None:
    given = body(question(), {"temperature": b"0.70"})
    answer, wanted = ask(given), direct(upstream, given)
    assert CREATED.sub(b"", answer.data).startswith(CREATED.sub(b"", wanted.data)[:-1] + b',"optimization_metrics":')
    assert content(answer) == content(wanted)
