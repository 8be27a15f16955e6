"""The key: equal requests have equal keys, different ones different keys, in every process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.request import canonical
from pipeline.request.key import content_key, derive
from pipeline.request.model import Request, parse

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(st.text(), values, max_size=6)


def same(a: Any, b: Any) -> bool:
    """Equality as JSON means it: numbers by value, and true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


def key_of(extra: dict[str, Any], tenant: str = "t") -> str:
    params = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **extra}
    return content_key(
        Request(endpoint="chat/completions", body=b"", params=canonical.decode(json.dumps(params).encode())), tenant
    )


def canon(value: Any) -> bytes:
    return canonical.encode(canonical.decode(json.dumps(value).encode()))


@given(objects, objects)
def test_canonical_bytes_are_equal_exactly_when_the_values_are(a: Any, b: Any) -> None:
    assert (canon(a) == canon(b)) == same(a, b)


@given(objects)
def test_order_and_white_space_do_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canon(value) == canonical.encode(canonical.decode(json.dumps(turned, indent=3).encode()))


@given(objects)
def test_canonical_form_of_the_canonical_form_is_itself(value: dict[str, Any]) -> None:
    once = canon(value)
    assert canonical.encode(canonical.decode(once)) == once


@pytest.mark.parametrize(("a", "b"), [("1", "1.0"), ("1e2", "100"), ("-0.0", "0"), ("0.70", "0.7"), ('"\\u00e9"', '"é"')])
def test_two_spellings_of_one_value_are_one_value(a: str, b: str) -> None:
    assert canonical.encode(canonical.decode(a.encode())) == canonical.encode(canonical.decode(b.encode()))


def test_large_seeds_that_differ_in_the_last_digit_have_different_keys() -> None:
    assert key_of({"seed": 9007199254740993}) != key_of({"seed": 9007199254740992})
    assert key_of({"seed": 10**30}) != key_of({"seed": 10**30 + 1})


def test_true_is_not_one() -> None:
    assert key_of({"x": True}) != key_of({"x": 1})


@given(st.text(), st.text())
def test_tenants_never_share_a_key(a: str, b: str) -> None:
    assert (key_of({}, a) == key_of({}, b)) == (a == b)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_two_lists_of_parts_collide(a: list[str], b: list[str]) -> None:
    assert (derive(*a) == derive(*b)) == (a == b)


def test_what_says_nothing_about_the_answer_is_not_in_the_key() -> None:
    plain = key_of({})
    for name, value in {"stream": True, "stream_options": {"include_usage": True}, "metadata": {"a": "b"}, "user": "u"}.items():
        assert key_of({name: value}) == plain, name


def test_every_other_parameter_is_in_the_key() -> None:
    keys = {key_of({name: value}) for name, value in {"temperature": 0.5, "seed": 1, "n": 2, "top_k": 40, "stop": "."}.items()}
    assert len(keys) == 5
    assert key_of({}) not in keys


def test_the_user_is_in_the_key_when_the_cache_is_per_user() -> None:
    request = parse("chat/completions", b'{"model":"m","messages":[{"role":"user","content":"x"}],"user":"u1"}')
    assert content_key(request, "t", per_user=True) != content_key(request, "t")


def test_the_key_is_the_same_in_a_process_with_another_hash_seed() -> None:
    program = (
        "from pipeline.request.model import parse; from pipeline.request.key import content_key; "
        'body = b\'{"model":"m","messages":[{"role":"user","content":"hi"}],"zeta":{"b":1,"a":2}}\'; '
        'print(content_key(parse("chat/completions", body), "t"))'
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert keys == {key_of({"zeta": {"a": 2, "b": 1}}) + "\n"}
