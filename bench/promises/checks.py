"""One function a promise. Each returns what was measured, and whether the promise was kept."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil

from bench.http import Reply, post
from bench.promises.site import Site, healthy, kill, memory_mb, running_site
from tests.support.gateway import KEY, GatewayProcesses, chat
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

Progress = Callable[[int, int], None]
Result = dict[str, Any]


def dedup(progress: Progress) -> Result:
    """1,000 identical requests at once over two front ends, half of them streamed, upstream latency 1 s."""
    with running_site(1000) as site:
        replies = asyncio.run(_at_once(site, [chat("one question", stream=n % 2 == 1) for n in range(1000)], progress))
        calls, texts = site.upstream.stats()["calls"], {reply.text for reply in replies if reply.complete}
        complete = sum(reply.complete for reply in replies)
        return {
            "requests": 1000,
            "answered in full": complete,
            "different texts": len(texts),
            "upstream calls": calls,
            "slowest s": round(max(reply.total for reply in replies), 2),
            "kept": calls == 1 and complete == 1000 and len(texts) == 1,
        }


def joiners(progress: Progress) -> Result:
    """100 callers who join a stream in its middle, over two front ends."""
    body = chat("a long story [[sim: tokens=60 token_ms=50]]", stream=True)
    with running_site(100) as site:
        replies, calls = asyncio.run(_joiners(site, body, progress)), site.upstream.stats()["calls"]
        texts = {reply.text for reply in replies if reply.complete}
        complete = sum(reply.complete for reply in replies)
        return {
            "callers": 101,
            "answered in full": complete,
            "different texts": len(texts),
            "upstream calls": calls,
            "kept": calls == 1 and complete == 101 and len(texts) == 1,
        }


async def _joiners(site: Site, body: dict[str, Any], progress: Progress) -> list[Reply]:
    leader = asyncio.create_task(post(site.ports[0], body, KEY))
    await asyncio.sleep(1.5)  # the story takes three seconds: this is its middle
    joined = await asyncio.gather(*(post(site.ports[n % 2], body, KEY) for n in range(100)))
    progress(1, 1)
    return [await leader, *joined]


def waiting(progress: Progress) -> Result:
    """2,000 callers with different questions wait at once on one front-end process."""
    with RedisServer(aof=True) as server, running_site(4000, LEO_REDIS_URL=server.url, LEO_MAX_WAITING="2100") as site:
        process = psutil.Process(site.web_processes(0)[0])
        peak, memory = asyncio.run(_wait_and_watch(site, process, server.port, progress))
        replies: list[Reply] = peak.pop("replies")
        failures = Counter(reply.error or str(reply.status) for reply in replies if not reply.complete)
        return {
            "callers": 2000,
            "failed": dict(failures),
            "most Redis connections": peak["connections"],
            "front end memory MB": memory,
            "slowest s": round(max(reply.total for reply in replies), 1),
            "kept": not failures and peak["connections"] <= 20,
        }


async def _wait_and_watch(
    site: Site, process: psutil.Process, redis_port: int, progress: Progress
) -> tuple[dict[str, Any], float]:
    bodies = [chat(f"question number {n} [[sim: tokens=10]]") for n in range(2000)]
    load = asyncio.create_task(_gather([post(site.ports[0], body, KEY, timeout=200) for body in bodies], progress))
    connections, memory = 0, 0.0
    while not load.done():
        await asyncio.sleep(0.25)
        open_now = [c for c in process.net_connections("tcp") if c.raddr and c.raddr.port == redis_port]
        connections = max(connections, len(open_now))
        memory = max(memory, process.memory_info().rss / 2**20)
    return {"connections": connections, "replies": load.result()}, round(memory, 1)


def storm(progress: Progress) -> Result:
    """3,000 requests while a random worker or front end is killed with -9 every 2 seconds."""
    seed = 7
    with running_site(200, LEO_WORKER_PROCESSES="2", LEO_UPSTREAM_CONCURRENCY="32") as site:
        replies, kills = asyncio.run(_storm(site, random.Random(seed), progress))
        answered = sum(reply.complete for reply in replies)
        wrong = sum(reply.complete and not reply.text for reply in replies)
        calls = site.upstream.stats()["calls"]
        bound = 3000 + sum(kills.values()) * 32
        ledger = wait_until(lambda: _settled_ledger(site.gateway), 60, "the ledger being written")
        failures = Counter(reply.error or f"{reply.status} {reply.body[:120]!r}" for reply in replies if not reply.complete)
        return {
            "seed": seed,
            "requests": 3000,
            "answered in full": answered,
            "lost": dict(failures.most_common(5)),
            "killed": dict(kills),
            "upstream calls": calls,
            "bound on calls": bound,
            **ledger,
            "slowest s": round(max(reply.total for reply in replies), 1),
            "kept": answered == 3000
            and not wrong
            and calls <= bound
            and ledger["ledger duplicates"] == 0
            and ledger["ledger requests"] >= 3000,
        }


async def _storm(site: Site, rng: random.Random, progress: Progress) -> tuple[list[Reply], Counter[str]]:
    kills: Counter[str] = Counter()
    over = asyncio.Event()

    async def killer() -> None:
        while not over.is_set():
            try:
                await asyncio.wait_for(over.wait(), 2)
            except TimeoutError:
                victims = {"worker": site.workers(), "front end": [*site.web_processes(0), *site.web_processes(1)]}
                kind = rng.choice([name for name, pids in victims.items() if pids])
                site.revive()
                # A front end is killed behind a second one: at least one of the two is up.
                if kind == "front end" and not all(
                    await asyncio.gather(*(asyncio.to_thread(healthy, port) for port in site.ports))
                ):
                    continue
                kill(rng.choice(victims[kind]))
                kills[kind] += 1

    assassin = asyncio.create_task(killer())
    places = asyncio.Semaphore(48)

    async def ask(number: int) -> Reply:
        body = chat(f"question {number} of the storm [[sim: tokens=8 token_ms=5]]", stream=number % 2 == 1)
        async with places:
            return await _persistent(site, body, number)

    replies = await _gather([ask(number) for number in range(3000)], progress)
    over.set()
    await assassin
    return replies, kills


async def _persistent(site: Site, body: dict[str, Any], number: int) -> Reply:
    """As the official clients do: ask again when a connection breaks, here the other front end."""
    reply = Reply()
    started = time.monotonic()
    for attempt in range(20):
        reply = await post(site.ports[(number + attempt) % 2], body, KEY, timeout=60)
        if reply.complete or (reply.status and reply.status not in (200, 429, 502, 503, 504)):
            break
        await asyncio.sleep(0.2)
    reply.total = time.monotonic() - started
    return reply


def _settled_ledger(gateway: GatewayProcesses) -> Result | None:
    """The ledger's counts, once nothing is on its way any more."""
    before = _ledger(gateway)
    time.sleep(1.0)
    after = _ledger(gateway)
    return after if before == after else None


