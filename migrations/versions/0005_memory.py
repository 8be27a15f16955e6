"""The notes of the micro-memory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "memory_items"


def upgrade() -> None:
    op.create_table(
        TABLE,
        # A primary key that the database counts up. SQLite does so only for what it calls INTEGER, which has 64 bits there.
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "tenant", "principal", "kind", "delivery")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("place", "ended_by")),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("importance", "strength", "created_at", "used_at", "expires_at")
        ),
        sa.Column("superseded_at", sa.Double(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_memory_items"),
        sa.UniqueConstraint("id", name="uq_memory_items_id"),
        sa.UniqueConstraint("place", name="uq_memory_items_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memory_items_tenant_principal_seq", TABLE, ["tenant", "principal", "seq"])
    op.create_index("ix_memory_items_expires_at", TABLE, ["expires_at"])
    op.create_index("ix_memory_items_superseded_at", TABLE, ["superseded_at"])


def downgrade() -> None:
    op.drop_table(TABLE)
