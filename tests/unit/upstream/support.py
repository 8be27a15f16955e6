"""Fakes for this room: an upstream that answers by script, and the parts around a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pipeline.settings import Settings
from pipeline.upstream.breaker import Breakers
from pipeline.upstream.caller import Upstreams
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.retry import RetryPolicy
from pipeline.upstream.simulator import Simulator
from pipeline.upstream.table import TableHolder, load_table
from pipeline.upstream.transport import Exchange
from pipeline.upstream.types import CallRecord, UpstreamAnswer, UpstreamRequest

KEY = "sk-very-secret-0123456789/abc"
OPENAI = Settings(openai_base_url="http://127.0.0.1:1/v1", openai_api_key=KEY)
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def words(text: str) -> int:
    """A token counter that needs no vocabulary."""
    return len(text.split())


def table(tmp_path: Path, text: str, settings: Settings | None = None, environ: Mapping[str, str] | None = None) -> TableHolder:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    return TableHolder(lambda: load_table(path, settings or Settings(), environ or {}))


def chat(
    content: str = "hello", *, stream: bool = False, model: str = "gpt", caller_key: str = "", **fields: Any
) -> UpstreamRequest:
    body = {"model": model, "messages": [{"role": "user", "content": content}], **({"stream": True} if stream else {}), **fields}
    return UpstreamRequest("chat/completions", model, msgspec.json.encode(body), stream, caller_key)


def chunk(content: str | None = None, *, finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}]
    return msgspec.json.encode({"choices": choices, "usage": usage})


def completion(content: str = "hi", usage: dict[str, int] | None = None) -> bytes:
    return msgspec.json.encode(
        {"choices": [{"index": 0, "message": {"content": content}, "finish_reason": "stop"}], "usage": usage}
    )


def error(message: str = "no", **fields: Any) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": "t", "param": None, "code": None, **fields}})


class FakeReply:
    """A reply by script. A batch that is an exception is raised in its place."""

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        stream: Sequence[list[bytes] | Exception] | None = None,
        done: bool = True,
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self._body = body
        self._stream = stream
        self.done = done

    @property
    def is_stream(self) -> bool:
        return self._stream is not None

    def read(self) -> bytes:
        return self._body

    def payloads(self) -> Iterator[list[bytes]]:
        for batch in self._stream or ():
            if isinstance(batch, Exception):
                raise batch
            yield batch


class FakeHttp:
    """Answers each call with the next step of its script; the last step stays. Keeps the exchanges."""

    def __init__(self, *script: FakeReply | Exception) -> None:
        self._script = list(script)
        self.exchanges: list[Exchange] = []
        self.gets = 0
        self.get_answer: tuple[int, bytes] | Exception = (404, b"")

    @contextmanager
    def post(self, exchange: Exchange) -> Iterator[FakeReply]:
        self.exchanges.append(exchange)
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        yield step

    def get(self, exchange: Exchange) -> tuple[int, bytes]:
        self.gets += 1
        if isinstance(self.get_answer, Exception):
            raise self.get_answer
        return self.get_answer


class Called:
    """One `Upstreams` over fakes, and everything that a call told."""

    def __init__(self, holder: TableHolder, http: Any, *, breakers: Breakers | None = None, attempts: int = 3) -> None:
        self.breakers = breakers or Breakers(failures=100, reset_s=3600)
        policy = RetryPolicy(lambda low, high: 0.0, max_attempts=attempts)
        self.upstreams = Upstreams(holder, http, Simulator(count=words), self.breakers, policy)
        self.deltas: list[list[bytes]] = []
        self.records: list[CallRecord] = []
        self.cancel = CancelToken()
        self.on_delta: Callable[[list[bytes]], object] = self.deltas.append
        self.on_call: Callable[[CallRecord], object] = self.records.append

    def call(self, request: UpstreamRequest, seconds: float = 30.0) -> UpstreamAnswer:
        return self.upstreams.call(
            request,
            deadline=time.monotonic() + seconds,
            cancel=self.cancel,
            on_delta=self._hand_out,
            on_call=self._keep,
            assemble=b"|".join,
        )

    def _hand_out(self, payloads: list[bytes]) -> None:
        self.on_delta(payloads)

    def _keep(self, record: CallRecord) -> None:
        self.on_call(record)

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        return [(record.outcome, record.status) for record in self.records]
