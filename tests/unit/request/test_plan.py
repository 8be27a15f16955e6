"""The plan: what may be shared with whom, and the reason for everything that may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import BadRequest
from pipeline.request.controls import Controls, parse_controls
from pipeline.request.model import parse
from pipeline.request.parameters import Reuse
from pipeline.request.plan import Plan, Policy, make_plan


def plan(
    extra: dict[str, Any] | None = None, headers: dict[str, str] | None = None, policy: Policy | None = None, **kwargs: str
) -> Plan:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **(extra or {})}
    request = parse("chat/completions", json.dumps(body).encode())
    return make_plan(request, parse_controls((headers or {}).get), policy or Policy(), "t", unique=lambda: "unique", **kwargs)


def test_a_plain_request_shares_everything() -> None:
    found = plan()
    assert (found.lookup, found.store, found.dedup, found.reasons) == (True, True, True, {})
    assert found.log_key == found.content_key


def test_no_cache_runs_alone_and_refreshes_the_stored_answer() -> None:
    found = plan(headers={"Cache-Control": "no-cache"})
    assert (found.log_key, found.lookup, found.store, found.dedup) == ("unique", False, True, False)
    assert found.reasons["exact"] == "no-cache"
    assert found.bypassed


def test_no_store_runs_alone_and_leaves_nothing() -> None:
    found = plan(headers={"Cache-Control": "no-store"})
    assert (found.log_key, found.lookup, found.store) == ("unique", False, False)


def test_disabling_the_cache_keeps_sharing_of_running_calls_among_equals() -> None:
    one, other = plan(headers={"X-LEO-Disable": "cache"}), plan(headers={"X-LEO-Disable": "cache"})
    assert one.log_key == other.log_key != one.content_key
    assert (one.lookup, one.store, one.dedup) == (False, False, True)


def test_disabling_dedup_keeps_the_cache() -> None:
    found = plan(headers={"X-LEO-Disable": "dedup"})
    assert (found.log_key, found.lookup, found.store, found.dedup) == ("unique", True, True, False)


def test_disabling_all_makes_the_gateway_transparent() -> None:
    assert plan(headers={"X-LEO-Disable": "all"}).transparent
    assert plan(policy=Policy(off=frozenset(Reuse))).transparent
    assert not plan().transparent
    assert not plan(headers={"Cache-Control": "no-cache"}).transparent


def test_an_idempotency_key_names_the_run_and_the_content_its_fingerprint() -> None:
    first = plan(headers={"Idempotency-Key": "k"})
    second = plan({"seed": 3}, headers={"Idempotency-Key": "k"})
    assert first.log_key == second.log_key
    assert first.fingerprint != second.fingerprint


def test_an_unknown_parameter_is_in_the_key_and_rules_out_what_would_change_the_answer() -> None:
    found = plan({"guided_regex": "a+"})
    assert found.content_key != plan().content_key
    assert found.reasons == dict.fromkeys(("semantic", "decompose", "optimize"), "unknown_parameter:guided_regex")
    assert found.lookup


def test_an_unknown_parameter_cannot_write_a_header() -> None:
    assert plan({"a\r\nSet-Cookie: x": 1}).reasons["semantic"] == "unknown_parameter:a??Set-Cookie??x"


def test_a_stored_completion_is_a_side_effect_and_never_shared() -> None:
    found = plan({"store": True})
    assert (found.log_key, found.lookup, found.store) == ("unique", False, False)
    assert found.reasons["exact"] == "parameter:store"
    assert plan({"store": False}).reasons == {}


def test_a_remote_image_may_change_so_its_answer_is_not_stored() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    found = plan({"messages": [{"role": "user", "content": [{"type": "text", "text": "what?"}, image]}]})
    assert (found.lookup, found.store, found.dedup) == (False, False, True)
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert plan({"messages": [{"role": "user", "content": [inline]}]}).lookup


def test_a_temperature_above_the_limit_is_not_cached() -> None:
    found = plan({"temperature": 0.9}, policy=Policy(max_temperature=0.5))
    assert found.reasons["exact"] == "temperature"
    assert found.dedup


def test_callers_with_their_own_provider_key_share_nothing_with_others() -> None:
    assert plan(partition="a").content_key != plan(partition="b").content_key


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ({"X-LEO-Disable": "magic"}, "X-LEO-Disable"),
        ({"X-LEO-Deadline": "soon"}, "X-LEO-Deadline"),
        ({"X-LEO-Deadline": "0"}, "X-LEO-Deadline"),
        ({"X-LEO-Deadline": "-1"}, "X-LEO-Deadline"),
        ({"X-LEO-Deadline": "nan"}, "X-LEO-Deadline"),
        ({"Cache-Control": "max-age=x"}, "Cache-Control"),
        ({"Idempotency-Key": ""}, "Idempotency-Key"),
        ({"Idempotency-Key": "x" * 256}, "Idempotency-Key"),
        ({"Idempotency-Key": "k", "Cache-Control": "no-store"}, "Idempotency-Key"),
    ],
)
def test_a_header_that_is_not_understood_is_named(headers: dict[str, str], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_controls(headers.get)
    assert caught.value.param == param


def test_directives_that_a_cache_does_not_know_are_ignored() -> None:
    assert parse_controls({"Cache-Control": "max-stale=3, private"}.get) == Controls()


def test_max_age_zero_means_no_cache() -> None:
    assert parse_controls({"Cache-Control": "max-age=0"}.get).no_cache
