"""One part of a run: one way plays one workload once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import msgspec
import uvloop

from bench.replay import knowledge as knowing
from bench.replay.client import Client
from bench.replay.knowledge import Behaviour, Knowledge
from bench.replay.metrics import Figures, figures
from bench.replay.model import Upstream
from bench.replay.plan import Plan
from bench.replay.player import ERRORS, Target, play
from bench.replay.processes import undisturbed
from bench.replay.usage import usage
from bench.replay.ways import Way
from bench.replay.workload import Workload

WARM_UPS = 24  # requests that nobody measures: the first of a process are its slowest
WARM_UP_S = 60.0
PAUSE_S = 1.0  # after a part: what a way still does must not fall on the next
IDLE = Knowledge(0, Behaviour(base_ms=0, token_ms=0, failure_rate=0, slow_rate=0), [], {}, {})


def play_part(plan: Plan, workload: Workload, way: Way, upstream: Upstream, label: str) -> Figures:
    """Start a way, play a workload through it once, and take its figures."""
    known = knowing.of(workload, plan.behaviour)
    upstream.load(IDLE)
    try:
        target = way.start(upstream.base_url, plan.behaviour)
        uvloop.run(warm_up(target))
        before = way.claims(WARM_UPS)
        upstream.load(known)
        started = usage(time.monotonic(), way.pids(), upstream.pid)
        with _progress(label, len(workload.requests)) as progress:
            outcomes = uvloop.run(play(workload, target, timeout=plan.timeout, in_flight=plan.in_flight, progress=progress))
        cpu, others = usage(time.monotonic(), way.pids(), upstream.pid).since(started)
        found = figures(workload, known, outcomes, upstream.counts())
        after = way.claims(before.requests + len(outcomes)) if before else None
        found = msgspec.structs.replace(
            found,
            claims=after.since(before) if before and after else None,
            cpu_ms=cpu / len(outcomes) * 1000 if way.pids() else None,
            others_cores=others,
        )
    finally:
        with undisturbed():
            way.finish()
    click.echo(f"{label}: {_line(found)}", err=True)
    time.sleep(PAUSE_S)
    return found


async def warm_up(target: Target) -> None:
    """Ask what no workload has, a few at a time, whole and streamed. Raises RuntimeError when nothing is answered."""
    client, places = Client(target.port, target.headers), asyncio.Semaphore(4)

    async def one(number: int) -> bool:
        message = {"role": "user", "content": f"Warm-up number {number}."}
        body = msgspec.json.encode({"model": target.model, "messages": [message], "stream": number % 2 == 1})
        async with places:
            try:
                return (await client.post(body, WARM_UP_S)).status == 200
            except (*ERRORS, TimeoutError):
                return False

    answered = await asyncio.gather(*map(one, range(WARM_UPS)))
    await client.close()
    if not any(answered):
        raise RuntimeError("none of the requests to warm it up was answered")


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[], object]]:
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield lambda: bar.update(1)


def _line(found: Figures) -> str:
    """A part in one line, for whoever watches."""
    p50 = "-" if found.p50_ms is None else f"{found.p50_ms:.0f} ms"
    return (
        f"{found.requests} requests in {found.seconds:.0f} s, p50 {p50}, {found.calls} upstream calls, "
        f"{found.hits} hits, {found.wrong} wrong, {found.failed} failed"
    )
