"""That every miss goes through the queue.

Once by counting: what callers, queue, workers, ledger and upstream have counted, side by side. A message may carry several
runs, but each run has a claim of its own, which only a worker makes, and only for a run that a message named. And once by
trying: while the workers stand still, nothing is answered, and no upstream is called.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from bench.hotpath.gateway import KEY, Gateway, chat_body
from bench.hotpath.load import Load, put
from bench.hotpath.options import Options
from bench.hotpath.upstream import Upstream, running_upstream
from bench.http import Reply, post

CONNECTIONS = 64
SAMPLE = 50
STOPPED = 20  # callers while the workers stand still
STANDSTILL_S = 1.5  # less than a worker's lease


def measure(options: Options) -> dict[str, Any]:
    """Prompts never seen before, at 64 connections, then some more whose headers are read."""
    count = 300 if options.quick else 2000
    with running_upstream() as upstream, Gateway(upstream.base_url, LEO_WEB_PROCESSES=2, LEO_WORKER_PROCESSES=2) as gateway:
        before, calls = gateway.counts(), upstream.calls()
        figures = put(Load(gateway.port, CONNECTIONS, "through the queue", fresh=True, count=count))
        headers = Counter(reply.headers.get("x-leo-cache", f"status {reply.status}") for reply in asyncio.run(_sample(gateway)))
        standstill = asyncio.run(_standstill(gateway, upstream))
        gateway.rest()
        after = gateway.counts()
        return {
            "answered": figures["ok"] + SAMPLE + standstill["answered afterwards"],
            "errors": figures["errors"],
            "upstream_calls": upstream.calls() - calls,
            "messages": after["messages"] - before["messages"],
            "claims": _claims(gateway.home),
            "ledger_misses": after.get("miss", 0) - before.get("miss", 0),
            "ledger_calls": after["calls"] - before["calls"],
            "headers": dict(headers),
            "standstill": standstill,
        }


async def _sample(gateway: Gateway) -> list[Reply]:
    return await asyncio.gather(*(post(gateway.port, chat_body(f"sample {n}"), KEY) for n in range(SAMPLE)))


async def _standstill(gateway: Gateway, upstream: Upstream) -> dict[str, int]:
    """New requests while the workers are stopped, and once they go on."""
    calls, workers = upstream.calls(), gateway.processes()["workers"]
    for worker in workers:
        worker.suspend()
    try:
        callers = [asyncio.create_task(post(gateway.port, chat_body(f"standstill {n}"), KEY)) for n in range(STOPPED)]
        await asyncio.sleep(STANDSTILL_S)
        found = {"callers": STOPPED, "answered": sum(caller.done() for caller in callers), "calls": upstream.calls() - calls}
    finally:
        for worker in workers:
            worker.resume()
    replies = await asyncio.gather(*callers)
    return {**found, "answered afterwards": sum(reply.complete for reply in replies)}


def _claims(home: str) -> int:
    """Claims that made calls: a call's id is its run, the fencing token that its worker got, and a number."""
    with closing(sqlite3.connect(f"file:{home}/leo.db?mode=ro", uri=True)) as db:
        return len({call_id.rpartition(":")[0] for (call_id,) in db.execute("select id from ledger_calls")})


def all_through_the_queue(result: dict[str, Any]) -> bool:
    """Each answer had its own claim and call, the ledger knows of all, callers were told so, and nothing else answers."""
    answered, standstill = result["answered"], result["standstill"]
    counted = ("upstream_calls", "claims", "ledger_misses", "ledger_calls")
    same = all(result[name] == answered for name in counted) and set(result["headers"]) == {"miss"}
    still = not standstill["answered"] and not standstill["calls"] and standstill["answered afterwards"] == standstill["callers"]
    return bool(same and still and result["messages"] and not result["errors"])
