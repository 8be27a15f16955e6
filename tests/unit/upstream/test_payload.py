from __future__ import annotations

import msgspec
import pytest

from pipeline.upstream.payload import error_message, error_status, is_error_envelope, peek
from pipeline.upstream.pricing import Price, cost_of
from pipeline.upstream.types import Usage

FULL = (
    b'{"usage":{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"prompt_tokens_details":{"cached_tokens":40},'
    b'"completion_tokens_details":{"reasoning_tokens":3}}}'
)


def test_usage_is_read_with_its_details() -> None:
    assert peek(FULL).usage == Usage(100, 7, 107, 40, 3)


def test_embeddings_tell_no_completion_tokens_and_have_none() -> None:
    assert peek(b'{"usage":{"prompt_tokens":8,"total_tokens":8}}').usage == Usage(8, 0, 8)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"usage":null}',
        b'{"usage":{}}',
        b'{"usage":7}',
        b'{"usage":{"prompt_tokens":1}}',
        b'{"usage":{"prompt_tokens":-1,"total_tokens":3}}',
        b'{"usage":{"prompt_tokens":"1","total_tokens":1}}',
        b'{"usage":{"prompt_tokens":9,"total_tokens":3}}',
    ],
)
def test_usage_that_is_missing_or_malformed_is_unknown(body: bytes) -> None:
    assert peek(body).usage is None


def test_the_end_and_errors_are_seen() -> None:
    assert peek(b'{"choices":[{"finish_reason":"stop"}]}').finished
    assert not peek(b'{"choices":[{"finish_reason":null}]}').finished
    assert not peek(b'{"choices":null}').finished
    assert not peek(b'{"choices":"odd"}').finished
    assert peek(b'{"error":{"code":429}}').error == b'{"code":429}'
    assert peek(b'{"error":null}').error == b""


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"1"])
def test_what_is_no_object_is_not_looked_into(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        peek(body)
    assert not is_error_envelope(body)
    assert error_message(body) == ""


def test_an_error_may_name_its_status() -> None:
    assert [error_status(e) for e in (b'{"code":429}', b'{"code":"x"}', b'{"code":200}', b'"text"', b"{")] == [
        429,
        502,
        502,
        502,
        502,
    ]


def test_cost_is_exact_and_counts_cached_tokens_at_their_price() -> None:
    price = Price(input=150_000, output=600_000, cached_input=75_000)
    assert cost_of(Usage(100, 7, 107, 40), price) == 60 * 150_000 + 40 * 75_000 + 7 * 600_000
    assert cost_of(Usage(100, 0, 100, 40), Price(input=150_000, output=0)) == 100 * 150_000


def test_cost_is_unknown_without_price_or_usage_and_never_negative() -> None:
    price = Price(input=10, output=1, cached_input=0)
    assert cost_of(None, price) is None
    assert cost_of(Usage(1, 1, 2), None) is None
    assert cost_of(Usage(1, 0, 1, 5), price) == 0
