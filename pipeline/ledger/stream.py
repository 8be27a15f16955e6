"""The ledger's way from the hot path to its writer: one Redis stream.

Schema of the stream `leo:ledger`, one entry per event:

    k   "r" for a RequestEvent, "c" for a CallEvent, "h" for a HitsEvent
    d   the event as JSON (pipeline.ledger.events)

The writer deletes an entry when it is committed to SQL, so the stream's length is the backlog. An entry that it
cannot read goes to `leo:ledger:dead` with the fields `k`, `d`, `id` (the entry's id in the first stream) and `reason`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import redis

from pipeline import errors
from pipeline.ledger.events import Entry, Event, encode

log = logging.getLogger(__name__)

STREAM = "leo:ledger"
DEAD_STREAM = "leo:ledger:dead"

# KEYS[1] the stream; ARGV[1] the bound; then k and d of each event in turn. Answers 1, or 0 when the stream is full
# and nothing was added. The length is compared before the batch: a batch may overshoot the bound by its own length.
_APPEND = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV, 2 do redis.call('XADD', KEYS[1], '*', 'k', ARGV[i], 'd', ARGV[i + 1]) end
return 1
"""
# A script may take some thousand arguments at most.
_AT_ONCE = 500

RETRY_S = 0.5
CLOSE_TIMEOUT_S = 10.0

Done = Callable[[bool], object]


class LedgerStream:
    """Appends events. `max_backlog` is the most entries that may wait for the writer.

    Raises redis.RedisError when Redis is in trouble and errors.Overloaded when the backlog is full. A caller that
    does not know whether an append went through repeats it: the writer counts an event once.
    """

    def __init__(self, client: redis.Redis, max_backlog: int) -> None:
        self._redis = client
        self._max_backlog = max_backlog
        self._append = client.register_script(_APPEND)

    def append(self, event: Event) -> None:
        """Adds one event; when this returns, Redis has it."""
        self.append_many([event])

    def append_many(self, events: Sequence[Event]) -> None:
        """Adds events in order, in one round trip per 500."""
        self.append_encoded([encode(event) for event in events])

    def append_encoded(self, entries: Sequence[Entry]) -> None:
        """Adds events that `events.encode` has made into entries."""
        for start in range(0, len(entries), _AT_ONCE):
            arguments = [part for entry in entries[start : start + _AT_ONCE] for part in (entry["k"], entry["d"])]
            if not self._append(keys=[STREAM], args=[self._max_backlog, *arguments]):
                raise errors.Overloaded("The ledger has more entries waiting than it may keep.")

    def backlog(self) -> int:
        """How many entries wait for the writer."""
        length: Any = self._redis.xlen(STREAM)
        return int(length)

    def append_to(self, pipe: Any, entry: Entry) -> None:
        """Puts the append of one entry into a Redis pipeline; its reply is 1, or 0 when the backlog was full.

        As text, not by its digest: a pipeline goes on after a script that Redis does not know.
        """
        pipe.eval(_APPEND, 1, STREAM, self._max_backlog, entry["k"], entry["d"])


class _Parcel:
    """Entries that are sent together, how many events they stand for, and who waits to hear of them."""

    __slots__ = ("done", "entries", "weight")

    def __init__(self, entries: Sequence[Entry], weight: int, done: Done | None = None) -> None:
        self.entries = entries
        self.weight = weight
        self.done = done


