"""A minute of exact hits: what they cost, where, and whether the ledger keeps up and counts each one."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.hotpath import fence
from bench.hotpath.gateway import Gateway, cpu_between, per_request
from bench.hotpath.load import Figures, Load, put
from bench.hotpath.meter import Meter
from bench.hotpath.options import Options
from bench.hotpath.upstream import running_upstream

CONNECTIONS = 64
PROMPT = "sustained hits"
LOOK_S = 0.5
SLICE_S = 5.0  # the load comes in slices of about this length, each with a number of requests that is known
DRAIN_S = 600.0


def measure(options: Options) -> dict[str, Any]:
    """Numbers of requests that take about a minute together, each request waited for, so that all can be counted."""
    seconds, first = (4, 1000) if options.quick else (60, 20_000)
    with running_upstream() as upstream, Gateway(upstream.base_url, LEO_WEB_PROCESSES=2, LEO_WORKER_PROCESSES=2) as gateway:
        put(Load(gateway.port, 1, PROMPT, count=1))
        pace = put(Load(gateway.port, CONNECTIONS, PROMPT, count=first))["rps"]
        gateway.rest()
        before, cpu = gateway.counts(), gateway.cpu()
        with Meter() as meter, _watching(gateway) as samples:
            slices = _slices(gateway, pace, seconds)
            under_load, lasted = gateway.cpu(), sum(figures["secs"] for figures in slices)
            answered = sum(map(_answered, slices))
            drain = _drain(gateway, before["requests"] + answered)
        after = gateway.counts()
        rate = sum(figures["ok"] for figures in slices) / lasted
        options.say(f"{answered} hits at {rate:.0f}/s, ledger empty {drain:.1f} s later")
        return {
            "rps": round(rate, 1),
            **{name: statistics.median(figures[name] for figures in slices) for name in ("p50", "p99")},
            "errors": sum(figures["errors"] for figures in slices),
            "secs": round(lasted, 2),
            "slices": [figures["rps"] for figures in slices],
            "answered": answered,
            "events": after["requests"] - before["requests"],
            "exact": after.get("exact", 0) - before.get("exact", 0),
            "drain_s": round(drain, 2),
            "backlog_most": max((sample["backlog"] for sample in samples), default=0),
            "cpu_cores": {role: round(used / lasted, 3) for role, used in cpu_between(cpu, under_load).items()},
            "cpu_ms": per_request(cpu_between(cpu, gateway.cpu()), answered),
            "samples": samples,
            "other": meter.other,
        }


def _slices(gateway: Gateway, pace: float, seconds: float) -> list[Figures]:
    """One slice after the other, each as large as the last one's pace lets expect, for so many seconds."""
    found: list[Figures] = []
    while (left := seconds - sum(figures["secs"] for figures in found)) > 0:
        count = max(CONNECTIONS, int(pace * min(left, SLICE_S)))
        found.append(put(Load(gateway.port, CONNECTIONS, PROMPT, count=count)))
        pace = found[-1]["rps"]
    return found


def _answered(figures: Figures) -> int:
    """A request that was refused was answered, too, and has its event."""
    return int(figures["ok"] + figures.get("e_status", 0))


@contextmanager
def _watching(gateway: Gateway) -> Iterator[list[dict[str, Any]]]:
    """Looks at the ledger's backlog and at the CPU of all processes twice a second."""
    samples: list[dict[str, Any]] = []
    over, began = threading.Event(), time.monotonic()

    def watch() -> None:
        last, at = gateway.cpu(), began
        while not over.wait(LOOK_S):
            cpu, now = gateway.cpu(), time.monotonic()
            cores = {role: round((cpu[role] - last[role]) / (now - at), 2) for role in cpu}
            samples.append({"t": round(now - began, 1), "backlog": fence.backlog(gateway.home), "cores": cores})
            last, at = cpu, now

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _drain(gateway: Gateway, expected: int) -> float:
    """Seconds until the ledger's stream is empty and its events are in SQL; what is missing then will not come."""
    began = empty = time.monotonic()
    while time.monotonic() < began + DRAIN_S:
        if fence.backlog(gateway.home):
            time.sleep(0.05)
            empty = time.monotonic()
        elif fence.ledger(gateway.home)["requests"] >= expected or time.monotonic() > empty + 5:
            return empty - began
        else:
            time.sleep(0.1)
    raise TimeoutError(f"the ledger's backlog was not empty after {DRAIN_S:.0f} s")
