"""Deleting the ledger's old rows. The hourly sums stay, so every figure of /v1/analytics stays too."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Engine, delete, select

from pipeline import ids
from pipeline.storage.engine import writing
from pipeline.storage.tables import LedgerCall, LedgerRequest

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
    """Deletes requests and calls that are older than `days` days and says how many there were.

    Each batch is a transaction of its own, so that the ledger's writer never waits long for it, and a kill in the
    middle costs nothing; `stop` ends it after a batch. Raises errors.StoreUnavailable when the database is down.
    """
    before = now() - days * DAY_S
    return sum(_delete(engine, table, before, batch, stop) for table in (LedgerRequest, LedgerCall))


def _delete(
    engine: Engine, table: type[LedgerRequest | LedgerCall], before: float, batch: int, stop: threading.Event | None
) -> int:
    oldest = select(table.id).where(table.at < before).order_by(table.at).limit(batch)
    total = 0
    while stop is None or not stop.is_set():
        with writing(engine) as connection:
            deleted = connection.execute(delete(table).where(table.id.in_(oldest))).rowcount
        total += deleted
        if deleted < batch:
            break
    return total
