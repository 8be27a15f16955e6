"""How much work lookups may be that find nothing: else, under load, they would take from the requests what they cannot give."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SHARE = 0.5  # of one core
BURST_S = 2.0  # seconds of such work that may be done at once, after a quiet time


class Allowance:
    """A token bucket of processor seconds, of one process; thread-safe. What was served is not charged: it was worth its work.

    `clock` gives monotonic seconds.
    """

    def __init__(self, share: float = SHARE, burst: float = BURST_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()
        self._lock = threading.Lock()

    @property
    def left(self) -> bool:
        """Whether there is some left. Several may take the last of it: it goes below zero then, and fills again from there."""
        with self._lock:
            self._fill()
            return self._left > 0

    def charge(self, seconds: float) -> None:
        """So much work was done, and nothing was served for it."""
        with self._lock:
            self._fill()
            self._left -= seconds

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._share)
        self._at = now
