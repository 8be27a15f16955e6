"""A batch of ledger events into SQL: each one once, and the sums with them, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from pipeline.ledger import rollups
from pipeline.ledger.events import CallEvent, Event, HitsEvent, RequestEvent
from pipeline.ledger.rows import Row, Table, hits_row, insert_new
from pipeline.storage.engine import writing
from pipeline.storage.tables import LedgerCall, LedgerHits, LedgerRequest

E = TypeVar("E", RequestEvent, CallEvent, HitsEvent)

# What a row is refused with for what is in it. Everything else is trouble with the database, and will be tried again.
REFUSALS = (DataError, IntegrityError, OverflowError)


def insert_events(engine: Engine, events: Sequence[Event], refused: Callable[[Event, str], None]) -> int:
    """Inserts events that are not there yet, adds exactly these to the sums, and says how many there were.

    Their texts must be such as `events.decode` leaves them. An event that the database refuses for what is in it is
    handed to `refused` with the reason, and the others go in. Raises errors.StoreUnavailable when the database is
    down; then none of them is in it.
    """
    if not events:
        return 0
    try:
        with writing(engine) as connection:
            return _insert(connection, events)
    except REFUSALS as error:
        if len(events) == 1:
            refused(events[0], str(getattr(error, "orig", None) or error))
            return 0
    half = len(events) // 2
    return insert_events(engine, events[:half], refused) + insert_events(engine, events[half:], refused)


def _insert(connection: Connection, events: Sequence[Event]) -> int:
    # Always in this order, and each sorted: two writers at once then never wait in a circle.
    requests = _new(connection, LedgerRequest, [event for event in events if isinstance(event, RequestEvent)])
    hits = _new(connection, LedgerHits, [event for event in events if isinstance(event, HitsEvent)], hits_row)
    calls = _new(connection, LedgerCall, [event for event in events if isinstance(event, CallEvent)])
    rollups.add(connection, rollups.aggregate(requests, calls, hits))
    return len(requests) + len(hits) + len(calls)


def _new(connection: Connection, table: Table, events: Sequence[E], row_of: Callable[[E], Row] | None = None) -> list[E]:
    """The events that were not there before; they are now. Of several with one id the first counts."""
    by_id = {event.id: event for event in reversed(events)}
    found = [by_id[event_id] for event_id in sorted(by_id)]
    rows: Sequence[Row] = [row_of(event) for event in found] if row_of else found  # type: ignore[assignment]
    return [by_id[event_id] for event_id in insert_new(connection, table, rows)]
