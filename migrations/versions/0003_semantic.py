"""Hits by meaning in the ledger, and the tables of the semantic cache."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

REQUESTS = ("ledger_requests", "ledger_hits")
MEASURES = ("similarity", "score", "threshold", "novelty")
SUMS = ("hits_semantic", "semantic_looked")


def upgrade() -> None:
    for table in REQUESTS:
        for column in (*_columns(sa.Double(), *MEASURES, nullable=True), *_columns(sa.Text(), "entry_id", nullable=True)):
            op.add_column(table, column)
    for name in SUMS:
        # The default stays: a writer of the version before must be able to go on until it is replaced.
        op.add_column("ledger_rollups", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("feedback", *_columns(sa.Text(), "author", nullable=True))
    _entries()
    _operations()
    _lookups()
    _policies()


def downgrade() -> None:
    for table in ("semantic_policies", "semantic_lookups", "semantic_operations", "semantic_entries"):
        op.drop_table(table)
    op.drop_column("feedback", "author")
    for name in SUMS:
        op.drop_column("ledger_rollups", name)
    for table in REQUESTS:
        for name in (*MEASURES, "entry_id"):
            op.drop_column(table, name)


def _columns(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


def _number(name: str) -> sa.Column[int]:
    """A primary key that the database counts up. SQLite does so only for what it calls INTEGER, which has 64 bits there."""
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False)


def _entries() -> None:
    op.create_table(
        "semantic_entries",
        _number("seq"),
        *_columns(sa.Text(), "id", "tenant", "partition", "text", "embedder", "answer_digest", "author", "state"),
        *_columns(sa.LargeBinary(), "vector", "answer", "tag"),
        *_columns(sa.Double(), "created_at", "expires_at", "used_at", "right", "wrong"),
        *_columns(sa.BigInteger(), "hits", "saved", "bytes"),
        sa.PrimaryKeyConstraint("seq", name="pk_semantic_entries"),
        sa.UniqueConstraint("id", name="uq_semantic_entries_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_semantic_entries_tenant_seq", "semantic_entries", ["tenant", "seq"])
    op.create_index("ix_semantic_entries_tenant_answer_digest", "semantic_entries", ["tenant", "answer_digest"])
    op.create_index("ix_semantic_entries_embedder", "semantic_entries", ["embedder"])
    op.create_index("ix_semantic_entries_expires_at", "semantic_entries", ["expires_at"])


def _operations() -> None:
    op.create_table(
        "semantic_operations",
        _number("id"),
        *_columns(sa.BigInteger(), "seq"),
        *_columns(sa.Text(), "tenant", "kind"),
        *_columns(sa.Text(), "entry", nullable=True),
        *_columns(sa.Double(), "at"),
        sa.PrimaryKeyConstraint("id", name="pk_semantic_operations"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_semantic_operations_entry", "semantic_operations", ["entry"])
    op.create_index("ix_semantic_operations_at", "semantic_operations", ["at"])


def _lookups() -> None:
    op.create_table(
        "semantic_lookups",
        *_columns(sa.Text(), "id", "tenant", "author", "scorer", "decision"),
        *_columns(sa.Text(), "entry", "veto", "source", nullable=True),
        *_columns(sa.LargeBinary(), "features", nullable=True),
        *_columns(sa.Double(), "at", "score", "threshold", "propensity", "weight"),
        *_columns(sa.Double(), "cosine", "novelty", "label", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_semantic_lookups"),
    )
    op.create_index("ix_semantic_lookups_tenant_at", "semantic_lookups", ["tenant", "at"])
    op.create_index("ix_semantic_lookups_entry", "semantic_lookups", ["entry"])


def _policies() -> None:
    op.create_table(
        "semantic_policies",
        *_columns(sa.Text(), "tenant"),
        *_columns(sa.Double(), "budget", nullable=True),
        *_columns(sa.LargeBinary(), "scorer", "threshold", nullable=True),
        *_columns(sa.Double(), "updated_at"),
        sa.PrimaryKeyConstraint("tenant", name="pk_semantic_policies"),
    )
