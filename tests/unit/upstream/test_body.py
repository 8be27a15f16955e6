from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadRequest
from pipeline.upstream.body import upstream_body
from pipeline.upstream.routes import Route, Upstream
from pipeline.upstream.types import UpstreamRequest

SAME = Route(provider=Upstream(name="u"), model="gpt", model_there="gpt")
ALIAS = Route(provider=Upstream(name="u"), model="gpt", model_there="gpt-there")


def request(body: bytes, *, stream: bool = False, endpoint: str = "chat/completions") -> UpstreamRequest:
    return UpstreamRequest(endpoint, "gpt", body, stream)


def test_a_body_that_needs_no_change_goes_out_byte_for_byte() -> None:
    body = b'{ "model" : "gpt",\n "temperature": 1.00, "x": "\\u00e9" }'
    assert upstream_body(request(body), SAME) is body


def test_a_streamed_chat_asks_for_the_usage_chunk() -> None:
    sent = upstream_body(request(b'{"model":"gpt","stream":true}', stream=True), SAME)
    assert json.loads(sent) == {"model": "gpt", "stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("options", [b'{"include_usage":false}', b"null", b"{}"])
def test_stream_options_of_the_client_are_never_altered(options: bytes) -> None:
    body = b'{"model":"gpt","stream":true,"stream_options":' + options + b"}"
    assert upstream_body(request(body, stream=True), SAME) == body


def test_usage_is_not_asked_for_where_the_table_says_so_nor_of_embeddings() -> None:
    body = b'{"model":"gpt"}'
    quiet = msgspec.structs.replace(SAME, stream_usage=False)
    assert upstream_body(request(body, stream=True), quiet) == body
    assert upstream_body(request(body, stream=True, endpoint="embeddings"), SAME) == body


def test_nothing_is_added_to_a_request_that_is_to_stay_untouched() -> None:
    body = b'{"model":"gpt","stream":true}'
    assert upstream_body(msgspec.structs.replace(request(body, stream=True), untouched=True), SAME) is body


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        upstream_body(request(body), SAME)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    fields=st.dictionaries(st.text().filter(lambda name: name not in ("model", "stream_options")), json_values, max_size=5),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_every_other_value_stays_byte_for_byte(fields: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    # Each value is written in its own way, then put into a body by hand: so its bytes are known.
    values = {name: json.dumps(value, indent=indent, ensure_ascii=ascii_only) for name, value in fields.items()}
    inside = "".join(f",{json.dumps(name)}:{value}" for name, value in values.items())
    try:
        body = f'{{"model":"gpt"{inside}}}'.encode()
    except UnicodeEncodeError:
        return
    sent = msgspec.json.decode(upstream_body(request(body, stream=True), ALIAS), type=dict[str, msgspec.Raw])
    assert bytes(sent.pop("model")) == b'"gpt-there"'
    assert json.loads(bytes(sent.pop("stream_options"))) == {"include_usage": True}
    assert {name: bytes(value).decode() for name, value in sent.items()} == values


def test_an_alias_is_replaced_and_a_numeric_model_too(tmp_path: Path) -> None:
    for body in (b'{"model":"gpt","n":1}', b'{"model":3,"n":1}', b'{"n":1}'):
        assert json.loads(upstream_body(request(body), ALIAS)) == {"model": "gpt-there", "n": 1}
