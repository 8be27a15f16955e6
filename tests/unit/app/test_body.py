"""The gateway's own fields are added to an answer; whatever else stands in it stays byte for byte."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.body import served_again, with_fields

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8).filter(lambda name: not name.startswith("leo")), values, max_size=5)
spaces = st.text(" \n\r\t", max_size=3)

NEW = ("chatcmpl-2", 1_700_000_000)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A JSON object as some server might write it."""
    indent, ascii_only = draw(st.none() | st.integers(0, 3)), draw(st.booleans())
    text = json.dumps(draw(objects), indent=indent, ensure_ascii=ascii_only)
    return (draw(spaces) + text + draw(spaces)).encode("utf-8", "replace")


def raw(body: bytes) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in _raw.decode(body).items()}


@given(bodies())
def test_added_fields_leave_every_other_byte_in_its_place(body: bytes) -> None:
    added = with_fields(body, {"leo_metrics": {"cache": "exact"}, "leo_x": None})
    assert added.startswith(body.rstrip()[:-1])
    assert json.loads(added) == {**json.loads(body), "leo_metrics": {"cache": "exact"}, "leo_x": None}


@pytest.mark.parametrize("body", [b"{}", b"{ }", b" {\n}\n ", b"{\t\r\n}"])
def test_fields_can_be_added_to_an_empty_object(body: bytes) -> None:
    assert json.loads(with_fields(body, {"leo": 1})) == {"leo": 1}


@pytest.mark.parametrize("body", [b'{"a":"{"}', b'{"a":{}}', b'{"a":[{} ] }\n', b'{"{":"}"}'])
def test_braces_inside_are_not_taken_for_an_empty_object(body: bytes) -> None:
    assert json.loads(with_fields(body, {"leo": 1})) == {**json.loads(body), "leo": 1}


@given(bodies())
def test_an_answer_served_again_keeps_every_value_but_id_and_created(body: bytes) -> None:
    before, after = raw(body), raw(served_again(body, *NEW))
    assert list(after) == list(before)
    for name in before.keys() - {"id", "created"}:
        assert after[name] == before[name]


def test_an_answer_served_again_is_a_new_completion() -> None:
    body = b'{"id": "chatcmpl-1", "created": 1, "usage": {"total_tokens": 1.50e1}, "text": "caf\\u00e9"}'
    one = served_again(body, "chatcmpl-2", 1_700_000_000)
    assert (json.loads(one)["id"], json.loads(one)["created"]) == ("chatcmpl-2", 1_700_000_000)
    assert b"1.50e1" in one
    assert b"caf\\u00e9" in one


def test_nothing_is_added_to_an_answer_that_has_neither_id_nor_date() -> None:
    embedding: dict[str, Any] = {"object": "list", "data": [{"embedding": [0.1]}]}
    assert json.loads(served_again(json.dumps(embedding).encode(), *NEW)) == embedding


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"null", b"1"])
def test_a_stored_body_that_is_no_object_is_refused_not_garbled(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        served_again(body, *NEW)
