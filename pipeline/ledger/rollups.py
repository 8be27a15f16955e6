"""Hourly sums of the ledger per tenant and model, so that a figure costs a look at some hundred rows.

What each sum means (every one is a whole number, so that adding in any order gives the same):

    requests                    all requests; each counts in exactly one of the next six
    hits_exact, hits_dedup      answered from the exact cache; joined a running request
    hits_semantic               answered with the stored answer to a question that means the same
    misses, bypassed            asked an upstream; was not to be cached
    cache_errors                ended before it was known, or the cache did not answer
    failures                    answered with status 400 or more, except 499 (the caller had left)
    prompt_tokens .. tokens_saved   sums of the known values
    cost, cost_saved            pico-dollars, sums of the known values
    unpriced                    requests of which the cost or the saving is not known
    cost_unknown                requests of which the cost is not known
    semantic_looked             requests whose question was compared by meaning, hit or not
    decomposed                  requests that were taken apart into `parts`, of which `parts_stored` came from a cache
    optimised, tokens_spared    requests whose prompt was shortened, and by how many tokens
    saving_known, saving_unknown    requests that saved a call (hits, and others with a saving): is it known how much
    latency_us, overhead_us     microseconds; overhead_known is how many requests the second one is the sum of
    calls, call_failures, ..    the same of the calls to upstreams, under the model's name at the upstream
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.ledger.events import OK, CallEvent, HitsEvent, RequestEvent
from pipeline.ledger.hits import latency_us
from pipeline.ledger.sql import Statement, build
from pipeline.storage.tables import LedgerRollup

Key = tuple[str, int, str]  # tenant, hour, model
KEY_COLUMNS = ("tenant", "hour", "model")
SUM_COLUMNS = tuple(column.name for column in LedgerRollup.__table__.columns if column.name not in KEY_COLUMNS)

HITS = ("exact", "semantic", "dedup")
CLIENT_GONE = 499

_TIMES = ("latency_us", "overhead_us", "overhead_known")
REQUEST_SUMS = (
    *("requests", "hits_exact", "hits_semantic", "hits_dedup", "misses", "bypassed", "cache_errors", "failures"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "tokens_saved", "cost", "cost_saved"),
    *("unpriced", "cost_unknown", "saving_known", "saving_unknown", "semantic_looked"),
    *("decomposed", "parts", "parts_stored", "optimised", "tokens_spared"),
    *_TIMES,
)
CALL_SUMS = (
    *("calls", "call_failures", "call_prompt_tokens", "call_completion_tokens"),
    *("call_cost", "call_unpriced", "call_latency_us"),
)
# What each state of the cache adds to the six columns from hits_exact on.
_ONE_OF = {
    "exact": (1, 0, 0, 0, 0, 0),
    "semantic": (0, 1, 0, 0, 0, 0),
    "dedup": (0, 0, 1, 0, 0, 0),
    "miss": (0, 0, 0, 1, 0, 0),
    "bypass": (0, 0, 0, 0, 1, 0),
    "error": (0, 0, 0, 0, 0, 1),
}

Values = tuple[int, ...]


def hour_of(at: float) -> int:
    """The hour that a moment in unix seconds belongs to."""
    return int(at // 3600)


def of_request(event: RequestEvent) -> Values:
    """What one request adds to REQUEST_SUMS."""
    status, cost, saved = event.status, event.cost, event.cost_saved
    hit = event.cache in HITS
    return (
        1,
        *_ONE_OF[event.cache],
        int(status >= 400 and status != CLIENT_GONE),
        event.prompt_tokens or 0,
        event.completion_tokens or 0,
        event.cached_tokens or 0,
        event.tokens_saved or 0,
        cost or 0,
        saved or 0,
        int(cost is None or saved is None),
        int(cost is None),
        int(saved is not None and (hit or saved > 0)),
        int(saved is None and hit),
        int(event.threshold is not None),
        int(bool(event.parts)),
        event.parts or 0,
        event.parts_stored or 0,
        int(event.prompt_before is not None),
        (event.prompt_before or 0) - (event.prompt_after or 0),
        _micros(event.latency_ms),
        _micros(event.overhead_ms),
        int(event.overhead_ms is not None),
    )


def of_hits(event: HitsEvent) -> Values:
    """What the hits of one batch add to REQUEST_SUMS: all of them to the hour of the first."""
    micros = latency_us(event)
    alike = of_request(event.first)[: -len(_TIMES)]
    return (*(value * event.hits for value in alike), micros, micros, event.hits)


def of_call(event: CallEvent) -> Values:
    """What one call to an upstream adds to CALL_SUMS."""
    return (
        1,
        int(event.outcome != OK),
        event.prompt_tokens or 0,
        event.completion_tokens or 0,
        event.cost or 0,
        int(event.cost is None),
        _micros(event.latency_ms),
    )


def aggregate(
    requests: Iterable[RequestEvent], calls: Iterable[CallEvent], hits: Iterable[HitsEvent] = ()
) -> dict[Key, dict[str, int]]:
    """What a batch of events adds, per tenant, hour and model. Each event must be in it once."""
    of_requests: defaultdict[Key, list[Values]] = defaultdict(list)
    of_calls: defaultdict[Key, list[Values]] = defaultdict(list)
    for request in requests:
        of_requests[_key(request)].append(of_request(request))
    for batch in hits:
        of_requests[_key(batch.first)].append(of_hits(batch))
    for call in calls:
        of_calls[_key(call)].append(of_call(call))
    sums = {key: dict.fromkeys(SUM_COLUMNS, 0) for key in (*of_requests, *of_calls)}
    for names, found in ((REQUEST_SUMS, of_requests), (CALL_SUMS, of_calls)):
        for key, values in found.items():
            sums[key].update(zip(names, map(sum, zip(*values, strict=True)), strict=True))
    return sums


def add(connection: Connection, sums: Mapping[Key, Mapping[str, int]]) -> None:
    """Adds sums to the table, in the caller's transaction."""
    upsert = _upsert(connection.dialect.name)
    # Two writers at once take the rows in the same order, or each might wait for the other.
    rows = [{**dict(zip(KEY_COLUMNS, key, strict=True)), **sums[key]} for key in sorted(sums)]
    upsert.run_many(connection, [tuple(row[name] for name in upsert.names) for row in rows])


@cache
def _upsert(database: str) -> Statement:
    new = (sqlite if database == "sqlite" else postgresql).insert(LedgerRollup)
    added = {name: getattr(LedgerRollup, name) + new.excluded[name] for name in SUM_COLUMNS}
    return build(database, new.on_conflict_do_update(index_elements=KEY_COLUMNS, set_=added), [*KEY_COLUMNS, *SUM_COLUMNS])


def _key(event: RequestEvent | CallEvent) -> Key:
    return event.tenant, hour_of(event.at), event.model


def _micros(milliseconds: float | None) -> int:
    return 0 if milliseconds is None else round(milliseconds * 1000)
