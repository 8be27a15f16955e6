"""The figures of /v1/analytics and of the cache's statistics, all of them from the ledger's hourly sums.

What is not known is None, never 0: a sum of which no part is known, and figures of strategies that this version does
not have. A sum of which some parts are not known is the sum of the known ones; `requests_unpriced` says of how many
requests the cost or the saving is missing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from pipeline import ids
from pipeline.ledger.rollups import SUM_COLUMNS, hour_of
from pipeline.money import dollars
from pipeline.storage.engine import reading
from pipeline.storage.tables import Feedback, LedgerRollup

# SQLite cannot add up to more than 63 bits and PostgreSQL answers with another type: so the thousands of millions and
# what is left over are summed apart, and put together as Python integers, which have no bound.
_PART = 10**9

Sums = Mapping[str, int]


class Analytics:
    """Reads one database. Every method raises errors.StoreUnavailable when it is down."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = ids.utc_now) -> None:
        self._engine = engine
        self._now = now

    def summary(self, tenant: str | None, since: float | None = None) -> dict[str, Any]:
        """The answer of /v1/analytics for a tenant, or for all of them together (None).

        `since` is in unix seconds, and the whole hour that it falls into is counted; None means since the beginning.
        Money is in dollars.
        """
        sums = self._sums(tenant, since)
        return {
            "optimization_metrics": _metrics(sums),
            "tenant": _usage(tenant, sums),
            "since": None if since is None else datetime.fromtimestamp(hour_of(since) * 3600, UTC).isoformat(),
            "timestamp": self._now().isoformat(),
        }

    def cache_stats(self, tenant: str | None) -> dict[str, Any]:
        """What the ledger and the callers' feedback say of the cache; `success_rate` is None without feedback.

        `hit_rate` is the sum of the two others, all of them shares of all requests.
        """
        sums = self._sums(tenant, None)
        given, correct = self._feedback(tenant)
        return {
            "hits_exact": sums["hits_exact"],
            "hits_semantic": sums["hits_semantic"],
            "hits_dedup": sums["hits_dedup"],
            "misses": sums["misses"],
            "bypassed": sums["bypassed"],
            "semantic_looked": sums["semantic_looked"],
            "hit_rate": _share(_from_cache(sums), sums["requests"]),
            "hit_rate_exact": _share(sums["hits_exact"], sums["requests"]),
            "hit_rate_semantic": _share(sums["hits_semantic"], sums["requests"]),
            "feedback_count": given,
            "feedback_correct": correct,
            "success_rate": _share(correct, given),
        }

    def _sums(self, tenant: str | None, since: float | None) -> dict[str, int]:
        columns = [getattr(LedgerRollup, name) for name in SUM_COLUMNS]
        parts = [part for column in columns for part in (func.sum(column // _PART), func.sum(column % _PART))]
        query = select(*parts)
        if tenant is not None:
            query = query.where(LedgerRollup.tenant == tenant)
        if since is not None:
            query = query.where(LedgerRollup.hour >= hour_of(since))
        with reading(self._engine) as connection:
            found = [int(value or 0) for value in connection.execute(query).one()]
        return {name: high * _PART + low for name, high, low in zip(SUM_COLUMNS, found[::2], found[1::2], strict=True)}

    def _feedback(self, tenant: str | None) -> tuple[int, int]:
        query = select(func.count(), func.count().filter(Feedback.is_correct)).select_from(Feedback)
        if tenant is not None:
            query = query.where(Feedback.tenant_id == tenant)
        with reading(self._engine) as connection:
            given, correct = connection.execute(query).one()
        return int(given), int(correct)


def _metrics(sums: Sums) -> dict[str, Any]:
    requests = sums["requests"]
    nothing_known = sums["saving_known"] == 0 and sums["saving_unknown"] > 0
    return {
        "total_requests": requests,
        "cache_hits": _from_cache(sums),
        "exact_hits": sums["hits_exact"],
        "semantic_hits": sums["hits_semantic"],
        "dedup_hits": sums["hits_dedup"],
        "cache_misses": sums["misses"],
        "bypassed": sums["bypassed"],
        "semantic_looked": sums["semantic_looked"],
        "cache_hit_rate": _share(_from_cache(sums), requests),
        "tokens_saved": sums["tokens_saved"],
        "cost_saved": None if nothing_known else dollars(sums["cost_saved"]),
        "average_confidence": None,
        "decomposed_queries": sums["decomposed"],
        "parts": sums["parts"],
        "parts_stored": sums["parts_stored"],
        "optimised_prompts": sums["optimised"],
        "prompt_tokens_spared": sums["tokens_spared"],
        "low_confidence_retries": None,
        "requests_unpriced": sums["unpriced"],
        "upstream_calls": sums["calls"],
        "upstream_calls_unpriced": sums["call_unpriced"],
        "cost_spent": _spent(sums["call_cost"], missing=sums["call_unpriced"]),
        "failures": sums["failures"],
        "average_latency_ms": _average_ms(sums["latency_us"], requests),
        "average_overhead_ms": _average_ms(sums["overhead_us"], sums["overhead_known"]),
    }


def _usage(tenant: str | None, sums: Sums) -> dict[str, Any]:
    """What the tenant used. `cost` is what its requests caused; a call that nobody waited for is only in cost_spent."""
    return {
        "id": tenant,
        "requests": sums["requests"],
        "prompt_tokens": sums["prompt_tokens"],
        "completion_tokens": sums["completion_tokens"],
        "cached_tokens": sums["cached_tokens"],
        "cost": _spent(sums["cost"], missing=sums["cost_unknown"]),
        "upstream_calls": sums["calls"],
    }


def _from_cache(sums: Sums) -> int:
    """Requests that got a stored answer. Who joined a running request waited for an upstream and is not among them."""
    return sums["hits_exact"] + sums["hits_semantic"]


def _spent(picos: int, *, missing: int) -> float | None:
    # Hits cost nothing and are known to: beside them, unpriced calls must not add up to "nothing was spent".
    return None if picos == 0 and missing > 0 else dollars(picos)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _average_ms(micros: int, count: int) -> float | None:
    return micros / count / 1000 if count else None
