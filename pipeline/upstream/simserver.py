"""The simulator as an OpenAI-compatible HTTP server, for tests and benchmarks.

    python -m pipeline.upstream.simserver --port 9000 --latency-ms 1000

Beside the API it answers `GET /sim/stats`, `GET /sim/last`, `POST /sim/reset` and `POST /sim/config`.
It is a tool for one's own machine: `/sim/last` shows what was sent, keys included.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import click
import msgspec

from pipeline import ids
from pipeline.upstream.sim import wire
from pipeline.upstream.sim.http import HttpCall, Receive, Send, serve_asgi
from pipeline.upstream.sim.journal import Journal
from pipeline.upstream.sim.plan import SimulatedAnswer
from pipeline.upstream.simulator import BATCH, Failure, SimSettings, Simulation
from pipeline.upstream.tokens import count_tokens

JSON = {"content-type": "application/json"}
STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
MODELS = ["gpt-4o", "gpt-4o-mini", "leo-simulator", "text-embedding-3-small"]


class SimServer:
    """The ASGI application. All of it runs in one event loop, so its counts need no lock."""

    def __init__(self, settings: SimSettings, count: Callable[[str], int] = count_tokens) -> None:
        self._simulation = Simulation(settings, count)
        self.journal = Journal()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        call = HttpCall(scope, receive, send)
        path = call.path.removeprefix("/v1")
        if path == "/chat/completions" and call.method == "POST":
            await self._chat(call)
        elif path == "/embeddings" and call.method == "POST":
            await self._embeddings(call)
        elif path == "/models" and call.method == "GET":
            await call.answer(200, JSON, wire.models(MODELS, ids.unix_now))
        else:
            await self._control(call)

    async def _control(self, call: HttpCall) -> None:
        match call.method, call.path:
            case "GET", "/sim/stats":
                await call.answer(200, JSON, msgspec.json.encode(self.journal.stats()))
            case "GET", "/sim/last":
                await call.answer(200, JSON, msgspec.json.encode(self.journal.last()))
            case "POST", "/sim/reset":
                self.journal.reset()
                self._simulation.configure(self._simulation.settings)
                await call.answer(200, JSON, b"{}")
            case "POST", "/sim/config":
                await self._configure(call)
            case _:
                message = f"The simulator has no {call.method} {call.path}."
                await call.answer(404, JSON, wire.error(404, message, code="not_found"))

    async def _configure(self, call: HttpCall) -> None:
        """Change the settings that the body names; the others stay as they are."""
        try:
            changes = msgspec.json.decode(await call.body(), type=dict[str, Any])
            settings = msgspec.convert({**msgspec.to_builtins(self._simulation.settings), **changes}, SimSettings)
            unknown = sorted(set(changes) - set(SimSettings.__struct_fields__))
            if unknown:
                raise msgspec.ValidationError(f"unknown settings: {', '.join(unknown)}")
        except msgspec.DecodeError as problem:
            await call.answer(400, JSON, wire.error(400, str(problem), code="invalid_value"))
            return
        self._simulation.configure(settings)
        await call.answer(200, JSON, msgspec.json.encode(settings))

    async def _embeddings(self, call: HttpCall) -> None:
        body = await call.body()
        with self.journal.call(body, call.headers, stream=False) as entry:
            embedded = self._simulation.embeddings(body)
            async with _client(call) as client:
                if await client.waits(self._simulation.settings.latency_ms):
                    await _send(call, embedded)
                else:
                    entry.cancelled = True

    async def _chat(self, call: HttpCall) -> None:
        body = await call.body()
        with self.journal.call(body, call.headers, stream=False) as entry:
            answer = self._simulation.chat(body, call.headers.get("authorization"))
            if isinstance(answer, Failure):
                await _send(call, answer)
                return
            entry.streamed(answer.stream)
            async with _client(call) as client:
                entry.cancelled = not await self._answer(answer, call, client)

    async def _answer(self, answer: SimulatedAnswer, call: HttpCall, client: _Client) -> bool:
        """Send the answer in its time. False when the client left before it was complete."""
        if not await client.waits(answer.delays.latency_ms):
            return False
        if answer.stream:
            return await self._stream(answer, call, client)
        if not await client.waits(answer.delays.token_ms * answer.tokens_per_choice):
            return False
        await _send(call, self._simulation.completion(answer))
        return True

    async def _stream(self, answer: SimulatedAnswer, call: HttpCall, client: _Client) -> bool:
        await call.begin(200, STREAM)
        token_ms, drop_after = answer.delays.token_ms, answer.directive.drop_after
        batch: list[bytes] = []
        for index, (is_token, chunk) in enumerate(self._simulation.chunks(answer)):
            if index == drop_after:
                # Without [DONE], as of a server that died.
                await call.piece(b"".join(batch), last=True)
                return True
            batch.append(b"data: " + chunk + b"\n\n")
            if (is_token and token_ms > 0) or len(batch) >= BATCH:
                if not await client.takes(call.piece(b"".join(batch))):
                    return False
                batch = []
                if is_token and not await client.waits(token_ms):
                    return False
        return await client.takes(call.piece(b"".join([*batch, b"data: [DONE]\n\n"]), last=True))


class _Client:
    """Whether the client is still there."""

    def __init__(self, left: asyncio.Task[None]) -> None:
        self._left = left

    async def waits(self, milliseconds: float) -> bool:
        """Sleep, unless the client leaves. True when it is still there."""
        if milliseconds > 0:
            await asyncio.wait((self._left,), timeout=milliseconds / 1000)
        return not self._left.done()

    async def takes(self, sending: Any) -> bool:
        """Send, and say whether the client was there for it."""
        try:
            await sending
        except OSError:
            return False
        return not self._left.done()


@asynccontextmanager
async def _client(call: HttpCall) -> AsyncIterator[_Client]:
    left = asyncio.ensure_future(call.leaves())
    try:
        yield _Client(left)
    finally:
        left.cancel()
        with suppress(asyncio.CancelledError):
            await left


async def _send(call: HttpCall, answer: bytes | Failure) -> None:
    if isinstance(answer, Failure):
        await call.answer(answer.status, {**JSON, **answer.headers}, answer.body)
    else:
        await call.answer(200, {**JSON, "openai-version": "2020-10-01"}, answer)


def serve(host: str = "127.0.0.1", port: int = 9000, *, settings: SimSettings | None = None) -> None:
    """Serve until SIGINT or SIGTERM, in this process and this thread."""
    count_tokens("The first count loads the vocabulary: better now than in the first call.")
    serve_asgi(SimServer(settings or SimSettings()), host, port)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--latency-ms", default=0.0, show_default=True, help="Before the first token.")
@click.option("--token-ms", default=0.0, show_default=True, help="Between tokens.")
@click.option("--error-rate", default=0.0, show_default=True, type=click.FloatRange(0, 1))
@click.option("--error-status", default=503, show_default=True, type=click.IntRange(400, 599))
@click.option("--prefix-cache-s", default=300.0, show_default=True, help="Seconds that long prefixes stay cached; 0: none are.")
@click.option("--seed", default=0, show_default=True)
def main(host: str, port: int, **settings: Any) -> None:
    """Serve simulated models over HTTP."""
    serve(host, port, settings=SimSettings(**settings))


if __name__ == "__main__":
    main()
