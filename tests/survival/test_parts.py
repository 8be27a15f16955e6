"""A worker dies while the parts of a question are asked at the same time."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gateway import GatewayProcesses, SimulatedUpstream, chat
from tests.support.waiting import wait_until

COUNTRIES = ("France", "Japan", "Kenya")


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream(latency_ms=2500) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    settings = {"LEO_DECOMPOSITION": "parallel", "LEO_SEMANTIC_CACHE": "false", "LEO_WORKER_PROCESSES": "2"}
    with GatewayProcesses(upstream.base_url, **settings) as running:
        yield running


@pytest.mark.parametrize(("victims", "wanted"), [(1, "capital"), (2, "first king")])
def test_the_join_survives(gateway: GatewayProcesses, upstream: SimulatedUpstream, victims: int, wanted: str) -> None:
    questions = [f"What is the {wanted} of {country}?" for country in COUNTRIES]
    upstream.reset()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(gateway.ask, chat(" ".join(questions)))
        wait_until(lambda: upstream.stats()["in_flight"] == len(questions), 30, "all parts being asked at the same time")
        for pid in gateway.pids(r"app\.cli worker")[:victims]:
            os.kill(pid, signal.SIGKILL)
        reply = asked.result(60)
    assert reply.status == 200, reply.data
    body = json.loads(reply.data)
    text = body["choices"][0]["message"]["content"]
    places = [text.find(question) for question in questions]
    assert -1 not in places
    assert places == sorted(places)
    assert len(body["optimization_metrics"]["parts"]) == len(questions)
    assert upstream.stats()["calls"] <= 2 * len(questions)
    # Every part answers the plain question now.
    upstream.reset()
    assert [gateway.ask(chat(question)).headers["X-LEO-Cache"] for question in questions] == ["exact"] * len(questions)
    assert upstream.stats()["calls"] == 0
