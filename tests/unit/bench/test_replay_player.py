"""The player against small servers inside this process: what it asks, what it counts, and that a wrong cache is found out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from bench.replay import knowledge as knowing
from bench.replay import tiny
from bench.replay.answers import Verdict, answer_text
from bench.replay.knowledge import Behaviour
from bench.replay.metrics import figures
from bench.replay.plan import TINY, Library, Plan
from bench.replay.player import Outcome, Target, play
from bench.replay.workload import Workload
from tests.unit.bench.test_replay_workload import DATA
from tests.unit.upstream.support import words

Handler = Callable[[dict[str, Any]], Awaitable[bytes]]
SPEED = 1000.0  # all requests within a fraction of a second
NOTHING = {"calls": 0, "failed": 0, "changed": 0, "unknown": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost": 0}


def workload(count: int = 150, seed: int = 1) -> Workload:
    return Library(Plan(traces=(TINY,), prompts=(TINY,), mix=tiny.MIX, requests=count, speed=SPEED), DATA).workload(TINY, seed)


def whole(text: str, status: int = 200, headers: str = "") -> bytes:
    body = msgspec.json.encode({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]})
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
        status,
        headers.encode(),
        len(body),
        body,
    )


def stream(*texts: str, end: bool = True) -> bytes:
    frames = [
        b"data: " + msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": text}}]}) + b"\n\n" for text in texts
    ]
    chunks = [*frames, b"data: [DONE]\n\n"] if end else frames
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


class Server:
    """Answers each body with the bytes of `handler`; no bytes close the connection. `connections` counts them."""

    def __init__(self, handler: Handler) -> None:
        self.connections = 0
        self._handler = handler
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                answer = await self._handler(msgspec.json.decode(await reader.readexactly(length)))
                if not answer:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def played(load: Workload, handler: Handler, **options: Any) -> list[Outcome]:
    async def run() -> list[Outcome]:
        async with Server(handler) as server:
            return await play(load, Target(server.port, {}, lambda headers: headers.get("x-tier", "")), **options)

    return asyncio.run(run())


def model(load: Workload) -> Callable[[dict[str, Any]], str]:
    """What the simulated model says to a body."""
    knowledge = knowing.of(load, Behaviour(), words)

    def said(body: dict[str, Any]) -> str:
        answer = knowing.understand(knowledge, knowing.messages_of(body), words).answer
        assert answer is not None
        return answer_text(load.seed, answer, load.answers[answer])

    return said


def found(load: Workload, outcomes: list[Outcome]) -> Any:
    return figures(load, knowing.of(load, Behaviour(), words), outcomes, NOTHING)


def test_right_answers_whole_and_streamed_are_right() -> None:
    load = workload()
    said = model(load)

    async def handler(body: dict[str, Any]) -> bytes:
        text = said(body)
        return stream("", text[:9], text[9:]) if body.get("stream") else whole(text)

    outcomes = played(load, handler)
    assert [outcome.number for outcome in outcomes] == list(range(150))
    assert {outcome.verdict for outcome in outcomes} == {Verdict.RIGHT}
    assert {outcome.failure for outcome in outcomes} == {""}
    assert [outcome.first is not None for outcome in outcomes] == [request.stream for request in load.requests]


def test_a_cache_that_looks_at_the_first_word_only_is_found_out() -> None:
    load = workload()
    said = model(load)
    stored: dict[str, str] = {}

    async def handler(body: dict[str, Any]) -> bytes:
        first = body["messages"][-1]["content"].split()[0]
        tier = "semantic" if first in stored else "miss"
        return whole(stored.setdefault(first, said(body)), headers=f"x-tier: {tier}\r\n")

    result = found(load, played(load, handler, in_flight=1))
    assert result.hits == 150 - len(stored)
    assert result.wrong > 0.5 * result.hits
    assert result.wrong_by_tier == {"semantic": result.wrong}
    assert result.wrong_of_hits == result.wrong / result.hits
    assert result.kinds["trap"].wrong > 0
    assert result.damaged == 0


def test_a_cache_that_forgets_the_context_is_found_out() -> None:
    load = workload()
    said = model(load)
    stored: dict[str, str] = {}

    async def handler(body: dict[str, Any]) -> bytes:
        return whole(stored.setdefault(body["messages"][-1]["content"], said(body)))

    result = found(load, played(load, handler, in_flight=1))
    assert result.kinds["context"].wrong == result.kinds["context"].requests > 0
    assert result.kinds["new"].wrong == 0


def test_each_failure_has_a_kind_and_no_verdict() -> None:
    load = workload(40)
    kinds = ["503", "broken stream", "no completion", "IncompleteReadError", "timeout"]

    async def handler(body: dict[str, Any]) -> bytes:
        number = next(n for n, request in enumerate(load.requests) if request.text == body["messages"][-1]["content"])
        match kinds[number % len(kinds)]:
            case "503":
                return whole("no", status=503)
            case "broken stream":
                return stream("Answer", end=False)
            case "no completion":
                return b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
            case "timeout":
                await asyncio.sleep(60)
        return b""

    outcomes = played(load, handler, timeout=0.5)
    assert {outcome.failure for outcome in outcomes} == set(kinds)
    assert {outcome.verdict for outcome in outcomes} == {None}
    assert found(load, outcomes).answered == 0


def test_late_answers_do_not_hold_back_later_requests() -> None:
    """Open loop: all requests are there at once although none of them is answered before the last has come."""
    load = workload(60)
    said = model(load)
    here, everybody = 0, asyncio.Event()

    async def handler(body: dict[str, Any]) -> bytes:
        nonlocal here
        here += 1
        if here == 60:
            everybody.set()
        await everybody.wait()
        return whole(said(body))

    assert {outcome.verdict for outcome in played(load, handler)} == {Verdict.RIGHT}


def test_waiting_for_a_place_counts_as_response_time() -> None:
    load = workload(10)
    said = model(load)
    at_once, most = 0, 0

    async def handler(body: dict[str, Any]) -> bytes:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return whole(said(body))

    outcomes = played(load, handler, in_flight=1)
    assert most == 1
    ends = [outcome.at + outcome.total for outcome in outcomes]
    assert ends == sorted(ends)
    # The last one was due while the others were being answered: their time is in its own.
    assert outcomes[-1].total >= outcomes[-1].late > 0


def test_connections_are_used_again() -> None:
    load = workload(20)
    said = model(load)

    async def handler(body: dict[str, Any]) -> bytes:
        return whole(said(body))

    async def run() -> int:
        async with Server(handler) as server:
            await play(load, Target(server.port, {}, lambda headers: ""), in_flight=2)
            return server.connections

    assert asyncio.run(run()) <= 2
