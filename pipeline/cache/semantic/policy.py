"""What is decided by meaning for each tenant: its scorer, its threshold, its budget. Learned in one place, read by all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Engine, select

from pipeline import errors
from pipeline.cache.semantic.scorer import Scorer, shipped
from pipeline.cache.semantic.threshold import ENOUGH, Threshold, cold
from pipeline.storage.engine import reading, writing
from pipeline.storage.tables import SemanticPolicy as Row
from pipeline.storage.upsert import insert_into

log = logging.getLogger(__name__)
FRESH_S = 1.0
GREY = 0.5  # below the threshold: of such candidates it is learned whether they would have been right


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`budget`: wrong answers for each request. `version` changes with everything that was learned."""

    tenant: str
    budget: float
    scorer: Scorer
    threshold: Threshold
    version: float = 0.0

    def threshold_of(self, parts: int) -> float:
        """The threshold for one of so many questions of which one answer is made: each may be wrong for its share of the budget
        only. What was learned can make it stricter than the cold one, not milder: at a share no labels were counted.
        """
        if parts == 1:
            return self.threshold.value
        curve = shipped().curve
        stricter = max(0.0, self.threshold.value - cold(self.budget, curve).value)
        return cold(self.budget / parts, curve).value + stricter

    def grey(self, score: float) -> bool:
        """Whether a candidate was close to being served."""
        least = min(self.threshold.value, 1.0)
        return least - GREY <= score < least

    def audits(self, share: float) -> float:
        """The chance with which a hit is audited, when it is to be `share` in the long run. The first hits all are, and then
        ever fewer: one label that stands for twenty says less than the twenty would.
        """
        return max(share, min(1.0, (ENOUGH / max(1, self.threshold.labels)) ** 2)) if share else 0.0


def first(tenant: str, budget: float) -> Policy:
    """The policy of a tenant of which nothing is known."""
    begun = shipped()
    return Policy(tenant=tenant, budget=budget, scorer=begun.scorer, threshold=cold(budget, begun.curve))


class Policies:
    """Policies by tenant, read from SQL at most once a second; while it is away, what was read last stays in force.

    A tenant of which nothing was learned gets the scorer that shipped, and a cold threshold.
    """

    def __init__(self, engine: Engine, budget: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._budget = budget
        self._clock = clock
        self._kept: dict[str, tuple[float, Policy]] = {}
        self._lock = threading.Lock()

    def of(self, tenant: str) -> Policy:
        now = self._clock()
        kept = self._kept.get(tenant)
        if kept and now < kept[0]:
            return kept[1]
        with self._lock:
            try:
                policy = self._read(tenant)
            except errors.StoreUnavailable:
                policy = kept[1] if kept else first(tenant, self._budget)
            self._kept[tenant] = (now + FRESH_S, policy)
        return policy

    def save(self, policy: Policy, now: float) -> None:
        """Put a learned policy in force, here at once and everywhere within a second."""
        values = {
            "tenant": policy.tenant,
            "scorer": msgspec.msgpack.encode(policy.scorer),
            "threshold": msgspec.msgpack.encode(policy.threshold),
            "updated_at": now,
        }
        with writing(self._engine) as connection:
            new = insert_into(connection, Row).values({**values, "budget": None})
            connection.execute(
                new.on_conflict_do_update(index_elements=["tenant"], set_={k: v for k, v in values.items() if k != "tenant"})
            )
        self._kept.pop(policy.tenant, None)

    def set_budget(self, tenant: str, budget: float | None, now: float) -> None:
        """A tenant's own budget; None: the one that the settings say. What was learned for another is worked out anew."""
        with writing(self._engine) as connection:
            new = insert_into(connection, Row).values(tenant=tenant, budget=budget, updated_at=now)
            connection.execute(
                new.on_conflict_do_update(
                    index_elements=["tenant"], set_={"budget": budget, "threshold": None, "updated_at": now}
                )
            )
        self._kept.pop(tenant, None)

    def _read(self, tenant: str) -> Policy:
        with reading(self._engine) as connection:
            row = connection.execute(
                select(Row.budget, Row.scorer, Row.threshold, Row.updated_at).where(Row.tenant == tenant)
            ).first()
        begun = first(tenant, self._budget if row is None or row.budget is None else row.budget)
        if row is None:
            return begun
        try:
            return msgspec.structs.replace(
                begun,
                scorer=_fitting(row.scorer) or begun.scorer,
                threshold=msgspec.msgpack.decode(row.threshold, type=Threshold) if row.threshold else begun.threshold,
                version=row.updated_at,
            )
        except msgspec.DecodeError:
            log.error("semantic_policy_unreadable tenant=%s: it begins anew", tenant)
            return begun


def _fitting(data: bytes | None) -> Scorer | None:
    """A learned scorer, if it is of the features that this version computes."""
    found = msgspec.msgpack.decode(data, type=Scorer) if data else None
    return found if found and len(found.weights) == len(shipped().scorer.weights) else None
