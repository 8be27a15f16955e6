"""Ledger events for tests, and the sums over them worked out the slow and obvious way."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from pipeline.ids import hit_batch_id, hit_id
from pipeline.ledger.events import CallEvent, HitsEvent, RequestEvent
from pipeline.ledger.writer import LedgerWriter
from pipeline.storage.tables import Base, LedgerCall, LedgerHits, LedgerRequest, LedgerRollup

AT = 1_700_000_000.0


def request_event(event_id: str = "req_1", **changes: Any) -> RequestEvent:
    """A hit of tenant "acme" that saved 500 pico-dollars."""
    fields: dict[str, Any] = {
        "id": event_id,
        "at": AT,
        "tenant": "acme",
        "key_id": "k1",
        "endpoint": "chat",
        "model": "small",
        "route": "CACHE",
        "cache": "exact",
        "status": 200,
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "cached_tokens": 0,
        "cost": 0,
        "cost_saved": 500,
        "tokens_saved": 15,
        "latency_ms": 2.5,
        "overhead_ms": 1.0,
        "log_key": "ab" * 32,
    }
    return RequestEvent(**{**fields, **changes})


def call_event(event_id: str = "abab:1:0", **changes: Any) -> CallEvent:
    """A call of tenant "acme" that cost 700 pico-dollars."""
    fields: dict[str, Any] = {
        "id": event_id,
        "at": AT,
        "tenant": "acme",
        "log_key": "ab" * 32,
        "endpoint": "chat",
        "upstream": "main",
        "model": "small",
        "status": 200,
        "outcome": "ok",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "cost": 700,
        "latency_ms": 300.0,
    }
    return CallEvent(**{**fields, **changes})


def hits_event(marks: Sequence[tuple[int, int]] = ((0, 2500), (7, 40)), batch: str = "", **changes: Any) -> HitsEvent:
    """Hits as `request_event`; each mark is (milliseconds after the first, microseconds)."""
    packed = b"".join(struct.pack("<II", *mark) for mark in marks)
    latency_ms = marks[0][1] / 1000
    first = {"latency_ms": latency_ms, "overhead_ms": latency_ms, **changes}
    return HitsEvent(first=request_event(hit_id(batch or hit_batch_id(), 0), **first), marks=packed)


def drain(writer: LedgerWriter) -> int:
    """Carries over all that waits and returns how many entries there were."""
    total = 0
    while taken := writer.drain_once(block_ms=0):
        total += taken
    return total


def ids_in(engine: Engine) -> list[str]:
    """The ids of all events in the database, those of hits once a batch."""
    return sorted(row["id"] for table in (LedgerRequest, LedgerHits, LedgerCall) for row in rows(engine, table))


def rows(engine: Engine, table: type[Base]) -> list[dict[str, Any]]:
    """All rows of a table as dictionaries."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table.__table__)).mappings()]


def sums_in_table(engine: Engine) -> dict[tuple[str, int, str], dict[str, int]]:
    """The rollup table, without the zeros."""
    found = {}
    for row in rows(engine, LedgerRollup):
        key = (row.pop("tenant"), row.pop("hour"), row.pop("model"))
        found[key] = {name: value for name, value in row.items() if value}
    return found


def sums_over_rows(engine: Engine) -> dict[tuple[str, int, str], dict[str, int]]:
    """What the rollups should be, from nothing but the ledger's rows; without the zeros."""
    sums: dict[tuple[str, int, str], Counter[str]] = {}
    for row in rows(engine, LedgerRequest):
        _count_request(sums.setdefault((row["tenant"], int(row["at"]) // 3600, row["model"]), Counter()), row)
    for row in rows(engine, LedgerHits):
        counter = sums.setdefault((row["tenant"], int(row["at"]) // 3600, row["model"]), Counter())
        marks = list(struct.iter_unpack("<II", row["marks"]))
        assert len(marks) == row["hits"]
        for _, micros in marks:
            _count_request(counter, row | {"latency_ms": micros / 1000, "overhead_ms": micros / 1000})
    for row in rows(engine, LedgerCall):
        _count_call(sums.setdefault((row["tenant"], int(row["at"]) // 3600, row["model"]), Counter()), row)
    return {key: {name: value for name, value in counter.items() if value} for key, counter in sums.items()}


def _count_request(sums: Counter[str], row: dict[str, Any]) -> None:
    sums["requests"] += 1
    hits = {"exact": "hits_exact", "semantic": "hits_semantic", "dedup": "hits_dedup"}
    names = {**hits, "miss": "misses", "bypass": "bypassed", "error": "cache_errors"}
    sums[names[row["cache"]]] += 1
    if row["status"] >= 400 and row["status"] != 499:
        sums["failures"] += 1
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "tokens_saved", "cost", "cost_saved"):
        sums[name] += row[name] or 0
    hit = row["cache"] in hits
    sums["semantic_looked"] += row["threshold"] is not None
    if row["cost"] is None:
        sums["cost_unknown"] += 1
    if row["cost"] is None or row["cost_saved"] is None:
        sums["unpriced"] += 1
    if row["cost_saved"] is None and hit:
        sums["saving_unknown"] += 1
    if row["cost_saved"] is not None and (hit or row["cost_saved"] > 0):
        sums["saving_known"] += 1
    sums["latency_us"] += round(row["latency_ms"] * 1000)
    if row["overhead_ms"] is not None:
        sums["overhead_known"] += 1
        sums["overhead_us"] += round(row["overhead_ms"] * 1000)


def _count_call(sums: Counter[str], row: dict[str, Any]) -> None:
    sums["calls"] += 1
    sums["call_failures"] += row["outcome"] != "ok"
    sums["call_prompt_tokens"] += row["prompt_tokens"] or 0
    sums["call_completion_tokens"] += row["completion_tokens"] or 0
    sums["call_cost"] += row["cost"] or 0
    sums["call_unpriced"] += row["cost"] is None
    sums["call_latency_us"] += round(row["latency_ms"] * 1000)
