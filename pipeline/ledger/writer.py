"""The one process that carries the ledger from Redis into SQL.

An entry is deleted from the stream after its transaction is committed. A writer that is killed in between leaves it
there, the next one reads it again, and SQL knows its id already: nothing is lost and nothing counts twice.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline import errors, ids
from pipeline.ledger.events import Event, decode
from pipeline.ledger.insert import insert_events
from pipeline.ledger.lease import Lease
from pipeline.ledger.stream import DEAD_STREAM, STREAM

log = logging.getLogger(__name__)

BLOCK_MS = 500
REST_S = 0.25
READ_BYTES = 2 * 2**20
FIRST_READ = 64
STANDBY_POLL_S = 0.5
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 2.0
MAX_DEAD = 10_000

Fields = dict[bytes, bytes]
StreamEntry = tuple[bytes, Fields]


class LedgerWriter:
    """Drains the stream `leo:ledger` into SQL, up to `batch` entries per transaction.

    When it has caught up it rests for `rest_s` seconds: a transaction costs as much as some hundred entries, so under
    a light load there are a few in a second, each with all that has come meanwhile. An entry may stand for one request
    or for thousands of hits: a backlog is read in pieces of about `read_bytes`, so that memory holds a few at a time.
    `client` must answer in bytes (decode_responses off, the default).
    """

    def __init__(
        self,
        client: redis.Redis,
        engine: Engine,
        batch: int = 1000,
        holder: str | None = None,
        rest_s: float = REST_S,
        read_bytes: int = READ_BYTES,
    ) -> None:
        self._redis = client
        self._engine = engine
        self._batch = batch
        self._rest_s = rest_s
        self._read_bytes = read_bytes
        self._count = min(batch, FIRST_READ)  # how many entries the next read asks for
        self._caught_up = True
        self._lease = Lease(client, holder or ids.process_id("ledger"))
        self._state = ""

    def run(self, stop: threading.Event) -> None:
        """Writes for as long as it holds the lease, and waits for it otherwise, until `stop` is set.

        Outages of Redis or SQL are waited out; each change is one line in the log.
        """
        retry_s = FIRST_RETRY_S
        while not stop.is_set():
            try:
                self._step(stop)
                retry_s = FIRST_RETRY_S
            except (redis.RedisError, errors.StoreUnavailable, SQLAlchemyError, OSError) as error:
                self._enter(f"waiting for {_who(error)}", logging.WARNING, detail=f" ({type(error).__name__})")
                stop.wait(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)
        self._lease.release()

    def drain_once(self, block_ms: int) -> int:
        """Carries over the oldest entries and returns how many it took from the stream.

        Waits up to `block_ms` milliseconds for the first one (0: not at all). Raises redis.RedisError or
        errors.StoreUnavailable in an outage; the entries are then still in the stream.
        """
        entries = self._oldest()
        if not entries and block_ms > 0:
            self._redis.xread({STREAM: "0"}, count=1, block=block_ms)
            entries = self._oldest()
        if not entries:
            return 0
        self._bury(self._carry_over(entries))
        self._redis.xdel(STREAM, *(entry_id for entry_id, _ in entries))
        return len(entries)

    def _carry_over(self, entries: list[StreamEntry]) -> list[Fields]:
        """Commits the entries to SQL and returns the dead letters of those that cannot be."""
        dead: list[Fields] = []
        events: list[Event] = []
        sources: list[StreamEntry] = []  # of each event
        for entry in entries:
            try:
                events.append(_decode(entry[1]))
                sources.append(entry)
            except ValueError as error:
                dead.append(_dead_letter(entry, str(error)))

        def refused(event: Event, why: str) -> None:
            source = next(source for source, other in zip(sources, events, strict=True) if other is event)
            dead.append(_dead_letter(source, why))

        insert_events(self._engine, events, refused)
        return dead

    def _step(self, stop: threading.Event) -> None:
        if not self._lease.hold():
            self._enter("standing by: another process writes")
            stop.wait(STANDBY_POLL_S)
            return
        if not self._state.startswith("waiting"):
            self._enter("writing")
        taken = self.drain_once(self._patience_ms())
        self._enter("writing")
        if taken and self._caught_up:
            stop.wait(self._rest_s)

    def _patience_ms(self) -> int:
        # A client that gives up sooner than the server answers would take every quiet moment for an outage.
        timeout_s = self._redis.get_connection_kwargs().get("socket_timeout")
        return BLOCK_MS if timeout_s is None else max(1, min(BLOCK_MS, int(timeout_s * 500)))

    def _oldest(self) -> list[StreamEntry]:
        # XRANGE rather than XREAD: its answer has the same shape in both versions of the protocol.
        found: Any = self._redis.xrange(STREAM, count=self._count)
        self._caught_up = len(found) < self._count
        if not found:
            return []
        size = sum(len(fields.get(b"d", b"")) for _, fields in found)
        self._count = max(1, min(self._batch, 2 * self._count, len(found) * self._read_bytes // max(1, size)))
        return list(found)

    def _bury(self, letters: list[Fields]) -> None:
        """Keeps what cannot be written for a person to look at. Killed here, it may be kept twice, never lost."""
        if not letters:
            return
        with self._redis.pipeline(transaction=False) as pipeline:
            for letter in letters:
                pipeline.xadd(DEAD_STREAM, letter, maxlen=MAX_DEAD, approximate=False)  # type: ignore[arg-type]
            pipeline.execute()
        log.error("%d ledger entries cannot be written and are now in %s", len(letters), DEAD_STREAM)

    def _enter(self, state: str, level: int = logging.INFO, detail: str = "") -> None:
        if state != self._state:
            log.log(level, "ledger writer is %s%s", state, detail)
        self._state = state


def _decode(fields: Fields) -> Event:
    return decode(fields.get(b"k", b"").decode("utf-8", "replace"), fields.get(b"d", b""))


def _dead_letter(entry: StreamEntry, reason: str) -> Fields:
    entry_id, fields = entry
    return {**fields, b"id": entry_id, b"reason": reason[:500].encode()}


def _who(error: Exception) -> str:
    return "Redis" if isinstance(error, redis.RedisError) else "the database"