def _ledger(gateway: GatewayProcesses) -> Result:
    with sqlite3.connect(f"file:{gateway.home}/leo.db?mode=ro", uri=True) as db:
        requests, ids = db.execute("select count(*), count(distinct id) from ledger_requests where cache != 'error'").fetchone()
        calls, call_ids = db.execute("select count(*), count(distinct id) from ledger_calls").fetchone()
        counted = db.execute("select coalesce(sum(requests), 0), coalesce(sum(calls), 0) from ledger_rollups").fetchone()
        (errors,) = db.execute("select count(*) from ledger_requests where cache = 'error'").fetchone()
        # Hits from the cache share a row with others.
        hits, batches, batch_ids = db.execute(
            "select coalesce(sum(hits), 0), count(*), count(distinct id) from ledger_hits"
        ).fetchone()
    doubled = requests - ids + calls - call_ids + batches - batch_ids
    return {
        "ledger requests": requests + hits,
        "ledger failures": errors,
        "ledger calls": calls,
        "ledger duplicates": doubled + abs(counted[0] - requests - hits - errors) + abs(counted[1] - calls),
    }


def outage(progress: Progress) -> Result:
    """A Redis that is paused for 10 s, and one that is killed and started again, under a steady load."""
    found: Result = {}
    with RedisServer(aof=True) as server, running_site(300, LEO_REDIS_URL=server.url, LEO_DEADLINE_S="20") as site:
        for name, harm in {"paused": lambda: _pause(server), "restarted": lambda: _restart(server)}.items():
            found[name] = asyncio.run(_through(site, harm, name))
            progress(1, 2)
            wait_until(lambda: all(map(healthy, site.ports)), 30, "recovery")
    kept = all(part["other"] == {} and part["slowest s"] <= 21 and part["after"] == "all answered" for part in found.values())
    return {**found, "kept": kept}


async def _pause(server: RedisServer) -> None:
    server.pause()
    await asyncio.sleep(10)
    server.resume()


async def _restart(server: RedisServer) -> None:
    server.kill()
    await asyncio.sleep(3)
    server.start()


async def _through(site: Site, harm: Callable[[], Any], name: str) -> Result:
    over = asyncio.Event()
    asked: list[asyncio.Task[Reply]] = []

    async def load() -> None:
        number = 0
        while not over.is_set():
            number += 1
            asked.append(
                asyncio.create_task(post(site.ports[number % 2], chat(f"{name} {number} [[sim: tokens=5]]"), KEY, timeout=60))
            )
            await asyncio.sleep(0.05)

    loading = asyncio.create_task(load())
    await asyncio.sleep(2)
    await harm()
    await asyncio.sleep(2)
    over.set()
    await loading
    replies = await asyncio.gather(*asked)
    clear = [reply for reply in replies if reply.status == 503 and "retry-after" in reply.headers]
    other = Counter(r.error or f"{r.status} {r.body[:120]!r}" for r in replies if not r.complete and r not in clear)
    late = await asyncio.gather(
        *(post(site.ports[n % 2], chat(f"{name} after {n} [[sim: tokens=5]]"), KEY, timeout=60) for n in range(20))
    )
    return {
        "requests": len(replies),
        "answered": sum(reply.complete for reply in replies),
        "503 with Retry-After": len(clear),
        "other": dict(other),
        "slowest s": round(max(reply.total for reply in replies), 1),
        "after": "all answered" if all(reply.complete for reply in late) else [r.status for r in late],
    }


def memory(progress: Progress) -> Result:
    """The whole default deployment, idle (`leo up`, nothing set)."""
    with GatewayProcesses() as gateway:
        time.sleep(3)  # what is only used at the start is given back
        assert gateway._process is not None
        found = memory_mb(gateway._process.popen.pid)
        progress(1, 1)
        return {**found, "limit MB": 400, "kept": found["rss"] <= 400}


async def _at_once(site: Site, bodies: list[dict[str, Any]], progress: Progress) -> list[Reply]:
    return await _gather([post(site.ports[n // 2 % 2], body, KEY) for n, body in enumerate(bodies)], progress)


async def _gather(coroutines: list[Any], progress: Progress) -> list[Reply]:
    done = 0

    async def counted(coroutine: Any) -> Reply:
        nonlocal done
        reply: Reply = await coroutine
        done += 1
        progress(done, len(coroutines))
        return reply

    return list(await asyncio.gather(*map(counted, coroutines)))