class BufferedLedger:
    """Collects events in memory and appends them from a thread of its own every `flush_interval` seconds.

    At most about `max_buffer` events are kept while Redis is not answering (or the backlog is full); further ones are
    dropped and counted in `dropped`. Events that are still in memory when the process is killed are lost: what must
    not be lost, such as a call that costs money, goes through `commit` or LedgerStream.append instead.
    """

    def __init__(self, stream: LedgerStream, flush_interval: float = 0.05, max_buffer: int = 10_000) -> None:
        self._stream = stream
        self._interval = flush_interval
        self._max_buffer = max_buffer
        self._waiting: deque[_Parcel] = deque()
        self._weight = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._in_trouble = False
        self._dropping = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="ledger-buffer", daemon=True)
        self._thread.start()

    def add(self, event: Event) -> None:
        """Takes an event. Never waits for Redis and never raises."""
        entry = self._encoded(event)
        if entry:
            self._put(_Parcel([entry], 1))

    def add_entries(self, entries: Sequence[Entry], weight: int) -> None:
        """Takes entries that stand for `weight` events, as of HitBook.flush. Never waits for Redis and never raises.

        They are kept or dropped as one: the buffer may overshoot its bound by their weight.
        """
        if entries:
            self._put(_Parcel(entries, weight))

    def commit(self, event: Event, done: Done) -> None:
        """Takes an event that shall be in Redis before something else happens; sent at once, with all that wait.

        `done(True)` says that Redis has it. `done(False)` says that the first try failed: then the event is kept and
        tried again, or dropped if there is no room. Whoever flushes calls it, as a rule the buffer's own thread (a
        dropped event: the caller), so it must be quick. Never waits for Redis and never raises.
        """
        entry = self._encoded(event)
        if entry is None or not self._put(_Parcel([entry], 1, done)):
            _tell(done, False)
            return
        self._wake.set()
        if self._closed:
            self.flush()

    @property
    def waiting(self) -> int:
        """Events that are in memory and not in Redis yet."""
        return self._weight

    def flush(self) -> bool:
        """Appends what is waiting now; False when Redis did not take all of it, which is then kept."""
        with self._flushing:
            while parcels := self._oldest():
                if not self._append([entry for parcel in parcels for entry in parcel.entries]):
                    self._tell_of_failure()
                    return False
                self._remove(parcels)
                for parcel in parcels:
                    _tell(parcel.done, True)
        return True

    def close(self) -> None:
        """Stops the thread and makes a last attempt to append what is waiting. Returns within some seconds."""
        self._closed = True
        self._wake.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        if not self.flush():
            log.error("ledger closed with %d events that Redis did not take", self.waiting)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(RETRY_S if self._in_trouble else self._interval)
            self._wake.clear()
            self.flush()

    def _encoded(self, event: Event) -> Entry | None:
        try:
            return encode(event)
        except (ValueError, TypeError, OverflowError) as error:
            with self._lock:
                self.dropped += 1
            log.error("ledger event %s cannot be written as JSON and is dropped: %s", event.id, error)
            return None

    def _put(self, parcel: _Parcel) -> bool:
        with self._lock:
            if self._weight < self._max_buffer:
                self._waiting.append(parcel)
                self._weight += parcel.weight
                return True
            self.dropped += parcel.weight
            first, self._dropping = not self._dropping, True
        if first:
            log.error("ledger buffer is full (%d events): dropping events until it drains", self._max_buffer)
        return False

    def _oldest(self) -> list[_Parcel]:
        """What goes into the next round trip: it stays in the buffer until Redis has it."""
        found: list[_Parcel] = []
        entries = 0
        with self._lock:
            for parcel in self._waiting:
                entries += len(parcel.entries)
                if found and entries > _AT_ONCE:
                    break
                found.append(parcel)
        return found

    def _remove(self, parcels: Sequence[_Parcel]) -> None:
        with self._lock:
            for parcel in parcels:
                self._waiting.popleft()
                self._weight -= parcel.weight
            self._dropping = False

    def _tell_of_failure(self) -> None:
        """All who wait hear of it, those too whose events were not in this try: the next one comes much later."""
        with self._lock:
            failed = [parcel.done for parcel in self._waiting if parcel.done]
            for parcel in self._waiting:
                parcel.done = None
        for done in failed:
            _tell(done, False)

    def _append(self, batch: list[Entry]) -> bool:
        try:
            self._stream.append_encoded(batch)
        except (redis.RedisError, errors.Overloaded, OSError) as error:
            if not self._in_trouble:
                log.warning("ledger cannot be written to Redis; events are kept and tried again: %s", type(error).__name__)
            self._in_trouble = True
            return False
        if self._in_trouble:
            log.info("ledger is written to Redis again")
        self._in_trouble = False
        return True


def _tell(done: Done | None, taken: bool) -> None:
    if done is None:
        return
    try:
        done(taken)
    except Exception:  # whatever one caller does, the ledger of all others goes on
        log.exception("who waited for a ledger event failed when it was told")
