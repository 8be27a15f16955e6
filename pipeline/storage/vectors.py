"""The vectors of stored answers once more, in pgvector's type: a table that is there on PostgreSQL with that extension only.

It is a table of its own, since each hit updates the row of its answer, and PostgreSQL then writes that row into its indexes
again, of which one by HNSW costs milliseconds. Whatever removes an answer, by whatever way, removes its row here as well: a
foreign key sees to that. What counts is `semantic_entries.vector`, which is sealed; this is derived from it.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, column, delete, table, text
from sqlalchemy.exc import DBAPIError

TABLE = "semantic_vectors"
ROWS = table(TABLE, column("seq"), column("embedder"))  # what is asked of it elsewhere
OLDEST = (0, 8)  # pgvector of before drops what a filter leaves of a search that has ended already
MOST_DIMENSIONS = 16_000  # of pgvector's type
_ADVISORY_LOCK = 0x1E0_5EC7

_IS_THERE = text(
    f"SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('{TABLE}')"  # noqa: S608
    " AND attname = 'embedding' AND NOT attisdropped)"
)
_CREATE = (
    f"DROP TABLE IF EXISTS {TABLE}",  # one that lost its vectors to DROP EXTENSION vector CASCADE
    f"""CREATE TABLE {TABLE} (
        seq bigint PRIMARY KEY REFERENCES semantic_entries (seq) ON DELETE CASCADE,
        partition text NOT NULL,
        embedder text NOT NULL,
        dimensions integer NOT NULL,
        embedding halfvec NOT NULL
    )""",
    # Vectors from 1,000 numbers on would be moved out of the row, which makes an exact search several times slower.
    f"ALTER TABLE {TABLE} ALTER COLUMN embedding SET STORAGE MAIN",
    f"CREATE INDEX ix_{TABLE}_partition_embedder ON {TABLE} (partition, embedder)",
)
_WRITE = text(
    f"""INSERT INTO {TABLE} (seq, partition, embedder, dimensions, embedding)
        VALUES (:seq, :partition, :embedder, :dimensions, CAST(:embedding AS halfvec))
        ON CONFLICT (seq) DO UPDATE SET partition = excluded.partition, embedder = excluded.embedder,
            dimensions = excluded.dimensions, embedding = excluded.embedding"""  # noqa: S608
)


class Stored(NamedTuple):
    """A vector as `semantic_entries` has it: little-endian floats of half precision."""

    seq: int
    partition: str
    embedder: str
    vector: bytes


def is_there(connection: Connection) -> bool:
    """Whether there is the table, with its vectors. False on SQLite."""
    return connection.dialect.name == "postgresql" and bool(connection.execute(_IS_THERE).scalar())


def create(connection: Connection) -> str | None:
    """Make the extension and the table where they are not there and can be made; why searching by pgvector is not possible, in
    words for an operator, or None. Any number of processes may do this at once.
    """
    if connection.dialect.name != "postgresql":
        return "pgvector is an extension of PostgreSQL, and LEO_DATABASE_URL is SQLite"
    if not is_there(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    return _why_no_extension(connection) or _why_no_table(connection)


def write(connection: Connection, rows: Sequence[Stored]) -> None:
    """Add vectors, or replace them; without the table nothing is done. Bytes that are no vector are left out."""
    if not rows or not is_there(connection):
        return
    values = [
        {
            "seq": row.seq,
            "partition": row.partition,
            "embedder": row.embedder,
            "dimensions": len(row.vector) // 2,
            "embedding": written,
        }
        for row in rows
        if (written := _written(row.vector))
    ]
    if values:
        connection.execute(_WRITE, values)


def remove(connection: Connection, seqs: Sequence[int]) -> None:
    """Take vectors out whose answers stay; those of answers that go do so by themselves. Without the table nothing is done."""
    if seqs and is_there(connection):
        connection.execute(delete(ROWS).where(ROWS.c.seq.in_(seqs)))


def of_the_models(name: str | None, kind: str, parents: object) -> bool:
    """What Alembic compares with the models (its `include_name`): this table is none of them, since it is not always there."""
    return kind != "table" or name != TABLE


def literal(numbers: Sequence[float]) -> str:
    """A vector in the words of pgvector. Numbers of half precision come back as they were."""
    return "[" + ",".join([f"{number:.5g}" for number in numbers]) + "]"


def _written(vector: bytes) -> str | None:
    if not vector or len(vector) % 2 or len(vector) > 2 * MOST_DIMENSIONS:
        return None
    numbers = struct.unpack(f"<{len(vector) // 2}e", vector)
    return literal(numbers) if all(map(math.isfinite, numbers)) else None


def _why_no_extension(connection: Connection) -> str | None:
    found = _version(connection)
    if found is None:
        if not connection.execute(text("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')")).scalar():
            return (
                "the PostgreSQL server has no pgvector: install it (Debian: postgresql-NN-pgvector; Docker: pgvector/pgvector)"
                " and start the workers again"
            )
        try:
            with connection.begin_nested():
                connection.execute(text("CREATE EXTENSION vector"))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return (
                f"the role of LEO_DATABASE_URL could not make the extension ({type(error.orig).__name__}): run CREATE EXTENSION"
                " vector in its database as a superuser, and start the workers again"
            )
        found = _version(connection)
    if found is None or tuple(map(int, re.findall(r"\d+", found)[:2])) < OLDEST:
        return f"pgvector {found} is too old: install 0.8 or newer, and run ALTER EXTENSION vector UPDATE"
    if not connection.execute(text("SELECT to_regtype('halfvec') IS NOT NULL")).scalar():
        return "pgvector is in a schema that is not in the search_path of the role of LEO_DATABASE_URL: add it there"
    return None


def _version(connection: Connection) -> str | None:
    return connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar()


def _why_no_table(connection: Connection) -> str | None:
    if is_there(connection):
        return None
    try:
        with connection.begin_nested():
            for statement in _CREATE:
                connection.execute(text(statement))
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return f"the role of LEO_DATABASE_URL could not make the table {TABLE} ({type(error.orig).__name__})"
    return None
