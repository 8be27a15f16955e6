"""The bodies of the gateway's own requests: what is wrong with one is said by the field's name."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.json_body import json_body
from pipeline.errors import BadRequest

REQUIRED, OPTIONAL = {"strategy": str, "enabled": bool}, {"scope": str}
GOOD = b'{"strategy": "adaptive_cache", "enabled": false}'


def given(body: bytes) -> dict[str, Any]:
    with Flask("bodies").test_request_context("/", method="POST", data=body):
        return json_body(REQUIRED, OPTIONAL)


def refused(body: bytes) -> tuple[str | None, str | None]:
    with pytest.raises(BadRequest) as refusal:
        given(body)
    return refusal.value.param, refusal.value.code


def test_a_good_body_comes_as_it_is() -> None:
    assert given(GOOD) == {"strategy": "adaptive_cache", "enabled": False}
    assert given(b'{"strategy": "", "enabled": true, "scope": "global"}') == {"strategy": "", "enabled": True, "scope": "global"}


def test_a_field_that_nobody_knows_does_no_harm() -> None:
    assert given(GOOD[:-1] + b', "more": [1]}')["more"] == [1]


@pytest.mark.parametrize("body", [b"", b"{", b"strategy=adaptive_cache", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_called_so(body: bytes) -> None:
    assert refused(body) == (None, "invalid_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"strategy"', b"1", b"true", b"[" + GOOD + b"]"])
def test_only_an_object_will_do(body: bytes) -> None:
    assert refused(body) == (None, "invalid_type")


@pytest.mark.parametrize(
    ("body", "missing"), [(b"{}", "strategy"), (b'{"strategy": "a"}', "enabled"), (b'{"enabled": true}', "strategy")]
)
def test_a_field_that_is_missing_is_named(body: bytes, missing: str) -> None:
    assert refused(body) == (missing, "missing_required_parameter")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'{"strategy": null, "enabled": true}', "strategy"),
        (b'{"strategy": ["adaptive_cache"], "enabled": true}', "strategy"),
        (b'{"strategy": "a", "enabled": 1}', "enabled"),
        (b'{"strategy": "a", "enabled": "false"}', "enabled"),
        (GOOD[:-1] + b', "scope": null}', "scope"),
    ],
)
def test_a_field_of_another_type_is_named(body: bytes, wrong: str) -> None:
    assert refused(body) == (wrong, "invalid_type")
