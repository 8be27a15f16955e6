"""What Alembic runs: the migrations, on the connection that pipeline.storage.migrate hands over.

A developer makes a new one with `alembic -x url=sqlite:////tmp/leo.db revision --autogenerate -m "what changes"`
(the database must be at the current head), checks it by eye and raises HEAD in pipeline/storage/migrate.py.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from pipeline.storage import vectors
from pipeline.storage.engine import create_engine
from pipeline.storage.tables import Base


def run(connection: Connection) -> None:
    # SQLite cannot alter a column, so Alembic copies the table instead (batch mode).
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        include_name=vectors.of_the_models,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as own:
        run(own)
    engine.dispose()
