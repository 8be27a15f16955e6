"""The answer of a run: what the upstream said, once, in the form from which every caller is served."""

from __future__ import annotations

import msgspec


class Tokens(msgspec.Struct, frozen=True, array_like=True):
    """Token counts as the upstream reported them."""

    prompt: int
    completion: int
    total: int
    cached: int = 0


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """One stored answer.

    `body` is the upstream's JSON object, byte for byte. `cost` is in pico-dollars, None when the price
    is not known. `upstream_ms` is how long the upstream took, retries included. `stored_at` is unix
    seconds. `headers` are those of the upstream that callers may see, with lower-case names.
    """

    tenant: str
    body: bytes
    tokens: Tokens | None
    cost: int | None
    model: str
    upstream: str
    simulated: bool
    upstream_ms: float
    stored_at: float
    headers: dict[str, str] = {}
    call_id: str | None = None


_decoder = msgspec.msgpack.Decoder(Answer)


def pack(answer: Answer) -> bytes:
    return msgspec.msgpack.encode(answer)


def unpack(data: bytes) -> Answer:
    return _decoder.decode(data)
