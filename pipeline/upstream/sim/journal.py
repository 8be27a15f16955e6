"""What the simulator server saw: counts, and the last requests byte for byte."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LAST = 100  # requests that are kept whole
MAX_BODIES = 200_000  # different bodies that are counted one by one


class Entry:
    """One call while it runs."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.cancelled = False

    def streamed(self, stream: bool) -> None:
        self._journal.streams += stream


class Journal:
    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but the calls that are still running."""
        self.calls = self.streams = self.cancelled = 0
        self.max_in_flight = self.in_flight
        self._bodies: Counter[str] = Counter()
        self._last: deque[tuple[bytes, dict[str, str]]] = deque(maxlen=LAST)

    @contextmanager
    def call(self, body: bytes, headers: dict[str, str], *, stream: bool) -> Iterator[Entry]:
        digest = hashlib.sha256(body).hexdigest()
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._last.append((body, headers))
        if digest in self._bodies or len(self._bodies) < MAX_BODIES:
            self._bodies[digest] += 1
        entry = Entry(self)
        entry.streamed(stream)
        try:
            yield entry
        finally:
            self.in_flight -= 1
            self.cancelled += entry.cancelled

    def stats(self) -> dict[str, Any]:
        """`by_body` counts calls by the SHA-256 of their body: more than 1 is work that was done twice."""
        return {
            "calls": self.calls,
            "streams": self.streams,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "cancelled": self.cancelled,
            "by_body": dict(self._bodies),
        }

    def last(self) -> list[dict[str, Any]]:
        """The last requests, the newest last, with bodies in base64."""
        return [{"body": base64.b64encode(body).decode(), "headers": headers} for body, headers in self._last]
