"""The simulated model behind every way: an OpenAI-compatible server that knows a workload and answers by meaning.

    python -m bench.replay.upstream PORT

`POST /replay/load` takes a Knowledge and sets all counts to 0; `GET /replay/stats` shows them. `leo simulate` answers by
the hash of the words, so that a paraphrase has another answer there; this one gives all wordings of a question the same one,
and a served answer can be told right or wrong. It listens on 127.0.0.1 only.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from bench.replay.answers import UNKNOWN, answer_pieces
from bench.replay.knowledge import UNKNOWN_TOKENS, Behaviour, Counts, Fate, Knowledge, Known, fate, messages_of, understand
from pipeline.upstream.sim.http import HttpCall, Receive, Send, serve_asgi

MODEL = "replay-model"
JSON = {"content-type": "application/json"}
STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
CREATED = 1_700_000_000  # unix seconds, always the same: an answer has no other bytes the second time


class Call(msgspec.Struct, frozen=True):
    """A call that will be answered."""

    known: Known
    fate: Fate
    pieces: tuple[str, ...]
    tokens: int
    usage: bool  # a stream that wants its usage

    @property
    def head(self) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.known.digest[:24]}", "created": CREATED, "model": MODEL}

    @property
    def used(self) -> dict[str, int]:
        prompt = self.known.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": self.tokens, "total_tokens": prompt + self.tokens}


class ReplayUpstream:
    """The ASGI application. All of it runs in one event loop, so its counts need no lock."""

    def __init__(self) -> None:
        self._knowledge = Knowledge(0, Behaviour(failure_rate=0, slow_rate=0), [], {}, {})
        self._counts = Counts()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        http = HttpCall(scope, receive, send)
        match http.method, http.path:
            case "POST", "/v1/chat/completions":
                await self._chat(http)
            case "POST", "/replay/load":
                self._knowledge, self._counts = msgspec.json.decode(await http.body(), type=Knowledge), Counts()
                await http.answer(200, JSON, b"{}")
            case "GET", "/replay/stats":
                await http.answer(200, JSON, msgspec.json.encode(self._counts.shown()))
            case "GET", "/v1/models":
                listed = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": CREATED, "owned_by": "replay"}]}
                await http.answer(200, JSON, msgspec.json.encode(listed))
            case _:
                await http.answer(404, JSON, _error(f"There is no {http.method} {http.path} here."))

    async def _chat(self, http: HttpCall) -> None:
        started = asyncio.get_running_loop().time()
        try:
            body = msgspec.json.decode(await http.body(), type=dict[str, Any])
            known = understand(self._knowledge, messages_of(body))
        except ValueError as problem:
            await http.answer(400, JSON, _error(str(problem)))
            return
        call, behaviour, stream = self._call(known, body), self._knowledge.behaviour, body.get("stream") is True
        self._counts.call(known, call.fate.fails, stream)
        if call.fate.fails:
            await asyncio.sleep(behaviour.base_ms / 1000)
            await http.answer(behaviour.failure_status, JSON, _error("The simulated model was told to fail."))
            return
        self._counts.answered(known.prompt_tokens, call.tokens, behaviour.cost(known.prompt_tokens, call.tokens))
        await (self._stream if stream else self._whole)(http, call, behaviour, started)

    def _call(self, known: Known, body: dict[str, Any]) -> Call:
        knowledge = self._knowledge
        options = body.get("stream_options")
        tokens = UNKNOWN_TOKENS if known.answer is None else knowledge.answers[known.answer]
        pieces = (UNKNOWN,) if known.answer is None else answer_pieces(knowledge.seed, known.answer, tokens)
        wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        return Call(known, fate(knowledge, known.digest, self._counts.occurrence(known.digest)), pieces, tokens, wants_usage)

    @staticmethod
    async def _whole(http: HttpCall, call: Call, behaviour: Behaviour, started: float) -> None:
        await _until(started + _seconds(behaviour, call, call.tokens))
        message = {"role": "assistant", "content": "".join(call.pieces), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        body = {**call.head, "object": "chat.completion", "choices": [choice], "usage": call.used}
        await http.answer(200, JSON, msgspec.json.encode(body))

    @staticmethod
    async def _stream(http: HttpCall, call: Call, behaviour: Behaviour, started: float) -> None:
        await _until(started + _seconds(behaviour, call, 0))
        await http.begin(200, STREAM)
        with suppress(OSError):  # the client left
            for tokens, chunk in _chunks(call, behaviour.chunk_tokens):
                # By the clock from the start: pauses that are added up would make long streams late.
                await _until(started + _seconds(behaviour, call, tokens))
                await http.piece(b"data: " + chunk + b"\n\n")
            await http.piece(b"data: [DONE]\n\n", last=True)


def _seconds(behaviour: Behaviour, call: Call, tokens: int) -> float:
    """From the arrival of a call to its first `tokens` tokens."""
    return (behaviour.base_ms + behaviour.token_ms * tokens) * call.fate.factor / 1000


async def _until(time: float) -> None:
    left = time - asyncio.get_running_loop().time()
    if left > 0:
        await asyncio.sleep(left)


def _chunks(call: Call, size: int) -> Iterator[tuple[int, bytes]]:
    """The pieces of a stream, each with the number of tokens that are said with it."""
    head = {**call.head, "object": "chat.completion.chunk"}

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        return msgspec.json.encode({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})

    yield 0, chunk({"role": "assistant", "content": ""})
    for first in range(0, len(call.pieces), size):
        said = "".join(call.pieces[first : first + size])
        yield min(call.tokens, first + size), chunk({"content": said})
    yield call.tokens, chunk({}, "stop")
    if call.usage:
        yield call.tokens, msgspec.json.encode({**head, "choices": [], "usage": call.used})


def _error(message: str) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": "server_error", "param": None, "code": "replay"}})


if __name__ == "__main__":
    serve_asgi(ReplayUpstream(), "127.0.0.1", int(sys.argv[1]))
