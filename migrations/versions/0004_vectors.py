"""The vectors of stored answers in pgvector's type, where PostgreSQL has that extension or may be given it.

The table is described in pipeline.storage.vectors and not here, since it is made there as well: at the start of a worker, when
pgvector was installed after this migration.
"""

from __future__ import annotations

from alembic import op

from pipeline.storage import vectors

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    vectors.create(op.get_bind())


def downgrade() -> None:
    op.execute(f"DROP TABLE IF EXISTS {vectors.TABLE}")
