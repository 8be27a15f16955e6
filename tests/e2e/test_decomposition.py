"""Questions taken apart, through a whole gateway: what reaches the upstream, what callers get, what is kept."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import urllib3

from tests.support.gateway import KEY, GatewayProcesses, SimulatedUpstream, chat

COUNTRIES = (
    *("France", "Japan", "Peru", "Kenya", "Norway", "Vietnam", "Chile", "Egypt", "Canada", "Poland", "Ghana", "Nepal"),
    *("Cuba", "Iran", "Malta", "Oman", "Qatar", "Spain", "Sudan", "Syria", "Tonga", "Yemen", "Zambia", "Italy"),
    *("Greece", "Turkey", "India", "Bolivia", "Ecuador", "Mexico"),
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    with GatewayProcesses(upstream.base_url, LEO_DECOMPOSITION="on", LEO_SEMANTIC_CACHE="false", LEO_MAX_ATTEMPTS="1") as running:
        yield running


_countries = iter(COUNTRIES)


@pytest.fixture
def questions() -> list[str]:
    """Three that nobody has asked yet."""
    return [f"What is the capital of {country}?" for country in itertools.islice(_countries, 3)]


def text_of(response: urllib3.BaseHTTPResponse) -> str:
    assert response.status == 200, response.data
    text: str = json.loads(response.data)["choices"][0]["message"]["content"]
    return text


def metrics_of(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.data)["optimization_metrics"]
    return found


def sent_last(upstream: SimulatedUpstream) -> bytes:
    return base64.b64decode(upstream.last()[-1]["body"])


def in_order(text: str, wanted: list[str]) -> bool:
    places = [text.find(one) for one in wanted]
    return -1 not in places and places == sorted(places)


def test_what_is_stored_is_not_asked_again(gateway: GatewayProcesses, upstream: SimulatedUpstream, questions: list[str]) -> None:
    known = [text_of(gateway.ask(chat(question))) for question in questions[:2]]
    upstream.reset()
    response = gateway.ask(chat(" ".join(questions)))
    assert response.headers["X-LEO-Cache"] == "miss"
    assert response.headers["X-LEO-Parts"] == "exact, exact, upstream"
    assert upstream.stats()["calls"] == 1
    asked = json.loads(sent_last(upstream))["messages"]
    assert asked == [{"role": "user", "content": questions[2]}]
    assert in_order(text_of(response), [questions[0], known[0], questions[1], known[1], questions[2]])
    metrics = metrics_of(response)
    assert metrics["decomposed"] is True
    assert [part["source"] for part in metrics["parts"]] == ["exact", "exact", "upstream"]
    assert metrics["tokens_saved"] > 0
    assert metrics["bypass"]["store"] == "composed"

    # The part that was missing answers the plain question now, and so all three are there.
    upstream.reset()
    assert gateway.ask(chat(questions[2])).headers["X-LEO-Cache"] == "exact"
    again = gateway.ask(chat(" ".join(questions)))
    assert again.headers["X-LEO-Cache"] == "exact"
    assert again.headers["X-LEO-Parts"] == "exact, exact, exact"
    assert text_of(again) == text_of(response)
    assert upstream.stats()["calls"] == 0


def test_with_nothing_known_it_is_asked_directly_once_and_then_its_parts_are_kept(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, questions: list[str]
) -> None:
    upstream.reset()
    first = gateway.ask(chat(f"{questions[0]} {questions[1]}"))
    assert "X-LEO-Parts" not in first.headers
    assert metrics_of(first)["decomposed"] is False
    # One of the parts comes again: two calls so far, and from now on none of the parts is asked again.
    second = gateway.ask(chat(f"{questions[1]} {questions[2]}"))
    assert second.headers["X-LEO-Parts"] == "upstream, upstream"
    assert metrics_of(second)["bypass"] == {}
    assert upstream.stats()["calls"] == 2
    for question in questions[1:]:
        assert gateway.ask(chat(question)).headers["X-LEO-Cache"] == "exact"
    assert gateway.ask(chat(f"{questions[1]} {questions[2]}")).headers["X-LEO-Cache"] == "exact"
    assert upstream.stats()["calls"] == 2


def test_a_stream_has_the_known_parts_and_then_the_others(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, questions: list[str]
) -> None:
    known = text_of(gateway.ask(chat(questions[0])))
    client = openai.OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0)
    stream = client.chat.completions.create(
        model="sim-model",
        messages=[{"role": "user", "content": " ".join(questions)}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0
    text = "".join(pieces)
    assert in_order(text, [questions[0], known, questions[1], questions[2]])
    assert text == text_of(gateway.ask(chat(" ".join(questions))))


@pytest.mark.parametrize(
    "more",
    [
        {"stop": ["x"]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
        {"n": 2},
    ],
)
def test_what_cannot_be_put_together_is_asked_directly(
    gateway: GatewayProcesses, questions: list[str], more: dict[str, Any]
) -> None:
    gateway.ask(chat(questions[0], **more))
    response = gateway.ask(chat(f"{questions[0]} {questions[1]}", **more))
    assert response.status == 200
    assert "X-LEO-Parts" not in response.headers


def test_it_can_be_switched_off(gateway: GatewayProcesses, upstream: SimulatedUpstream, questions: list[str]) -> None:
    gateway.ask(chat(questions[0]))
    body = json.dumps(chat(f"{questions[0]} {questions[1]}")).encode()
    upstream.reset()
    response = gateway.ask(body, X_LEO_Disable="decompose, optimize")
    assert "X-LEO-Parts" not in response.headers
    assert sent_last(upstream) == body
