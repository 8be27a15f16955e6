"""What waiting callers cost a front-end process: memory, CPU, and the latency of those who need not wait.

The upstream does not answer, and callers with different questions are added step by step. They are followed as in
real use: their runs are tended once a second.
"""

from __future__ import annotations

import asyncio
import resource
import time
from typing import Any

from bench.hotpath import fence
from bench.hotpath.gateway import KEY, Gateway, chat_body, cpu_between
from bench.hotpath.load import Load, put
from bench.hotpath.meter import Meter
from bench.hotpath.options import Options
from bench.hotpath.upstream import running_upstream
from bench.http import Reply, post

STEPS = (0, 500, 1_000, 2_000, 5_000)
QUICK_STEPS = (0, 100, 300)
STORED = "waiting callers: a stored answer"
NEVER_MS = 600_000
AT_ONCE = 64  # callers that connect at the same time
SETTLE_S = 3.0
STUCK_S = 30.0  # without a new run
SPARE_FILES = 300
POLL_S = 0.05
# Runs that wait; those that have ended stay for a while.
RUNS = """local found = 0
for _, key in ipairs(redis.call('keys', 'leo:{*}:s')) do
  local state = redis.call('hget', key, 'st')
  if state == 'queued' or state == 'running' then found = found + 1 end
end
return found"""


def measure(options: Options) -> dict[str, Any]:
    """One front-end process, as many callers as the limit on open files allows."""
    steps = QUICK_STEPS if options.quick else STEPS
    room = open_files(steps[-1] + SPARE_FILES) - SPARE_FILES
    possible = [step for step in steps if step <= room]
    limits = {"LEO_MAX_WAITING": steps[-1] + 1000, "LEO_WEB_PROCESSES": 1, "LEO_WORKER_PROCESSES": 1}
    with running_upstream() as upstream, Gateway(upstream.base_url, **limits) as gateway:
        put(Load(gateway.port, 1, STORED, count=1))
        put(Load(gateway.port, 64, STORED, count=640))  # what is made once, with the first load, is not the callers'
        gateway.rest()
        upstream.configure(latency_ms=NEVER_MS)
        points, stuck = asyncio.run(_steps(gateway, possible, options))
    return {"points": points, "left_out": [step for step in steps if step not in possible], "stuck": stuck}


def open_files(wanted: int) -> int:
    """Raise this process's limit on open files, which those that it starts inherit; returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


async def _steps(gateway: Gateway, steps: list[int], options: Options) -> tuple[list[dict[str, Any]], str]:
    """A point for each step; and, where the gateway took no more callers, what was seen then."""
    callers: list[asyncio.Task[Reply]] = []
    points: list[dict[str, Any]] = []
    try:
        for step in steps:
            while len(callers) < step:
                _call(gateway, callers, min(step - len(callers), AT_ONCE))
                if not await _arrived(gateway, callers):
                    return points, f"of {len(callers)} callers {_runs(gateway)} became runs, and then none any more"
            points.append(await asyncio.to_thread(_look, gateway, step, callers))
            options.say(f"{step} waiting: {points[-1]['pss_mb']} MB, hits p50 {points[-1]['hit']['p50']} ms")
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
    return points, ""


def _call(gateway: Gateway, callers: list[asyncio.Task[Reply]], more: int) -> None:
    """Have more callers ask, each a question of its own."""
    bodies = [chat_body(f"waiting caller {number}") for number in range(len(callers), len(callers) + more)]
    callers += [asyncio.create_task(post(gateway.port, body, KEY, timeout=NEVER_MS / 1000)) for body in bodies]


async def _arrived(gateway: Gateway, callers: list[asyncio.Task[Reply]]) -> bool:
    """Wait until all callers that were not turned away have a run in Redis; False when there is no progress."""
    most, since = 0, time.monotonic()
    while True:
        runs = _runs(gateway)
        if runs >= sum(not caller.done() for caller in callers):
            return True
        if runs > most:
            most, since = runs, time.monotonic()
        if time.monotonic() > since + STUCK_S:
            return False
        await asyncio.sleep(POLL_S)


def _runs(gateway: Gateway) -> int:
    return int(fence.ask(gateway.home, "EVAL", RUNS, "0"))


def _look(gateway: Gateway, step: int, callers: list[asyncio.Task[Reply]]) -> dict[str, Any]:
    time.sleep(SETTLE_S)
    with Meter() as meter:
        cpu = gateway.cpu()
        time.sleep(SETTLE_S)
        spent = cpu_between(cpu, gateway.cpu())
        memory = gateway.memory("web")
        hits = put(Load(gateway.port, 1, STORED, count=300))
    return {
        "waiting": step,
        "turned_away": sum(caller.done() for caller in callers),
        **memory,
        "cores": {role: round(seconds / SETTLE_S, 3) for role, seconds in spent.items()},
        "hit": {name: hits[name] for name in ("p50", "p99")},
        "other": meter.other,
    }
