"""Hits from the cache, many in a row of the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_hits",
        *_columns(sa.Text(), "id", "tenant", "key_id", "endpoint", "model", "route", "cache", "log_key"),
        *_columns(sa.Text(), "bypass_reason", "error_code", "call_id", nullable=True),
        *_columns(sa.Double(), "at", "latency_ms"),
        *_columns(sa.Double(), "overhead_ms", nullable=True),
        *_columns(sa.BigInteger(), "status", "hits"),
        *_columns(sa.BigInteger(), "prompt_tokens", "completion_tokens", "cached_tokens", nullable=True),
        *_columns(sa.BigInteger(), "cost", "cost_saved", "tokens_saved", nullable=True),
        *_columns(sa.Boolean(), "stream", "simulated"),
        *_columns(sa.LargeBinary(), "marks"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_hits"),
    )
    op.create_index("ix_ledger_hits_at", "ledger_hits", ["at"])
    op.create_index("ix_ledger_hits_tenant_at", "ledger_hits", ["tenant", "at"])


def downgrade() -> None:
    op.drop_table("ledger_hits")


def _columns(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]
