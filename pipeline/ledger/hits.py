"""Hits from the cache, at well below a microsecond each: HitBook collects them, `expand` tells them apart.

The book belongs to one thread, the event loop, and has no locks. Every flush interval its entries go to
`BufferedLedger.add_entries`:

    hits = book.waiting
    ledger.add_entries(book.flush(), hits)
"""

from __future__ import annotations

import logging
import re
import sys
import time
from array import array
from collections.abc import Callable, Iterator

import msgspec

from pipeline import ids
from pipeline.ledger.events import MAX_HITS, Entry, HitsEvent, RequestEvent, encode

log = logging.getLogger(__name__)

_LAST = MAX_HITS - 1
_MAX_UINT32 = 2**32 - 1
_HIT_ID = re.compile("(req_[0-9a-f]{20})([0-9a-f]{12})")
_BATCH_CHARS = 24


class HitBatch:
    """Hits of one caller on one answer since the last flush; made by `HitBook.open`.

    `prefix` and twelve hex digits of its number are the request id of a hit: b"%b%012x" % (batch.prefix, number).
    When `open` is False (the batch was flushed, or is full), the next hit needs a new batch.
    """

    __slots__ = ("_began", "_clock", "_event", "_marks", "_now", "_started", "id", "open", "prefix")

    def __init__(self, event: RequestEvent, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self.id = ids.hit_batch_id()
        self.prefix = self.id.encode()
        self.open = True
        self._event = event
        self._marks = array("Q")
        self._now = now
        self._clock = clock
        self._started = 0.0  # unix seconds, and the same moment on the clock
        self._began = 0.0

    @property
    def hits(self) -> int:
        return len(self._marks)

    def add(self, latency_us: int) -> int:
        """Takes a hit that is answered now, after `latency_us` microseconds (0 or more), and returns its number.

        Raises ValueError when the batch is not open.
        """
        marks = self._marks
        number = len(marks)
        if not 0 < number < _LAST or not self.open:
            self._at_the_edge(number)
        if latency_us > _MAX_UINT32:  # noqa: PLR1730  min() costs twice as much
            latency_us = _MAX_UINT32
        # In little-endian bytes the lower half, the milliseconds, comes first.
        marks.append(latency_us << 32 | int((self._clock() - self._began) * 1000))
        return number

    def event(self) -> HitsEvent:
        """What the ledger shall hear of this batch, which must have a hit. Raises ValueError as HitsEvent does."""
        marks = array("Q", self._marks)
        latency_ms = (marks[0] >> 32) / 1000
        if sys.byteorder == "big":
            marks.byteswap()
        first = msgspec.structs.replace(
            self._event, id=ids.hit_id(self.id, 0), at=self._started, latency_ms=latency_ms, overhead_ms=latency_ms
        )
        return HitsEvent(first=first, marks=marks.tobytes())

    def _at_the_edge(self, number: int) -> None:
        if not self.open:
            raise ValueError("the batch is not open any more")
        if number == 0:
            self._started, self._began = self._now(), self._clock()
        self.open = number < _LAST


class HitBook:
    """The batches since the last flush. `now` is in unix seconds; `clock`, in seconds, never goes back."""

    def __init__(self, now: Callable[[], float] = ids.unix_now, clock: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._clock = clock
        self._batches: list[HitBatch] = []

    def open(self, event: RequestEvent) -> HitBatch:
        """A new batch for hits that are as `event` says, an event of an exact hit.

        Its id, time, latency and overhead are those of no hit; each brings its own.
        """
        batch = HitBatch(event, self._now, self._clock)
        self._batches.append(batch)
        return batch

    @property
    def waiting(self) -> int:
        """Hits that are not flushed yet."""
        return sum(batch.hits for batch in self._batches)

    def flush(self) -> list[Entry]:
        """Closes all batches and returns them as entries of the stream, the oldest first.

        What cannot be written as JSON is a mistake in our code: it is logged and left out, and the others go on.
        """
        batches, self._batches = self._batches, []
        entries: list[Entry] = []
        for batch in batches:
            batch.open = False
            if not batch.hits:
                continue
            try:
                entries.append(encode(batch.event()))
            except (ValueError, TypeError, OverflowError) as error:
                log.error("%d hits cannot be written as JSON and are dropped: %s", batch.hits, error)
        return entries


def expand(event: HitsEvent) -> Iterator[RequestEvent]:
    """Each hit as the event of a request of its own, in order."""
    batch, marks = event.id[:_BATCH_CHARS], _unpack(event.marks)
    return (_hit(event.first, batch, marks, number) for number in range(event.hits))


def nth(event: HitsEvent, number: int) -> RequestEvent | None:
    """Hit `number` (from 0) as the event of a request of its own; None when there were not so many."""
    return _hit(event.first, event.id[:_BATCH_CHARS], _unpack(event.marks), number) if 0 <= number < event.hits else None


def place_of(request_id: str) -> tuple[str, int] | None:
    """The id of the batch's first hit, and the number of this one; None for an id that no hit can have."""
    found = _HIT_ID.fullmatch(request_id)
    return (ids.hit_id(found[1], 0), int(found[2], 16)) if found else None


def latency_us(event: HitsEvent) -> int:
    """The sum of all latencies in microseconds."""
    return sum(_unpack(event.marks)[1::2])


def _hit(first: RequestEvent, batch: str, marks: array[int], number: int) -> RequestEvent:
    latency_ms = marks[2 * number + 1] / 1000
    return msgspec.structs.replace(
        first,
        id=ids.hit_id(batch, number),
        at=first.at + marks[2 * number] / 1000,
        latency_ms=latency_ms,
        overhead_ms=latency_ms,
    )


def _unpack(marks: bytes) -> array[int]:
    """Milliseconds and microseconds of each hit in turn."""
    numbers = array("I", marks)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
