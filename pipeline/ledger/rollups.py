"""Hourly sums of the ledger per tenant and model, so that a figure costs a look at some hundred rows.

What each sum means (every one is a whole number, so that adding in any order gives the same):

    requests                    all requests; each counts in exactly one of the next five
    hits_exact, hits_dedup      answered from the exact cache; joined a running request
    misses, bypassed            asked an upstream; was not to be cached
    cache_errors                ended before it was known, or the cache did not answer
    failures                    answered with status 400 or more, except 499 (the caller had left)
    prompt_tokens .. tokens_saved   sums of the known values
    cost, cost_saved            pico-dollars, sums of the known values
    unpriced                    requests of which the cost or the saving is not known
    cost_unknown                requests of which the cost is not known
    saving_known, saving_unknown    requests that saved a call (hits, and others with a saving): is it known how much
    latency_us, overhead_us     microseconds; overhead_known is how many requests the second one is the sum of
    calls, call_failures, ..    the same of the calls to upstreams, under the model's name at the upstream
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from pipeline.ledger.events import OK, CallEvent, RequestEvent
from pipeline.storage.tables import LedgerRollup
from pipeline.storage.upsert import insert_into

Key = tuple[str, int, str]  # tenant, hour, model
KEY_COLUMNS = ("tenant", "hour", "model")
SUM_COLUMNS = tuple(column.name for column in LedgerRollup.__table__.columns if column.name not in KEY_COLUMNS)

HITS = ("exact", "dedup")
CLIENT_GONE = 499
_CACHE_COLUMN = {"exact": "hits_exact", "dedup": "hits_dedup", "miss": "misses", "bypass": "bypassed", "error": "cache_errors"}
_ROWS_AT_ONCE = 500


def hour_of(at: float) -> int:
    """The hour that a moment in unix seconds belongs to."""
    return int(at // 3600)


def of_request(event: RequestEvent) -> dict[str, int]:
    """What one request adds to the sums."""
    known = event.cost_saved is not None
    return {
        "requests": 1,
        _CACHE_COLUMN[event.cache]: 1,
        "failures": int(event.status >= 400 and event.status != CLIENT_GONE),
        "prompt_tokens": event.prompt_tokens or 0,
        "completion_tokens": event.completion_tokens or 0,
        "cached_tokens": event.cached_tokens or 0,
        "tokens_saved": event.tokens_saved or 0,
        "cost": event.cost or 0,
        "cost_saved": event.cost_saved or 0,
        "unpriced": int(event.cost is None or not known),
        "cost_unknown": int(event.cost is None),
        "saving_known": int(known and (event.cache in HITS or bool(event.cost_saved))),
        "saving_unknown": int(not known and event.cache in HITS),
        "latency_us": _micros(event.latency_ms),
        "overhead_us": _micros(event.overhead_ms),
        "overhead_known": int(event.overhead_ms is not None),
    }


def of_call(event: CallEvent) -> dict[str, int]:
    """What one call to an upstream adds to the sums."""
    return {
        "calls": 1,
        "call_failures": int(event.outcome != OK),
        "call_prompt_tokens": event.prompt_tokens or 0,
        "call_completion_tokens": event.completion_tokens or 0,
        "call_cost": event.cost or 0,
        "call_unpriced": int(event.cost is None),
        "call_latency_us": _micros(event.latency_ms),
    }


def aggregate(requests: Iterable[RequestEvent], calls: Iterable[CallEvent]) -> dict[Key, dict[str, int]]:
    """What a batch of events adds, per tenant, hour and model. Each event must be in it once."""
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUM_COLUMNS, 0))
    for request in requests:
        _add(sums[request.tenant, hour_of(request.at), request.model], of_request(request))
    for call in calls:
        _add(sums[call.tenant, hour_of(call.at), call.model], of_call(call))
    return dict(sums)


def add(connection: Connection, sums: Mapping[Key, Mapping[str, int]]) -> None:
    """Adds sums to the table, in the caller's transaction."""
    # Two writers at once take the rows in the same order, or each might wait for the other.
    rows = [{**dict(zip(KEY_COLUMNS, key, strict=True)), **sums[key]} for key in sorted(sums)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        new = insert_into(connection, LedgerRollup).values(rows[start : start + _ROWS_AT_ONCE])
        added = {name: getattr(LedgerRollup, name) + new.excluded[name] for name in SUM_COLUMNS}
        connection.execute(new.on_conflict_do_update(index_elements=KEY_COLUMNS, set_=added))


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        sums[name] += value


def _micros(milliseconds: float | None) -> int:
    return 0 if milliseconds is None else round(milliseconds * 1000)
