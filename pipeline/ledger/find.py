"""Finding one request in the ledger by the id that its caller was told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, select

from pipeline.ledger.events import HitsEvent, RequestEvent
from pipeline.ledger.hits import nth, place_of
from pipeline.storage.engine import reading
from pipeline.storage.tables import LedgerHits, LedgerRequest

_FIELDS = RequestEvent.__struct_fields__


def find_request(engine: Engine, request_id: str) -> RequestEvent | None:
    """The request with this id, whether it has a row of its own or is a hit among others; None when there is none.

    It may be any tenant's. Raises errors.StoreUnavailable when the database is down.
    """
    if not request_id.isprintable():
        return None  # no id is written like this, and PostgreSQL takes no NUL
    with reading(engine) as connection:
        row = _row(connection, LedgerRequest, request_id)
        return _event(row) if row else _find_hit(connection, request_id)


def _find_hit(connection: Connection, request_id: str) -> RequestEvent | None:
    place = place_of(request_id)
    row = _row(connection, LedgerHits, place[0]) if place else None
    return nth(HitsEvent(first=_event(row), marks=row["marks"]), place[1]) if place and row else None


def _row(connection: Connection, table: Any, row_id: str) -> RowMapping | None:
    return connection.execute(select(table.__table__).where(table.id == row_id)).mappings().first()


def _event(row: RowMapping) -> RequestEvent:
    return RequestEvent(**{name: row[name] for name in _FIELDS})
