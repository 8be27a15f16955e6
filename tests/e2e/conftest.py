"""A whole gateway in its own processes, in front of the simulator as its upstream.

upstream    the simulator; `stats` and `last` say what reached it
gateway     `leo up` in front of it, for the whole session. It asks its upstream once and its breaker never opens, so
            that one ordered failure is one failure
question    makes a question that nobody has asked yet, with orders to the simulator if wanted
ask         sends a chat request and gives the response, which must be a 200 unless told otherwise
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from tests.support.gateway import GatewayProcesses, SimulatedUpstream, chat

ONE_CALL = {"LEO_MAX_ATTEMPTS": "1", "LEO_BREAKER_FAILURES": "1000000"}
MAX_BODY = 12 * 1024 * 1024
_numbers = itertools.count(1)

Ask = Callable[..., urllib3.BaseHTTPResponse]
Question = Callable[..., str]


@pytest.fixture(scope="session")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="session")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    with GatewayProcesses(upstream.base_url, LEO_MAX_BODY_BYTES=str(MAX_BODY), **ONE_CALL) as running:
        yield running


@pytest.fixture
def question(request: pytest.FixtureRequest) -> Question:
    def make(**orders: float) -> str:
        text = f"{request.node.name}, question {next(_numbers)}"
        return f"{text} [[sim: {' '.join(f'{name}={value:g}' for name, value in orders.items())}]]" if orders else text

    return make


@pytest.fixture
def ask(gateway: GatewayProcesses) -> Ask:
    def send(body: str | bytes | dict[str, Any], status: int = 200, **headers: str) -> urllib3.BaseHTTPResponse:
        response = gateway.ask(chat(body) if isinstance(body, str) else body, **headers)
        assert response.status == status, response.data
        return response

    return send


def content(response: urllib3.BaseHTTPResponse) -> str:
    """The text of a whole completion's first choice."""
    text = json.loads(response.data)["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text
