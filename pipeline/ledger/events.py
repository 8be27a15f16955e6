"""What the ledger records: one event per request of a caller, one per call to an upstream.

Hits from the cache are so many and so alike that those of one moment share an event; each keeps its own id, time and
latency in it. Money is in pico-dollars (pipeline.money); None always means "not known", never 0. Every event has an
id of its own: the same event may be delivered any number of times and counts once.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

# PostgreSQL cannot index a row of more than 2.7 kB: the key of a sum holds two texts of at most four bytes a character.
MAX_TEXT = 300
Id = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Text = Annotated[str, Meta(max_length=MAX_TEXT)]  # `decode` cuts what is longer
# The bounds keep the sums of one hour inside 64 bits: a figure beyond them is an upstream's mistake, not a cost.
Tokens = Annotated[int, Meta(ge=0, le=10**10)]
Picos = Annotated[int, Meta(ge=0, le=10**15)]  # at most a thousand dollars
Saved = Annotated[int, Meta(ge=-(10**15), le=10**15)]  # of either: what was meant to save may have cost
Millis = Annotated[float, Meta(ge=0, le=1e9)]
UnixSeconds = Annotated[float, Meta(ge=0, le=1e11)]
Cosine = Annotated[float, Meta(ge=-1, le=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Threshold = Annotated[float, Meta(ge=0, le=2)]  # of a Share; above 1 it is one that nothing reaches

CacheState = Literal["exact", "semantic", "dedup", "miss", "bypass", "error"]


class RequestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a caller, hits and failures too.

    `id` is 'req_..'; `route` is the X-LEO-Route of the answer; `cost` is what this request caused (0 for a hit and
    for one that joined a running request), `cost_saved` what it would have cost on top without the gateway.
    `call_id` is the CallEvent whose answer it got.

    `similarity` to `novelty` are of a question that was compared by meaning (pipeline.cache.meaning), None for all others:
    `similarity` and `score` of the best stored question, the `threshold` that the score had to reach, the `novelty` of
    the question. `entry_id` is the content key of the answer when one was served by meaning. `parts` is how many questions the
    one was taken apart into, `parts_stored` how many of them were answered out of a cache. `prompt_before` and `prompt_after`
    are the tokens of a prompt that was shortened, and `stages_ms` what taking apart and shortening took.
    """

    id: Id
    at: UnixSeconds
    tenant: Text
    key_id: Text
    endpoint: Text
    model: Text
    route: Text
    cache: CacheState
    bypass_reason: Text | None = None
    status: Annotated[int, Meta(ge=100, le=599)]
    error_code: Text | None = None
    stream: bool = False
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cost: Picos | None = None
    cost_saved: Saved | None = None
    tokens_saved: Saved | None = None
    latency_ms: Millis
    overhead_ms: Millis | None = None
    log_key: Text
    call_id: Text | None = None
    simulated: bool = False
    similarity: Cosine | None = None
    score: Share | None = None
    threshold: Threshold | None = None
    novelty: Share | None = None
    entry_id: Text | None = None
    parts: Tokens | None = None
    parts_stored: Tokens | None = None
    prompt_before: Tokens | None = None
    prompt_after: Tokens | None = None
    stages_ms: Millis | None = None


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One call to an upstream, failed ones too. `id` is '<log_key>:<fencing token>:<n>'.

    `status` is the upstream's HTTP status, None when it sent none; `outcome` is 'ok' or says what went wrong.
    """

    id: Id
    at: UnixSeconds
    tenant: Text
    log_key: Text
    endpoint: Text
    upstream: Text
    model: Text
    status: int | None = None
    outcome: Text
    error: Text | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    cached_tokens: Tokens | None = None
    cost: Picos | None = None
    latency_ms: Millis
    first_token_ms: Millis | None = None
    simulated: bool = False


MAX_HITS = 65_536  # in one event
MARK_BYTES = 8
_FIRST_HIT = re.compile("req_[0-9a-f]{20}0{12}")


class HitsEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Exact hits of one caller (tenant and key) on one stored answer within one short moment.

    `first` is what all of them have in common, with the id, the time and the latency of the first. `marks` is packed
    little-endian uint32, two a hit: milliseconds since `first.at`, and the latency in microseconds, which for a hit
    is the overhead too. Hit n has the id `ids.hit_id(batch, n)`, and `first.id` is that of hit 0.

    Raises ValueError when it is made of parts that do not fit.
    """

    first: RequestEvent
    marks: bytes

    def __post_init__(self) -> None:
        if self.first.cache != "exact":
            raise ValueError(f"a hit is 'exact', not {self.first.cache!r}")
        if not _FIRST_HIT.fullmatch(self.first.id):
            raise ValueError("the id is not that of a batch's first hit")
        if len(self.marks) % MARK_BYTES or not 0 < self.hits <= MAX_HITS:
            raise ValueError(f"{len(self.marks)} bytes are not the marks of 1 to {MAX_HITS} hits")

    @property
    def id(self) -> str:
        return self.first.id

    @property
    def hits(self) -> int:
        return len(self.marks) // MARK_BYTES


Event = RequestEvent | CallEvent | HitsEvent
Entry = dict[str, bytes]  # the fields of a stream entry: k and d

OK = "ok"
KINDS: dict[str, type[Event]] = {"r": RequestEvent, "c": CallEvent, "h": HitsEvent}
_NAMES = {kind: name.encode() for name, kind in KINDS.items()}
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}
_ENCODER = msgspec.json.Encoder()


def encode(event: Event) -> Entry:
    """The fields of the event's stream entry."""
    try:
        data = _ENCODER.encode(event)
    except UnicodeEncodeError:
        # JSON lets a caller send half a surrogate pair, in a model's name for one, but no UTF-8 can hold it.
        data = _ENCODER.encode(_valid(event))
    return {"k": _NAMES[type(event)], "d": data}


def _valid(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _valid(part) for name, part in msgspec.structs.asdict(value).items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def decode(kind: str, data: bytes) -> Event:
    """The event of a stream entry, with texts that both databases take. Raises ValueError, saying what does not fit."""
    if kind not in _DECODERS:
        raise ValueError(f"unknown kind {kind!r}")
    decoder = _DECODERS[kind]
    if b"\\u0000" not in data:
        try:
            event: Event = decoder.decode(data)
            return event
        except msgspec.ValidationError:
            pass  # perhaps only for a text that is too long
    cleaned: Event = decoder.decode(_ENCODER.encode(_clean("", msgspec.json.decode(data))))
    return cleaned


def _clean(name: str, value: Any) -> Any:
    """The value of the field `name` without NUL characters, which PostgreSQL does not know, and texts without end.

    An id stays whole: two that were cut might be the same.
    """
    if isinstance(value, dict):
        return {key: _clean(key, part) for key, part in value.items()}
    if not isinstance(value, str) or name == "marks":
        return value
    text = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if name == "id" else text[:MAX_TEXT]
