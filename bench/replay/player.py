"""Plays a workload in open loop: each request leaves at its time, whatever became of those before it.

A response time counts from the moment at which the request was due, not from the one at which it was sent. So a way that falls
behind is charged for all the waiting that it causes, and a player that is late itself shows it in `late`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from bench.replay.answers import Verdict, judge
from bench.replay.client import Client, Reply
from bench.replay.workload import Request, Workload

LEAD_S = 0.1  # before the first request
ERRORS = (OSError, EOFError, ValueError)  # of a connection, and of an answer that is no HTTP


class Target(msgspec.Struct, frozen=True):
    """Where a way is asked, and how its answers tell which tier gave them."""

    port: int
    headers: dict[str, str]
    tier: Callable[[dict[str, str]], str]
    model: str = "replay-model"


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a request. Seconds: `total` from its time to its last byte, `first` to a stream's first words.

    `failure` is empty, or a status, or what broke; then there is no verdict.
    """

    number: int
    kind: str
    at: float
    total: float
    late: float
    tier: str = ""
    verdict: Verdict | None = None
    failure: str = ""
    first: float | None = None


async def play(
    workload: Workload,
    target: Target,
    *,
    timeout: float = 60.0,
    in_flight: int = 2048,
    progress: Callable[[], object] = lambda: None,
) -> list[Outcome]:
    """All outcomes in the order of the requests. Not more than `in_flight` at once; those over it wait, and their clock runs."""
    loop = asyncio.get_running_loop()
    client, places = Client(target.port, target.headers), asyncio.Semaphore(in_flight)
    bodies = [_body(workload, request, target.model) for request in workload.requests]
    start = loop.time() + LEAD_S

    async def one(request: Request, body: bytes) -> Outcome:
        due = start + request.at
        async with places:
            sent = loop.time()
            reply, failure = await _ask(client, body, timeout)
            failure, verdict = _judged(workload, request, reply, failure)
            end = loop.time() if reply is None else reply.end
        progress()
        return Outcome(
            number=request.number,
            kind=request.kind,
            at=request.at,
            total=end - due,
            late=sent - due,
            tier=target.tier(reply.headers) if reply else "",
            verdict=verdict,
            failure=failure,
            first=reply.first - due if reply and reply.first is not None else None,
        )

    try:
        tasks = []
        for request, body in zip(workload.requests, bodies, strict=True):
            await asyncio.sleep(max(0.0, start + request.at - loop.time()))
            tasks.append(asyncio.create_task(one(request, body)))
        return list(await asyncio.gather(*tasks))
    finally:
        await client.close()


def _body(workload: Workload, request: Request, model: str) -> bytes:
    body: dict[str, Any] = {"model": model, "messages": workload.messages(request)}
    return msgspec.json.encode({**body, "stream": True} if request.stream else body)


async def _ask(client: Client, body: bytes, timeout: float) -> tuple[Reply | None, str]:
    """What came back, or the name of what broke."""
    try:
        return await client.post(body, timeout), ""
    except TimeoutError:
        return None, "timeout"
    except ERRORS as error:
        return None, type(error).__name__


def _judged(workload: Workload, request: Request, reply: Reply | None, failure: str) -> tuple[str, Verdict | None]:
    """(failure, None) or ("", verdict)."""
    if reply is None:
        return failure, None
    if reply.status != 200:
        return str(reply.status), None
    if not reply.complete:
        return "broken stream", None
    try:
        text = reply.text()
    except (ValueError, KeyError, IndexError, TypeError):
        return "no completion", None
    return "", judge(text, workload.seed, request.answer, workload.answers[request.answer])
