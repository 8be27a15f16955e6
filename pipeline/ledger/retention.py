"""Deleting the ledger's old rows. The hourly sums stay, so every figure of /v1/analytics stays too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import Engine, delete, select

from pipeline import ids
from pipeline.errors import StoreUnavailable
from pipeline.storage.engine import writing
from pipeline.storage.tables import LedgerCall, LedgerHits, LedgerRequest

log = logging.getLogger(__name__)

Table = type[LedgerRequest | LedgerHits | LedgerCall]
TABLES: tuple[Table, ...] = (LedgerRequest, LedgerHits, LedgerCall)
BATCH = 2000
DAY_S = 86_400


def delete_older_than(
    engine: Engine,
    days: float,
    *,
    now: Callable[[], float] = ids.unix_now,
    batch: int = BATCH,
    stop: threading.Event | None = None,
) -> int:
    """Deletes the rows of requests, hits and calls that are older than `days` days and says how many there were.

    Each batch is a transaction of its own, so that the ledger's writer never waits long for it, and a kill in the
    middle costs nothing; `stop` ends it after a batch. Raises errors.StoreUnavailable when the database is down.
    """
    before = now() - days * DAY_S
    return sum(_delete(engine, table, before, batch, stop) for table in TABLES)


def keep(engine: Engine, days: float, stop: threading.Event, every_s: float = 3600.0) -> None:
    """Delete what is too old now and each `every_s` seconds, until `stop`. An outage only means: the next time."""
    while not stop.is_set():
        try:
            deleted = delete_older_than(engine, days, stop=stop)
            if deleted:
                log.info("ledger_rows_deleted rows=%d days=%g", deleted, days)
        except StoreUnavailable as error:
            log.warning("retention_postponed reason=%s", error.message)
        stop.wait(every_s)


def _delete(engine: Engine, table: Table, before: float, batch: int, stop: threading.Event | None) -> int:
    oldest = select(table.id).where(table.at < before).order_by(table.at).limit(batch)
    total = 0
    while stop is None or not stop.is_set():
        with writing(engine) as connection:
            deleted = connection.execute(delete(table).where(table.id.in_(oldest))).rowcount
        total += deleted
        if deleted < batch:
            break
    return total
