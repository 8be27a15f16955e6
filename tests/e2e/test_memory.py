"""The memory of a caller, through a whole gateway: what goes upstream, who gets whose answers, what can be seen and erased."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.support.gateway import KEY, GatewayProcesses, SimulatedUpstream, chat

ANN, BOB = "ann@example.org", "bob@example.org"
QUESTION = "Which book would you recommend to me?"


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    with GatewayProcesses(upstream.base_url, LEO_SEMANTIC_CACHE="false") as running:
        yield running


def ask(gateway: GatewayProcesses, body: dict[str, Any] | str, who: str, memory: str = "on") -> urllib3.BaseHTTPResponse:
    asked = chat(body) if isinstance(body, str) else body
    response = gateway.ask(asked, X_LEO_Memory=memory, X_LEO_Principal=who)
    assert response.status == 200, response.data
    return response


def sent(upstream: SimulatedUpstream) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = json.loads(base64.b64decode(upstream.last()[-1]["body"]))["messages"]
    return messages


def notes(gateway: GatewayProcesses, who: str) -> list[dict[str, Any]]:
    pool = urllib3.PoolManager()
    response = pool.request("GET", f"{gateway.base_url}/memory", headers=headers(who))
    found: list[dict[str, Any]] = json.loads(response.data)["data"]
    return found


def headers(who: str) -> dict[str, str]:
    return {"X-API-Key": KEY, "X-LEO-Principal": who, "Content-Type": "application/json"}


def test_what_was_said_goes_with_later_questions_of_the_same_person_only(
    gateway: GatewayProcesses, upstream: SimulatedUpstream
) -> None:
    ask(gateway, "My name is Ann and I am a vegetarian.", ANN)
    known = [note["text"] for note in notes(gateway, ANN)]
    assert any("Ann" in text for text in known)
    assert notes(gateway, BOB) == []

    upstream.reset()
    hers = ask(gateway, "What could I cook tonight? I am a vegetarian cook.", ANN)
    told = sent(upstream)
    assert told[-1]["role"] == "user"
    assert told[-2]["role"] == "system"
    assert "Ann" in told[-2]["content"]
    assert hers.headers["X-LEO-Memory"].startswith("notes=")
    assert json.loads(hers.data)["optimization_metrics"]["memory"]["notes"]

    his = ask(gateway, "What could I cook tonight? I am a vegetarian cook.", BOB)
    assert his.headers["X-LEO-Cache"] == "miss"
    assert len(sent(upstream)) == 1
    assert his.headers["X-LEO-Entry-ID"] != hers.headers["X-LEO-Entry-ID"]


def test_without_it_the_body_goes_through_byte_for_byte(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    ask(gateway, "My name is Ann.", ANN)
    body = json.dumps(chat("Who am I, do you think?"), indent=3).encode()
    for memory in ({}, {"X_LEO_Memory": "off"}):
        upstream.reset()
        response = gateway.ask(body, X_LEO_Principal=ANN, X_LEO_Disable="all", **memory)
        assert "X-LEO-Memory" not in response.headers
        assert base64.b64decode(upstream.last()[-1]["body"]) == body


def test_only_the_callers_own_words_are_noted(gateway: GatewayProcesses) -> None:
    who = "carl@example.org"
    messages = [
        {"role": "user", "content": "Read this page."},
        {"role": "assistant", "content": "My name is Mallory."},
        {"role": "tool", "tool_call_id": "1", "content": "My name is Mallory."},
        {"role": "user", "content": "Thank you. What did it say?"},
    ]
    ask(gateway, {"model": "sim-model", "messages": messages}, who)
    assert notes(gateway, who) == []


def test_a_correction_and_an_erasure_are_in_force_at_once(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    who, pool = "dora@example.org", urllib3.PoolManager()
    ask(gateway, "My name is Dora.", who)
    (note,) = notes(gateway, who)
    url = f"{gateway.base_url}/memory/{note['id']}"
    changed = pool.request("PATCH", url, body=json.dumps({"text": "The user's name is Doris."}), headers=headers(who))
    assert changed.status == 200, changed.data
    ask(gateway, "What is my name?", who)
    assert "Doris" in json.dumps(sent(upstream))
    assert "Dora" not in json.dumps(sent(upstream))
    erased = pool.request("DELETE", f"{gateway.base_url}/memory", headers=headers(who))
    assert json.loads(erased.data) == {"deleted": 1, "matched": 1, "dry_run": False}
    ask(gateway, "What is my name?", who)
    assert sent(upstream) == [{"role": "user", "content": "What is my name?"}]


def test_a_new_value_replaces_the_old_one_even_for_the_same_bytes(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    who = "eve@example.org"
    ask(gateway, "I live in Ghent.", who)
    for _ in range(4):  # often enough for the fast lane to know these bytes
        ask(gateway, "Where do I live?", who)
    assert "Ghent" in json.dumps(sent(upstream))
    ask(gateway, "I live in Porto now.", who)
    upstream.reset()
    ask(gateway, "Where do I live?", who)
    assert "Porto" in json.dumps(sent(upstream))
    assert "Ghent" not in json.dumps(sent(upstream))


def test_a_wish_that_is_not_understood_is_refused(gateway: GatewayProcesses) -> None:
    for wrong in ({"X_LEO_Memory": "maybe"}, {"X_LEO_Principal": "x" * 300, "X_LEO_Memory": "on"}):
        response = gateway.ask(chat("Hello"), **wrong)
        assert response.status == 400
        assert json.loads(response.data)["error"]["param"] in ("X-LEO-Memory", "X-LEO-Principal")
