"""What the ledger records: one event per request of a caller, one per call to an upstream.

Money is in pico-dollars (pipeline.money); None always means "not known", never 0. Every event has an id of its own:
the same event may be delivered any number of times and counts once.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

# The bounds keep the sums of one hour inside 64 bits: a figure beyond them is an upstream's mistake, not a cost.
Id = Annotated[str, Meta(min_length=1, max_length=300)]
Tokens = Annotated[int, Meta(ge=0, le=10**10)]
Picos = Annotated[int, Meta(ge=0, le=10**15)]  # at most a thousand dollars
Millis = Annotated[float, Meta(ge=0, le=1e9)]
UnixSeconds = Annotated[float, Meta(ge=0, le=1e11)]

CacheState = Literal["exact", "dedup", "miss", "bypass", "error"]


class RequestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a caller, hits and failures too.

    `id` is 'req_..'; `route` is the X-LEO-Route of the answer; `cost` is what this request caused (0 for a hit and
    for one that joined a running request), `cost_saved` what it would have cost on top without the gateway.
    `call_id` is the CallEvent whose answer it got.
    """

    id: Id
    at: UnixSeconds
    tenant: str
    key_id: str
    endpoint: str
    model: str
    route: str
    cache: CacheState
    bypass_reason: str | None = None
    status: Annotated[int, Meta(ge=100, le=599)]
    error_code: str | None = None
    stream: bool = False
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cost: Picos | None = None
    cost_saved: Picos | None = None
    tokens_saved: Tokens | None = None
    latency_ms: Millis
    overhead_ms: Millis | None = None
    log_key: str
    call_id: str | None = None
    simulated: bool = False


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One call to an upstream, failed ones too. `id` is '<log_key>:<fencing token>:<n>'.

    `status` is the upstream's HTTP status, None when it sent none; `outcome` is 'ok' or says what went wrong.
    """

    id: Id
    at: UnixSeconds
    tenant: str
    log_key: str
    endpoint: str
    upstream: str
    model: str
    status: int | None = None
    outcome: str
    error: str | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cost: Picos | None = None
    latency_ms: Millis
    first_token_ms: Millis | None = None
    simulated: bool = False


Event = RequestEvent | CallEvent
Entry = dict[str, bytes]  # the fields of a stream entry: k and d

OK = "ok"
KINDS: dict[str, type[RequestEvent] | type[CallEvent]] = {"r": RequestEvent, "c": CallEvent}


def encode(event: Event) -> Entry:
    """The fields of the event's stream entry."""
    kind = b"r" if isinstance(event, RequestEvent) else b"c"
    try:
        data = msgspec.json.encode(event)
    except UnicodeEncodeError:
        # JSON lets a caller send half a surrogate pair, in a model's name for one, but no UTF-8 can hold it.
        data = msgspec.json.encode({name: _valid(value) for name, value in msgspec.structs.asdict(event).items()})
    return {"k": kind, "d": data}


def _valid(value: object) -> object:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def decode(kind: str, data: bytes) -> Event:
    """The event of a stream entry. Raises ValueError, saying what does not fit."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    return msgspec.json.decode(data, type=KINDS[kind])
