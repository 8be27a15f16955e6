"""What goes into a call of a model and what comes out of it."""

from __future__ import annotations

import msgspec


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One question to a model. `body` is the client's JSON, verbatim."""

    endpoint: str  # "chat/completions" | "embeddings"
    model: str  # the model name that the client asked for
    body: bytes
    stream: bool
    caller_key: str = ""  # a tenant's own provider key (bring your own key), normally ""
    untouched: bool = False  # nothing is added to the body, not even the request for usage

    def __repr__(self) -> str:
        """Neither the key nor the prompt may reach a log line by way of a repr."""
        return f"UpstreamRequest({self.endpoint!r}, model={self.model!r}, {len(self.body)} bytes, stream={self.stream})"


class Usage(msgspec.Struct, frozen=True):
    """Tokens as the upstream counted them. `cached_tokens` is a part of `prompt_tokens`, reasoning of completion."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


class CallRecord(msgspec.Struct, frozen=True):
    """One HTTP call that was really made; it goes to the ledger whatever came of it."""

    upstream: str
    model: str  # the model name there
    status: int  # 0: no HTTP answer (connection error, timeout, cancelled)
    usage: Usage | None
    cost: int | None  # pico-dollars, None when the price or the usage is unknown
    started_at: float  # unix seconds
    latency_ms: float
    first_token_ms: float | None
    outcome: str  # "ok" | "error" | "timeout" | "cancelled" | "interrupted"
    error: str = ""


class UpstreamAnswer(msgspec.Struct, frozen=True):
    """A complete answer. For a streamed call `body` is what the caller's assembler made of the chunks."""

    body: bytes
    usage: Usage | None
    cost: int | None  # pico-dollars, None when the price or the usage is unknown
    upstream: str
    model: str  # the model name there
    simulated: bool
    headers: dict[str, str]  # lower-case names; see `pipeline.upstream.headers`
