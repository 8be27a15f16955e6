"""The ledger's statements, built once, and run by the database's driver without SQLAlchemy in between.

The writer runs a handful of statements again and again with thousands of rows. What SQLAlchemy does for each row and
each execution cost more than the database's own work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.sql.expression import ClauseElement

_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}


class Statement(NamedTuple):
    """SQL as the driver takes it, and what its parameters are called, in their order."""

    text: str
    names: tuple[str, ...]

    def run_many(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Once for each row."""
        if rows:
            connection.exec_driver_sql(self.text, list(rows))

    def ids(self, connection: Connection, parameter: str) -> list[str]:
        """The first column of what it finds or returns."""
        return list(connection.exec_driver_sql(self.text, (parameter,)).scalars())


def build(database: str, statement: ClauseElement, columns: Sequence[str] | None = None) -> Statement:
    """`database` is "sqlite" or "postgresql"; `columns` are those that an insert without values is given."""
    compiled: Any = statement.compile(dialect=_DIALECTS[database], column_keys=columns)
    return Statement(str(compiled), tuple(compiled.positiontup))
