"""The ledger's way from the hot path to its writer: one Redis stream.

Schema of the stream `leo:ledger`, one entry per event:

    k   "r" for a RequestEvent, "c" for a CallEvent
    d   the event as JSON (pipeline.ledger.events)

The writer deletes an entry when it is committed to SQL, so the stream's length is the backlog. An entry that it
cannot read goes to `leo:ledger:dead` with the fields `k`, `d`, `id` (the entry's id in the first stream) and `reason`.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice
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


class BufferedLedger:
    """Collects events in memory and appends them from a thread of its own every `flush_interval` seconds.

    At most `max_buffer` events are kept while Redis is not answering (or the backlog is full); further ones are
    dropped and counted in `dropped`. Events that are still in memory when the process is killed are lost: what must
    not be lost, such as a call that costs money, goes through LedgerStream.append instead.
    """

    def __init__(self, stream: LedgerStream, flush_interval: float = 0.05, max_buffer: int = 10_000) -> None:
        self._stream = stream
        self._interval = flush_interval
        self._max_buffer = max_buffer
        self._waiting: deque[Entry] = deque()
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._in_trouble = False
        self._dropping = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="ledger-buffer", daemon=True)
        self._thread.start()

    def add(self, event: Event) -> None:
        """Takes an event. Never waits for Redis and never raises."""
        try:
            entry = encode(event)
        except (ValueError, TypeError, OverflowError) as error:
            with self._lock:
                self.dropped += 1
            log.error("ledger event %s cannot be written as JSON and is dropped: %s", event.id, error)
            return
        with self._lock:
            if len(self._waiting) < self._max_buffer:
                self._waiting.append(entry)
                return
            self.dropped += 1
            first, self._dropping = not self._dropping, True
        if first:
            log.error("ledger buffer is full (%d events): dropping events until it drains", self._max_buffer)

    @property
    def waiting(self) -> int:
        """Events that are in memory and not in Redis yet."""
        return len(self._waiting)

    def flush(self) -> bool:
        """Appends what is waiting now; False when Redis did not take all of it, which is then kept."""
        with self._flushing:
            while self._waiting:
                with self._lock:
                    batch = list(islice(self._waiting, _AT_ONCE))
                if not self._append(batch):
                    return False
                with self._lock:
                    for _ in batch:
                        self._waiting.popleft()
                    self._dropping = False
        return True

    def close(self) -> None:
        """Stops the thread and makes a last attempt to append what is waiting. Returns within some seconds."""
        self._stop.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        if not self.flush():
            log.error("ledger closed with %d events that Redis did not take", self.waiting)

    def _run(self) -> None:
        while not self._stop.wait(RETRY_S if self._in_trouble else self._interval):
            self.flush()

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
