"""Tenants, keys, switches, feedback and the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _ledger_requests()
    _ledger_calls()
    _ledger_rollups()


def downgrade() -> None:
    for table in ("ledger_rollups", "ledger_calls", "ledger_requests", "feedback", "switches", "gateway_keys", "tenants"):
        op.drop_table(table)


def _column(name: str, kind: Any, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [_column(name, sa.Text(), nullable) for name in names]


def _counts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [_column(name, sa.BigInteger(), nullable) for name in names]


def _people() -> None:
    op.create_table(
        "tenants",
        *_texts("id", "name"),
        _column("created_at", sa.Double()),
        _column("bring_own_key", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_tenants"),
    )
    op.create_table(
        "gateway_keys",
        *_texts("public_id", "tenant_id", "name", "digest", "hint"),
        _column("is_admin", sa.Boolean()),
        _column("created_at", sa.Double()),
        _column("revoked_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_gateway_keys_tenant_id"),
        sa.PrimaryKeyConstraint("public_id", name="pk_gateway_keys"),
    )
    op.create_index("ix_gateway_keys_tenant_id", "gateway_keys", ["tenant_id"])
    op.create_table(
        "switches",
        *_texts("scope", "strategy"),
        _column("enabled", sa.Boolean()),
        _column("updated_at", sa.Double()),
        sa.PrimaryKeyConstraint("scope", "strategy", name="pk_switches"),
    )
    op.create_table(
        "feedback",
        *_texts("id", "tenant_id", "entry_id"),
        _column("is_correct", sa.Boolean()),
        _column("created_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_tenant_id", "feedback", ["tenant_id"])


def _ledger_requests() -> None:
    op.create_table(
        "ledger_requests",
        *_texts("id", "tenant", "key_id", "endpoint", "model", "route", "cache", "log_key"),
        *_texts("bypass_reason", "error_code", "call_id", nullable=True),
        _column("at", sa.Double()),
        _column("latency_ms", sa.Double()),
        _column("overhead_ms", sa.Double(), nullable=True),
        *_counts("status"),
        *_counts("prompt_tokens", "completion_tokens", "cached_tokens", "cost", "cost_saved", "tokens_saved", nullable=True),
        _column("stream", sa.Boolean()),
        _column("simulated", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_requests"),
    )
    _ledger_indexes("ledger_requests")


def _ledger_calls() -> None:
    op.create_table(
        "ledger_calls",
        *_texts("id", "tenant", "log_key", "endpoint", "upstream", "model", "outcome"),
        *_texts("error", nullable=True),
        _column("at", sa.Double()),
        _column("latency_ms", sa.Double()),
        _column("first_token_ms", sa.Double(), nullable=True),
        *_counts("status", "prompt_tokens", "completion_tokens", "cached_tokens", "cost", nullable=True),
        _column("simulated", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_calls"),
    )
    _ledger_indexes("ledger_calls")


def _ledger_indexes(table: str) -> None:
    op.create_index(f"ix_{table}_at", table, ["at"])
    op.create_index(f"ix_{table}_tenant_at", table, ["tenant", "at"])


def _ledger_rollups() -> None:
    op.create_table(
        "ledger_rollups",
        *_texts("tenant", "model"),
        *_counts("hour", "requests", "hits_exact", "hits_dedup", "misses", "bypassed", "cache_errors", "failures"),
        *_counts("prompt_tokens", "completion_tokens", "cached_tokens", "tokens_saved", "cost", "cost_saved"),
        *_counts("unpriced", "cost_unknown", "saving_unknown", "saving_known"),
        *_counts("latency_us", "overhead_us", "overhead_known"),
        *_counts("calls", "call_failures", "call_prompt_tokens", "call_completion_tokens"),
        *_counts("call_cost", "call_unpriced", "call_latency_us"),
        sa.PrimaryKeyConstraint("tenant", "hour", "model", name="pk_ledger_rollups"),
    )
