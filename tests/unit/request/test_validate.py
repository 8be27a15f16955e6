"""Bad input: every refusal is a 4xx that names the parameter."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadRequest
from pipeline.request.model import parse
from pipeline.request.parameters import CHAT

GOOD = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def refusal(body: bytes | dict[str, object], endpoint: str = "chat/completions") -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        parse(endpoint, body if isinstance(body, bytes) else json.dumps(body).encode())
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"model": }',
        b"\xff\xfe",
        b'{"model": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": 1e400}',
        b"[" * 10_000_000,
        b'{"a":' * 1_000_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert refusal(body).code == "invalid_json"


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    assert refusal(body).http_status == 400


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"n": 1.5}, "n"),
        ({"n": 0}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"tools": {}}, "tools"),
        ({"stream_options": []}, "stream_options"),
    ],
)
def test_a_wrong_parameter_is_named(change: dict[str, object], param: str) -> None:
    error = refusal({**GOOD, **change})
    assert error.param == param
    assert param in error.message


@given(
    st.sampled_from(sorted(CHAT)),
    st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()),
)
def test_a_scalar_in_any_parameter_is_taken_or_refused_by_name(name: str, value: object) -> None:
    with contextlib.suppress(BadRequest):
        parse("chat/completions", json.dumps({**GOOD, name: value}).encode())
        return
    assert (refusal({**GOOD, name: value}).param or "").startswith(name)


@given(st.binary())
def test_random_bytes_never_get_past_the_door_or_crash_it(body: bytes) -> None:
    try:
        parse("chat/completions", body)
    except BadRequest:
        return
    pytest.fail("random bytes were taken for a request")


def test_an_empty_embedding_input_is_refused() -> None:
    assert refusal({"model": "m", "input": ""}, "embeddings").param == "input"
    assert refusal({"model": "m", "input": 3}, "embeddings").param == "input"
