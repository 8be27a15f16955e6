"""The tables, for SQLite and PostgreSQL alike.

Times are stored as unix seconds in UTC (double precision) and, outside of the ledger, read as datetimes; money is
pico-dollars (see pipeline.money), and every counter is a 64-bit integer. A NULL in the ledger means "not known"; it is
never written as 0. The rollup table keeps beside each sum how many values were missing from it.

A change here needs a migration in `migrations/versions` and the new head in `pipeline.storage.migrate`; a test
compares the two on both databases.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, Integer, LargeBinary, MetaData, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Names that do not depend on the database, so that a later migration can name the constraint that it changes.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
}


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, kept as unix seconds: SQLite has no type that keeps a time zone."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> float | None:
        return None if value is None else value.timestamp()

    def process_result_value(self, value: float | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Base(DeclarativeBase):
    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[type, type]] = {
        str: Text,
        int: BigInteger,
        float: Double,
        bool: Boolean,
        bytes: LargeBinary,
        datetime: UtcTime,
    }


class Tenant(Base):
    """Who the traffic belongs to. `bring_own_key`: its own provider key goes upstream with its requests."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    bring_own_key: Mapped[bool] = mapped_column(default=False)


class GatewayKey(Base):
    """A key that lets in. Only the SHA-256 of the whole key is kept, and its last characters to recognise it by."""

    __tablename__ = "gateway_keys"

    public_id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    digest: Mapped[str]
    hint: Mapped[str]
    is_admin: Mapped[bool]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Switch(Base):
    """A strategy that somebody switched. Scope: '' for everybody, else a tenant's id."""

    __tablename__ = "switches"

    scope: Mapped[str] = mapped_column(primary_key=True)
    strategy: Mapped[str] = mapped_column(primary_key=True)
    enabled: Mapped[bool]
    updated_at: Mapped[datetime]


class Feedback(Base):
    """What a caller said about an answer that came from the cache. `author` is the key that said it."""

    __tablename__ = "feedback"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: secrets.token_hex(16))
    tenant_id: Mapped[str] = mapped_column(index=True)
    entry_id: Mapped[str]
    is_correct: Mapped[bool]
    created_at: Mapped[datetime]
    author: Mapped[str | None]


class RequestColumns:
    """One request of a caller; the columns are those of pipeline.ledger.events.RequestEvent."""

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    tenant: Mapped[str]
    key_id: Mapped[str]
    endpoint: Mapped[str]
    model: Mapped[str]
    route: Mapped[str]
    cache: Mapped[str]
    bypass_reason: Mapped[str | None]
    status: Mapped[int]
    error_code: Mapped[str | None]
    stream: Mapped[bool]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    cost: Mapped[int | None]
    cost_saved: Mapped[int | None]
    tokens_saved: Mapped[int | None]
    latency_ms: Mapped[float]
    overhead_ms: Mapped[float | None]
    log_key: Mapped[str]
    call_id: Mapped[str | None]
    simulated: Mapped[bool]
    similarity: Mapped[float | None]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    novelty: Mapped[float | None]
    entry_id: Mapped[str | None]
    parts: Mapped[int | None]
    parts_stored: Mapped[int | None]
    prompt_before: Mapped[int | None]
    prompt_after: Mapped[int | None]
    stages_ms: Mapped[float | None]


class LedgerRequest(RequestColumns, Base):
    """Requests of callers, each in a row of its own; hits may be in `ledger_hits` instead."""

    __tablename__ = "ledger_requests"
    __table_args__ = (Index(None, "tenant", "at"),)


class LedgerHits(RequestColumns, Base):
    """Hits of one caller on one answer within one moment (pipeline.ledger.events.HitsEvent).

    The columns are those of the first hit; `hits` is how many there were, `marks` the time and the latency of each.
    """

    __tablename__ = "ledger_hits"
    __table_args__ = (Index(None, "tenant", "at"),)

    hits: Mapped[int]
    marks: Mapped[bytes]


