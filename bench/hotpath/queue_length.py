"""Does the front end care how many runs wait in the queue? Latency against its length.

The worker has room for one call, and one long stream occupies it, so nothing leaves the queue. A filler process
(filler.py) then makes runs until the queue is as long as it should be. Their callers are not simulated: what waiting
callers cost a front end is measured in waiting.py.

Measured at each length, one request after the other on one connection:
- exact hits: an answer that is stored;
- joining: a stream that is running, joined from another front end, until its first words;
- refusals: a new request at a front end whose LEO_MAX_QUEUE is 1, until its 503;
- admission: a new run, in the filler (Redis, and the message to the queue).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.hotpath import fence
from bench.hotpath.gateway import Gateway, chat_body
from bench.hotpath.load import Connection, first_words, header, status, whole_answer
from bench.hotpath.meter import Meter
from bench.hotpath.options import Options
from bench.hotpath.processes import clean_environment
from bench.hotpath.stats import percentile
from bench.hotpath.upstream import directive, running_upstream

LENGTHS = (0, 1_000, 10_000, 50_000, 100_000)
QUICK_LENGTHS = (0, 500, 2_000)
FILLERS = 2
STORED = "queue length: a stored answer"
SETTLE_S = 2.5  # the length of the queue is known to a front end a second late
FIRST = 40  # runs by which the fillers make their connections
NEW = 200  # runs by which the admission is measured
SETTINGS: dict[str, int] = {
    "LEO_WORKER_PROCESSES": 1,
    "LEO_UPSTREAM_CONCURRENCY": 1,
    "LEO_MAX_QUEUE": 1_000_000,
    "LEO_REDIS_MAXMEMORY_MB": 4096,
}


def measure(options: Options) -> dict[str, Any]:
    lengths, asked = (QUICK_LENGTHS, 40) if options.quick else (LENGTHS, 1000)
    with running_upstream() as upstream, Gateway(upstream.base_url, **SETTINGS) as gateway:
        _ask(gateway.port, chat_body(STORED), 3, expect=200)
        gateway.rest()
        other = gateway.second_front_end(LEO_MAX_QUEUE=1)
        with _fillers(gateway.home) as fill:
            fill(FIRST)
            gateway.rest()
            upstream.configure(token_ms=2000, tokens=2000)
            with _running_stream(gateway.port) as story:
                points = [_point(gateway, other, story, length, fill, asked, options) for length in lengths]
        return {"points": points, "upstream": upstream.name, "requests_each": asked}


def _point(
    gateway: Gateway,
    other: int,
    story: dict[str, Any],
    length: int,
    fill: Callable[[int], dict[str, float]],
    asked: int,
    options: Options,
) -> dict[str, Any]:
    began = time.monotonic()
    fill(max(0, length - fence.queued(gateway.home)))
    filled = time.monotonic() - began
    time.sleep(SETTLE_S)
    found: dict[str, Any] = {"length": length, "queued": fence.queued(gateway.home), "fill_s": round(filled, 1)}
    with Meter() as meter:
        found["hit"] = _percentiles(_ask(gateway.port, chat_body(STORED), asked, expect=200))
        found["join"] = _percentiles([_join(other, story) for _ in range(asked // 4)])
        if found["queued"] > 1:
            found["refusal"] = _percentiles(
                [_ask(other, chat_body(f"one more {length} {n}"), 1, expect=503)[0] for n in range(asked // 2)]
            )
        found["admission"] = fill(NEW)  # at the end: it makes the queue longer
    options.say(f"{found['queued']} waiting: hit p50 {found['hit']['p50']} ms, join {found['join']['p50']} ms")
    return {**found, "other": meter.other}


def _percentiles(times: list[float]) -> dict[str, float]:
    return {f"p{share}": round(percentile(times, share / 100), 3) for share in (50, 99)}


def _ask(port: int, body: dict[str, Any], times: int, *, expect: int) -> list[float]:
    """Milliseconds of each of several equal requests on one connection."""
    connection, found = Connection(port), []
    try:
        for _ in range(times):
            began = time.perf_counter()
            connection.send(body)
            seen = connection.read_until(whole_answer)
            found.append((time.perf_counter() - began) * 1000)
            if status(seen) != expect:
                raise RuntimeError(f"expected {expect}: {seen[:300]!r}")
    finally:
        connection.close()
    return found


def _join(port: int, story: dict[str, Any]) -> float:
    connection = Connection(port)
    try:
        began = time.perf_counter()
        connection.send(story)
        seen = connection.read_until(first_words)
        taken = (time.perf_counter() - began) * 1000
        if header(seen, "x-leo-cache") != "dedup":
            raise RuntimeError(f"this should have joined a running stream: {seen[:300]!r}")
        return taken
    finally:
        connection.close()


@contextmanager
def _running_stream(port: int) -> Iterator[dict[str, Any]]:
    """The body of a stream that runs until the end of this context, with its first words out."""
    body = chat_body(f"queue length: a long story {directive(2000, 2000)}", stream=True)
    connection = Connection(port)
    try:
        connection.send(body, X_LEO_Deadline="3600")
        connection.read_until(first_words)
        yield body
    finally:
        connection.close()


@contextmanager
def _fillers(home: str) -> Iterator[Callable[[int], dict[str, float]]]:
    """Several filler processes: a function that has them make so many runs together."""
    command = [sys.executable, "-m", "bench.hotpath.filler", home]
    environ = clean_environment(LEO_LOG_LEVEL="WARNING")
    processes = [
        subprocess.Popen([*command, str(n)], env=environ, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(FILLERS)
    ]

    def fill(count: int) -> dict[str, float]:
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{-(-count // FILLERS)}\n")
            process.stdin.flush()
        found = [json.loads(_line(process)) for process in processes]
        return {name: round(sum(one[name] for one in found) / len(found), 3) for name in ("p50", "p99")}

    try:
        for process in processes:
            _line(process)
        yield fill
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("a filler has ended")
    return line
