"""Results of a run as the bench keeps them, made up: our gateway is three times as fast as all others."""

from __future__ import annotations

from typing import Any

MACHINE = {"at": "2026-01-02T03:04:05+00:00", "commit": "abc1234", "dirty": False, "cores": 2}


def cell(part: str, peer: str, connections: int, rep: int = 0, **figures: Any) -> dict[str, Any]:
    """One measurement beside the peers, without errors or disturbance unless `figures` say so."""
    own = {
        "rps": 100.0,
        "p50": 1.0,
        "p99": 2.0,
        "ok": 1000,
        "errors": 0,
        "cpu_ms": 0.5,
        "other": 0.0,
        "upstream": 0,
        "rested": True,
    }
    return {"part": part, "peer": peer, "c": connections, "rep": rep, **own, **figures}


def part(result: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A part that was done."""
    told = {"at": "2026-01-02T03:04:05+00:00", "commit": "abc1234", "took_s": 1.0, "load_before": 0.1, "load_after": 0.2}
    return {"status": "done", "result": result, **told, **changes}


def failed(error: str, status: str = "failed") -> dict[str, Any]:
    return {**part(), "status": status, "error": error}


def peers_result() -> dict[str, Any]:
    cells = []
    for rep, noise in enumerate((1.0, 0.5, 0.9)):  # the machine was slower in the second repetition, for all
        for connections in (1, 64):
            cells.append(cell("hit", "tensorzero-valkey", connections, rep, rps=4000 * noise, p50=0.2 / noise))
            cells.append(cell("hit", "leo", connections, rep, rps=12_000 * noise, p50=0.24))
            cells.append(cell("pass", "direct", connections, rep, rps=50_000 * noise, p50=0.02))
            cells.append(cell("pass", "leo-pass", connections, rep, rps=900 * noise, p50=3.02))
        counted = {"messages": 6000, "requests": 6000, "miss": 5990, "calls": 6000}
        cells.append(cell("miss", "litellm-redis", 64, rep, rps=100 * noise))
        cells.append(cell("miss", "leo", 64, rep, rps=600 * noise, upstream=6000, leo=counted))
        for connections in (1, 16):
            cells.append(cell("stream", "direct", connections, rep, ttft_p50=50.2))
            cells.append(cell("stream", "leo-pass", connections, rep, ttft_p50=54.2 + connections / 4))
        cells.append(cell("dedup", "leo", 100, rep, upstream=1, max=1050.0))
    memory = {"leo": {"procs": 8, "idle": {"pss_mb": 300.0}, "after": {"pss_mb": 320.0}, "idle_cpu": 0.01}}
    settings = {"parts": "pass,hit", "conc": "1,64", "reps": 3, "dur": 5}
    return {"cells": cells, "memory": memory, "notes": [], "settings": settings, "versions": {"tensorzero": "1.0"}}


def parts() -> dict[str, dict[str, Any]]:
    """Every part of a run, all goals reached."""
    counts = dict.fromkeys(("answered", "upstream_calls", "messages", "claims", "ledger_misses", "ledger_calls"), 2050)
    standstill = {"callers": 20, "answered": 0, "calls": 0, "answered afterwards": 20}
    cpu = dict.fromkeys(("redis", "ledger", "workers", "web", "all"), 0.1)
    cells = [
        {
            "kind": kind,
            "web": web,
            "workers": 1,
            "rep": 0,
            "rps": 900.0,
            "p50": 1.0,
            "p99": 2.0,
            "errors": 0,
            "cpu_ms": cpu,
            "other": 0,
        }
        for kind in ("hits", "misses")
        for web in (1, 2)
    ]
    wait = {"p50": 0.5, "p99": 0.9}
    points = [{"length": n, "queued": n, "hit": wait, "join": wait, "admission": wait, "other": 0} for n in (0, 1000)]
    memory = {"pss_mb": 70.0, "rss_mb": 80.0, "threads": 9, "files": 30, "turned_away": 0, "cores": cpu, "hit": wait, "other": 0}
    sustained = {
        "rps": 5000.0,
        "p50": 1.0,
        "p99": 2.0,
        "errors": 0,
        "secs": 60.0,
        "slices": [4900.0, 5100.0],
        "answered": 300_000,
        "events": 300_000,
        "exact": 300_000,
        "drain_s": 0.1,
        "backlog_most": 12,
        "cpu_cores": cpu,
        "cpu_ms": cpu,
        "samples": [{"t": t, "backlog": 3, "cores": cpu} for t in (0.5, 1.0)],
        "other": 0.0,
    }
    return {
        "startup": part({"starts": [{"seconds": s, "other": 0.0} for s in (1.2, 1.1, 1.4)]}),
        "misses": part({**counts, "messages": 300, "errors": 0, "headers": {"miss": 50}, "standstill": standstill}),
        "joiners": part({"callers": 101, "answered in full": 101, "kept": True}),
        "peers": part(peers_result()),
        "scaling": part({"cells": cells, "connections": 64, "upstream": "the mock"}),
        "sustained": part(sustained),
        "queue": part({"points": points, "upstream": "the mock", "requests_each": 10}),
        "waiting": part({"points": [{"waiting": n, **memory} for n in (0, 500)], "left_out": [], "stuck": ""}),
    }


def run(**changes: Any) -> dict[str, Any]:
    return {"machine": MACHINE, "quick": False, "generator": "a generator", "parts": parts(), **changes}
