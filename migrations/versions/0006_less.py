"""Questions taken apart and prompts shortened, in the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REQUESTS = ("ledger_requests", "ledger_hits")
COUNTS = ("parts", "parts_stored", "prompt_before", "prompt_after")
SUMS = ("decomposed", "parts", "parts_stored", "optimised", "tokens_spared")


def upgrade() -> None:
    for table in REQUESTS:
        for name in COUNTS:
            op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("stages_ms", sa.Double(), nullable=True))
    for name in SUMS:
        # The default stays: a writer of the version before must be able to go on until it is replaced.
        op.add_column("ledger_rollups", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in SUMS:
        op.drop_column("ledger_rollups", name)
    for table in REQUESTS:
        for name in (*COUNTS, "stages_ms"):
            op.drop_column(table, name)
