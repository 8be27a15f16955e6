"""What the semantic cache writes down, without anybody waiting for it: collected, and written to SQL a few times a second.

What is in memory when the process is killed is lost: answers that could have been stored, labels that could have been
learned from. Nothing of it is owed to anybody, and SQL stays whole.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pipeline import errors
from pipeline.cache.semantic.entries import Entries, NewEntry, Use
from pipeline.cache.semantic.lookups import Lookup, Lookups, Verdict

log = logging.getLogger(__name__)

REST_S = 0.1
MOST = 5_000  # of each kind in memory; beyond, the oldest are forgotten
AT_ONCE = 500
CLOSE_S = 5.0


class Journal:
    def __init__(
        self, entries: Entries, lookups: Lookups, written: Callable[[], None] = lambda: None, rest: float = REST_S
    ) -> None:
        """`written` is called after entries were written."""
        self._rest = rest
        self._written = written
        self._waiting: dict[str, deque[object]] = {}
        self._writers: dict[str, Callable[[Sequence[Any]], None]] = {
            # In this order: a verdict may be on a lookup of the same moment.
            "entries": entries.add,
            "lookups": lookups.add,
            "verdicts": lookups.judge,
            "uses": entries.used,
        }
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="semantic-journal", daemon=True)
        self._thread.start()

    def keep(self, entry: NewEntry) -> None:
        self._put("entries", entry)

    def looked(self, lookup: Lookup) -> None:
        self._put("lookups", lookup)

    def judged(self, verdict: Verdict) -> None:
        self._put("verdicts", verdict)

    def used(self, use: Use) -> None:
        self._put("uses", use)

    def flush(self) -> bool:
        """Write what is waiting; False when the database did not take all of it, which then waits on."""
        with self._flushing:
            return self._flush()

    def _flush(self) -> bool:
        for kind, write in self._writers.items():
            while batch := self._take(kind):
                try:
                    write(batch)
                except errors.StoreUnavailable:
                    self._give_back(kind, batch)
                    return False
                except Exception:  # one bad row must not stop all that come after it
                    log.exception("semantic_journal_dropped kind=%s count=%d", kind, len(batch))
                if kind == "entries":
                    self._written()
        return True

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSE_S)
        self.flush()

    def _put(self, kind: str, what: object) -> None:
        with self._lock:
            self._waiting.setdefault(kind, deque(maxlen=MOST)).append(what)
        self._wake.set()

    def _take(self, kind: str) -> list[object]:
        with self._lock:
            waiting = self._waiting.get(kind) or deque()
            return [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]

    def _give_back(self, kind: str, batch: list[object]) -> None:
        with self._lock:
            waiting = self._waiting[kind]
            waiting.extendleft(reversed(batch[: MOST - len(waiting)]))

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            rest = self._rest
            if not self.flush():
                rest *= 10
                self._wake.set()
            self._closing.wait(rest)
