"""Events as rows of their tables, each once: which of them are new is found out in the same transaction.

SQLite lets one transaction write at a time, so it may look first and insert then, row by row, which its driver does
fastest. PostgreSQL lets several, and each row from the driver costs a message: it gets all of them as one JSON text,
and says which it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, LargeBinary, Text, bindparam, cast, column, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.ledger.events import CallEvent, HitsEvent, RequestEvent
from pipeline.ledger.sql import Statement, build
from pipeline.storage.tables import LedgerCall, LedgerHits, LedgerRequest

Table = type[LedgerRequest | LedgerCall | LedgerHits]


class HitsRow(RequestEvent, frozen=True, kw_only=True):
    """A HitsEvent as a row of `ledger_hits`."""

    hits: int
    marks: bytes


Row = RequestEvent | CallEvent | HitsRow


def hits_row(event: HitsEvent) -> HitsRow:
    return HitsRow(**msgspec.structs.asdict(event.first), hits=event.hits, marks=event.marks)


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> list[str]:
    """Inserts those rows that are not there yet, and returns their ids. The ids must differ."""
    if not rows:
        return []
    if connection.dialect.name == "sqlite":
        return _look_and_insert(connection, table, rows)
    return _insert_as_json(table).ids(connection, msgspec.json.encode(rows).decode())


def _look_and_insert(connection: Connection, table: Table, rows: Sequence[Row]) -> list[str]:
    known = set(_known(table).ids(connection, msgspec.json.encode([row.id for row in rows]).decode()))
    new = [row for row in rows if row.id not in known] if known else rows
    insert = _insert(table)
    insert.run_many(connection, list(map(attrgetter(*insert.names), new)))
    return [row.id for row in new]


@cache
def _known(table: Table) -> Statement:
    """One statement for any number of ids: SQLite's driver keeps each other text of a statement in memory."""
    ids = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
    return build("sqlite", select(table.id).where(table.id.in_(select(ids.c.value))))


@cache
def _insert(table: Table) -> Statement:
    return build("sqlite", sqlite.insert(table), [column.name for column in table.__table__.columns])


@cache
def _insert_as_json(table: Table) -> Statement:
    columns = table.__table__.columns
    typed: list[Any] = [column(each.name, Text() if _is_bytes(each) else each.type) for each in columns]
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(*typed).render_derived(with_types=True)
    base64: ColumnElement[str] = literal_column("'base64'")
    values = [func.decode(rows.c[each.name], base64) if _is_bytes(each) else rows.c[each.name] for each in columns]
    insert = postgresql.insert(table).from_select([each.name for each in columns], select(*values))
    return build("postgresql", insert.on_conflict_do_nothing().returning(table.id))


def _is_bytes(found: Any) -> bool:
    """JSON holds bytes as Base64."""
    return isinstance(found.type, LargeBinary)
