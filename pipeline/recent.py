"""A number that is dear to measure and may be a little old."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Recent:
    """The last measured value of `measure`; one thread at a time measures anew once it is older than `max_age` seconds.

    An exception of a kind in `forgive` leaves the last value standing.
    """

    def __init__(
        self,
        measure: Callable[[], int],
        *,
        max_age: float = 1.0,
        forgive: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure = measure
        self._max_age = max_age
        self._forgive = forgive
        self._clock = clock
        self._lock = threading.Lock()
        self._value = 0
        self._expires = float("-inf")

    def value(self) -> int:
        if self._clock() >= self._expires and self._lock.acquire(blocking=False):
            try:
                self._expires = self._clock() + self._max_age
                self._value = self._measure()
            except self._forgive:
                pass
            finally:
                self._lock.release()
        return self._value
