"""The trace player on real processes: its simulated model, and a whole gateway before it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench.replay import tiny
from bench.replay.answers import digest
from bench.replay.knowledge import Behaviour
from bench.replay.metrics import Figures
from bench.replay.model import Upstream
from bench.replay.part import play_part
from bench.replay.plan import TINY, Library, Plan
from bench.replay.player import Target
from bench.replay.ways import Claims, Direct, Way
from bench.replay.workload import Workload
from tests.support.gateway import KEY, GatewayProcesses
from tests.support.waiting import wait_until

MODEL = "replay-model"
PLAN = Plan(
    traces=(TINY,),
    prompts=(TINY,),
    requests=80,
    speed=10.0,
    mix=tiny.MIX,
    behaviour=Behaviour(base_ms=30, token_ms=0.5, failure_rate=0, slow_rate=0),
)


class LeoUp(Way):
    """`leo up` without answers by meaning, so that every hit can be told beforehand."""

    def __init__(self, folder: Path) -> None:
        self._models = folder / "models.yaml"
        self._gateway: GatewayProcesses | None = None

    @property
    def gateway(self) -> GatewayProcesses:
        assert self._gateway is not None
        return self._gateway

    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        price = {"input": behaviour.input_price, "output": behaviour.output_price}
        models = {MODEL: {"upstream": "replay", "price": price}}
        self._models.write_text(json.dumps({"upstreams": {"replay": {"base_url": upstream}}, "models": models}))
        self._gateway = GatewayProcesses(LEO_MODELS_FILE=str(self._models), LEO_SEMANTIC_CACHE="false").start()
        return Target(self._gateway.port, {"X-API-Key": KEY}, lambda headers: headers.get("x-leo-cache", ""), MODEL)

    def claims(self, requests: int = 0) -> Claims | None:
        def counted() -> Claims | None:
            sums = json.loads(self.gateway.get("/v1/analytics").data)["optimization_metrics"]
            found = Claims(sums["total_requests"], sums["upstream_calls"], sums["cost_spent"] or 0, sums["cost_saved"] or 0)
            return found if found.requests >= requests else None

        return wait_until(counted, 30, "the ledger being written")

    def finish(self) -> None:
        if self._gateway:
            self._gateway.__exit__()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.close()


@pytest.fixture
def workload() -> Workload:
    return Library(PLAN, Path("nowhere")).workload(TINY, 1)


def kept(figures: Figures) -> None:
    """What must be true of every way."""
    assert figures.failures == {}
    assert (figures.wrong, figures.damaged) == (0, 0)
    assert (figures.calls_changed, figures.calls_unknown) == (0, 0)


def test_the_tiny_workload_plays_directly_and_through_the_gateway(upstream: Upstream, workload: Workload, tmp_path: Path) -> None:
    different = len({digest(workload.messages(request)) for request in workload.requests})
    direct = play_part(PLAN, workload, Direct(), upstream, "direct")
    kept(direct)
    assert (direct.calls, direct.hits, direct.saved) == (80, 0, 0.0)

    leo = play_part(PLAN, workload, LeoUp(tmp_path), upstream, "leo")
    kept(leo)
    # An exact cache and dedup: every conversation is asked once, and every other request is a hit.
    assert leo.calls == different
    assert leo.hits == 80 - different == Counter(request.kind for request in workload.requests)["repeat"]
    assert set(leo.tiers) <= {"miss", "exact", "dedup"}
    assert leo.worth == pytest.approx(direct.cost)
    assert leo.claims is not None
    assert (leo.claims.requests, leo.claims.calls) == (80, leo.calls)
    assert leo.claims.cost == pytest.approx(leo.cost)
    assert leo.claims.saved == pytest.approx(leo.worth - leo.cost)


def test_the_model_fails_by_its_seed_whoever_asks_first(upstream: Upstream, workload: Workload) -> None:
    plan = msgspec.structs.replace(PLAN, speed=60.0, behaviour=Behaviour(base_ms=1, token_ms=0, failure_rate=0.2))
    first, second = (play_part(plan, workload, Direct(), upstream, "direct") for _ in range(2))
    assert first.failures == second.failures == {"503": first.calls_failed}
    assert 5 <= first.failed <= 30
    assert first.kinds == second.kinds
    assert first.cost == pytest.approx(first.worth)
