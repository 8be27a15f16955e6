"""Requests a second and CPU a request against the numbers of front-end processes and of workers."""

from __future__ import annotations

from typing import Any

from bench.hotpath.gateway import Gateway, cpu_between, per_request
from bench.hotpath.load import Load, put
from bench.hotpath.meter import Meter
from bench.hotpath.options import Options
from bench.hotpath.upstream import Upstream, running_upstream

SIZES = ((1, 1), (2, 1), (1, 2), (2, 2))  # front-end processes, workers
QUICK_SIZES = ((1, 1), (2, 2))
CONNECTIONS = 64


def measure(options: Options) -> dict[str, Any]:
    """Each repetition goes through all sizes, so that what else happens on the machine falls on all of them."""
    sizes, repetitions, seconds = (QUICK_SIZES, 1, 2) if options.quick else (SIZES, 3, 6)
    cells: list[dict[str, Any]] = []
    with running_upstream() as upstream:
        for rep in range(repetitions):
            for web, workers in sizes:
                found = _size(upstream, web, workers, seconds)
                cells += [{**cell, "web": web, "workers": workers, "rep": rep} for cell in found]
                rates = ", ".join(f"{cell['kind']} {cell['rps']:.0f}/s" for cell in found)
                options.say(f"{web} front ends, {workers} workers: {rates}")
        return {"cells": cells, "connections": CONNECTIONS, "upstream": upstream.name}


def _size(upstream: Upstream, web: int, workers: int, seconds: int) -> list[dict[str, Any]]:
    with Gateway(upstream.base_url, LEO_WEB_PROCESSES=web, LEO_WORKER_PROCESSES=workers) as gateway:
        put(Load(gateway.port, 1, "scaling", count=3))
        return [
            _cell(gateway, "hits", Load(gateway.port, CONNECTIONS, "scaling", seconds=seconds)),
            _cell(gateway, "misses", Load(gateway.port, CONNECTIONS, "scaling", fresh=True, seconds=seconds)),
        ]


def _cell(gateway: Gateway, kind: str, load: Load) -> dict[str, Any]:
    """CPU is counted until the ledger is written, and per request that the ledger counts."""
    gateway.rest()
    cpu, before = gateway.cpu(), gateway.counts()
    with Meter() as meter:
        figures = put(load)
        gateway.rest()
    requests = gateway.counts()["requests"] - before["requests"]
    kept = {name: figures[name] for name in ("rps", "p50", "p99", "errors")}
    return {"kind": kind, **kept, "cpu_ms": per_request(cpu_between(cpu, gateway.cpu()), requests), "other": meter.other}
