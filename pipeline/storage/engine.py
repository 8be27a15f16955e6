"""How the gateway connects to its SQL database, and what it says when the database is down."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline import errors

BUSY_TIMEOUT_MS = 5000
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
POOL_SIZE = 5

# The execution option by which a transaction says that it is going to write.
_WRITES = "leo_writes"


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL of a database setting: `sqlite:///path`, `postgresql://..` or `postgres://..`.

    PostgreSQL is always spoken to through psycopg 3. Raises ValueError, without repeating the URL (it may hold
    a password), when it cannot be read or names another database.
    """
    try:
        parsed = make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise ValueError("the database URL cannot be read: it looks like sqlite:///path or postgresql://user@host/name") from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("an SQLite database must be a file: several processes use it")
        return parsed.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"the database must be SQLite or PostgreSQL, not {backend!r}")


def create_engine(url: str) -> Engine:
    """An engine for `url`; nothing is connected to yet.

    SQLite: the parent folder is made for its owner alone. PostgreSQL: at most five connections per process, five
    seconds to connect, ten seconds per statement. Raises ValueError for a URL that `parse_url` refuses.
    """
    parsed = parse_url(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turns "the database cannot be reached" into errors.StoreUnavailable; also works as a decorator.

    The message says neither where the database is nor who logs in. Other errors, such as a broken constraint or
    wrong SQL, pass through unchanged: they are ours, and a caller that came back later would not be helped.
    """
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        # SQLite's driver calls a missing table an operational error as well; that one is a mistake, not an outage.
        if getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            raise
        raise errors.StoreUnavailable("The database is not answering; try again in a moment.") from error


# SQLite's driver keeps the last statements prepared, and an insert of many rows at once is another statement for each
# number of rows: with the defaults (128 statements, 1000 rows) a process that inserts batches grew to 240 MB.
CACHED_STATEMENTS = 32
ROWS_A_STATEMENT = 100


def _sqlite(url: URL) -> Engine:
    Path(url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": CACHED_STATEMENTS},
        insertmanyvalues_page_size=ROWS_A_STATEMENT,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Python's own driver would begin a transaction only before the first write; we begin it ourselves (below).
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, whatever the busy timeout, when somebody wrote
    # in between. Whoever means to write says so with the execution option, and waits for its turn here.
    immediate = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def writing(engine: Engine, wait_s: float | None = None) -> Iterator[Connection]:
    """A transaction that is going to write: committed at the end, rolled back when the body raises.

    `wait_s` is how long it may wait for others that hold a lock, and on PostgreSQL how long one statement may take;
    by default the engine's own limits. Raises errors.StoreUnavailable when the database cannot be reached or the
    wait is over.
    """
    with storage_errors(), engine.connect() as plain:
        connection = plain.execution_options(**{_WRITES: True})
        with _patience(connection, wait_s), connection.begin():
            if wait_s is not None and connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(wait_s * 1000)}")
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, one consistent picture. Raises errors.StoreUnavailable as `writing` does."""
    with storage_errors(), engine.connect() as connection:
        yield connection


@contextmanager
def _patience(connection: Connection, wait_s: float | None) -> Iterator[None]:
    """Sets SQLite's busy timeout, which belongs to the connection and not to the transaction, and sets it back."""
    if wait_s is None or connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout={int(wait_s * 1000)}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _postgres(url: URL) -> Engine:
    return sqlalchemy.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=utc",
            "application_name": "leo-optima",
        },
    )