class LedgerCall(Base):
    """One call to an upstream; the columns are those of pipeline.ledger.events.CallEvent."""

    __tablename__ = "ledger_calls"
    __table_args__ = (Index(None, "tenant", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    tenant: Mapped[str]
    log_key: Mapped[str]
    endpoint: Mapped[str]
    upstream: Mapped[str]
    model: Mapped[str]
    status: Mapped[int | None]
    outcome: Mapped[str]
    error: Mapped[str | None]
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    cached_tokens: Mapped[int | None]
    cost: Mapped[int | None]
    latency_ms: Mapped[float]
    first_token_ms: Mapped[float | None]
    simulated: Mapped[bool]


class LedgerRollup(Base):
    """Sums over one tenant, hour (unix seconds // 3600) and model; what each one means: pipeline.ledger.rollups."""

    __tablename__ = "ledger_rollups"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int]
    hits_exact: Mapped[int]
    # The defaults are for a writer of the version before, which goes on for a while during an upgrade.
    hits_semantic: Mapped[int] = mapped_column(server_default="0")
    hits_dedup: Mapped[int]
    misses: Mapped[int]
    bypassed: Mapped[int]
    cache_errors: Mapped[int]
    failures: Mapped[int]
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    tokens_saved: Mapped[int]
    cost: Mapped[int]
    cost_saved: Mapped[int]
    unpriced: Mapped[int]
    cost_unknown: Mapped[int]
    saving_unknown: Mapped[int]
    saving_known: Mapped[int]
    semantic_looked: Mapped[int] = mapped_column(server_default="0")
    decomposed: Mapped[int] = mapped_column(server_default="0")
    parts: Mapped[int] = mapped_column(server_default="0")
    parts_stored: Mapped[int] = mapped_column(server_default="0")
    optimised: Mapped[int] = mapped_column(server_default="0")
    tokens_spared: Mapped[int] = mapped_column(server_default="0")
    latency_us: Mapped[int]
    overhead_us: Mapped[int]
    overhead_known: Mapped[int]
    calls: Mapped[int]
    call_failures: Mapped[int]
    call_prompt_tokens: Mapped[int]
    call_completion_tokens: Mapped[int]
    call_cost: Mapped[int]
    call_unpriced: Mapped[int]
    call_latency_us: Mapped[int]


class SemanticEntry(Base):
    """A stored answer that may be found by meaning (pipeline.cache.semantic.entries).

    `seq` grows with each write and is never used twice; `id` is the content key of the request that was answered. `vector`
    is of half-precision floats; `embedder` says whose. `state`: private, probation, shared, revoked. `tag` is a keyed
    digest of all that an answer is served by. `right` and `wrong` are sums of the weights of what people and judges said.
    """

    __tablename__ = "semantic_entries"
    __table_args__ = (Index(None, "tenant", "seq"), Index(None, "tenant", "answer_digest"), {"sqlite_autoincrement": True})

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    tenant: Mapped[str]
    partition: Mapped[str]
    text: Mapped[str]
    embedder: Mapped[str] = mapped_column(index=True)
    vector: Mapped[bytes]
    answer: Mapped[bytes]
    answer_digest: Mapped[str]
    tag: Mapped[bytes]
    author: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    used_at: Mapped[float]
    hits: Mapped[int]
    saved: Mapped[int]
    right: Mapped[float]
    wrong: Mapped[float]
    bytes: Mapped[int]


class SemanticOperation(Base):
    """What every index has to hear of, in the order in which it happened: an entry's 'add', or why it has gone.

    'refuse' (with `entry`, and no `seq`) is for what may still be on its way: an answer that was taken back is not added later.
    """

    __tablename__ = "semantic_operations"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    seq: Mapped[int]
    tenant: Mapped[str]
    kind: Mapped[str]
    entry: Mapped[str | None] = mapped_column(index=True)
    at: Mapped[float] = mapped_column(index=True)


class SemanticLookup(Base):
    """One question that was compared by meaning: what was decided, and what is known of whether that was right.

    `score` is the best candidate's after the guards, 0 without one. `decision`: hit, audit, miss. `propensity` is the
    chance that there was of asking whether the candidate's answer would have been right; `label` is 1 for right, 0 for
    wrong, NULL for unknown, and `source` says who says so. `features` are those of pipeline.semantics.features.
    """

    __tablename__ = "semantic_lookups"
    __table_args__ = (Index(None, "tenant", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float]
    tenant: Mapped[str]
    entry: Mapped[str | None] = mapped_column(index=True)
    author: Mapped[str]
    scorer: Mapped[str]
    features: Mapped[bytes | None]
    cosine: Mapped[float | None]
    score: Mapped[float]
    threshold: Mapped[float]
    novelty: Mapped[float | None]
    decision: Mapped[str]
    veto: Mapped[str | None]
    propensity: Mapped[float]
    label: Mapped[float | None]
    weight: Mapped[float]
    source: Mapped[str | None]


class SemanticPolicy(Base):
    """What was learned for a tenant: its scorer and its threshold (pipeline.cache.semantic.policy)."""

    __tablename__ = "semantic_policies"

    tenant: Mapped[str] = mapped_column(primary_key=True)
    budget: Mapped[float | None]
    scorer: Mapped[bytes | None]
    threshold: Mapped[bytes | None]
    updated_at: Mapped[float]


class MemoryItem(Base):
    """A note of what a caller has said of itself (pipeline.memory.store).

    `principal` is a digest. `sealed` holds, encrypted, all that the note says, and is empty in one that was forgotten. `place` is
    a keyed digest of the note's slot, as long as the note stands: so one value stands in a slot, whoever writes at the same time.
    `superseded_at`: when it stood no more. `delivery` and `ended_by` name the messages that made and ended it.
    """

    __tablename__ = "memory_items"
    __table_args__ = (Index(None, "tenant", "principal", "seq"), {"sqlite_autoincrement": True})

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    tenant: Mapped[str]
    principal: Mapped[str]
    place: Mapped[str | None] = mapped_column(unique=True)
    kind: Mapped[str]
    importance: Mapped[float]
    strength: Mapped[float]
    created_at: Mapped[float]
    used_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    superseded_at: Mapped[float | None] = mapped_column(index=True)
    delivery: Mapped[str]
    ended_by: Mapped[str | None]
    sealed: Mapped[bytes]
