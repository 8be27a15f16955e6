"""A batch of ledger events into SQL: each one once, and the sums with them, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

from pipeline.ledger import rollups
from pipeline.ledger.events import CallEvent, Event, RequestEvent
from pipeline.storage.engine import writing
from pipeline.storage.tables import LedgerCall, LedgerRequest
from pipeline.storage.upsert import insert_into

E = TypeVar("E", RequestEvent, CallEvent)

# PostgreSQL cannot index a row of more than 2.7 kB: the key of a sum holds two texts of at most four bytes a character.
MAX_TEXT = 300

# What a row is refused with for what is in it. Everything else is trouble with the database, and will be tried again.
REFUSALS = (DataError, IntegrityError, OverflowError)


def insert_events(engine: Engine, events: Sequence[Event], refused: Callable[[Event, str], None]) -> int:
    """Inserts events that are not there yet, adds exactly these to the sums, and says how many there were.

    An event that the database refuses for what is in it is handed to `refused` with the reason, and the others go in.
    Raises errors.StoreUnavailable when the database is down; then none of them is in it.
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
    # Always requests, calls and sums in this order, and each sorted: two writers at once then never wait in a circle.
    requests = _insert_new(connection, LedgerRequest, (event for event in events if isinstance(event, RequestEvent)))
    calls = _insert_new(connection, LedgerCall, (event for event in events if isinstance(event, CallEvent)))
    rollups.add(connection, rollups.aggregate(requests, calls))
    return len(requests) + len(calls)


def _insert_new(connection: Connection, table: type[LedgerRequest | LedgerCall], events: Iterable[E]) -> list[E]:
    """The events that were not there before; they are now. Of several with one id the first counts."""
    by_id: dict[str, E] = {}
    for event in map(_clean, events):
        by_id.setdefault(event.id, event)
    if not by_id:
        return []
    rows: list[Mapping[str, Any]] = [msgspec.structs.asdict(by_id[event_id]) for event_id in sorted(by_id)]
    statement = insert_into(connection, table).on_conflict_do_nothing().returning(table.id)
    return [by_id[event_id] for event_id in connection.execute(statement, rows).scalars()]


def _clean(event: E) -> E:
    """The event with texts that both databases take: PostgreSQL knows no NUL character."""
    texts = {name: value for name, value in msgspec.structs.asdict(event).items() if isinstance(value, str)}
    cleaned = {name: value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAX_TEXT] for name, value in texts.items()}
    changed = {name: value for name, value in cleaned.items() if value != texts[name]}
    return msgspec.structs.replace(event, **changed) if changed else event
