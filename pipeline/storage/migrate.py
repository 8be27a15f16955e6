"""Bringing the database to the shape that this program needs. Runs at every start, so it is quick when nothing is to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from pipeline.storage.engine import create_engine, reading, writing

# The newest migration. It stands here so that a start with nothing to do need not import Alembic and read all the
# migrations; a test compares it with the folder.
HEAD = "0006"

# Who starts at the same time waits for the first one, and not for ever.
WAIT_S = 60
_ADVISORY_LOCK = 0x1E0_0717A

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaError(Exception):
    """The database has a shape that this program does not know: a newer version of it was here."""


def current_revision(target: str | Engine) -> str | None:
    """The revision that the database is at; None when it was never migrated.

    `target` is a database URL or an engine. Raises errors.StoreUnavailable when the database is down.
    """
    with _engine(target) as engine, reading(engine) as connection:
        return _revision(connection)


def is_current(target: str | Engine) -> bool:
    """Whether the database is at the revision that this program needs. Raises as `current_revision` does."""
    return current_revision(target) == HEAD


def upgrade(url: str) -> bool:
    """Brings the database to HEAD and says whether there was anything to do.

    Any number of processes may do this at once: one migrates, in one transaction, and the others wait for it.
    Raises errors.StoreUnavailable when the database is down, SchemaError when it is newer than this program.
    """
    with _engine(url) as engine:
        if is_current(engine):
            return False
        with writing(engine, wait_s=WAIT_S) as connection:
            if connection.dialect.name == "postgresql":
                # BEGIN IMMEDIATE has locked an SQLite file already. The lock goes with the end of the transaction.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            if _revision(connection) == HEAD:
                return False
            _migrate(connection)
    return True


@contextmanager
def _engine(target: str | Engine) -> Iterator[Engine]:
    if isinstance(target, Engine):
        yield target
        return
    engine = create_engine(target)
    try:
        yield engine
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    # Alembic keeps its options in a ConfigParser, to which a percent sign in a path is the start of a variable.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        found = _revision(connection)
        raise SchemaError(f"the database is at revision {found!r}, which this version does not know: {error}") from error
