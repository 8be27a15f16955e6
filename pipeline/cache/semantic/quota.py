"""How many answers one key may put into one corner of the questions: whoever searches for a prompt that is taken for another's
has few tries.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

NEAR = 0.85  # cosine from which two questions are of one corner
MOST = 30  # new answers of one key to questions of one corner, in one period
PERIOD_S = 3600.0
REMEMBERED = 2_048  # answers of all keys, the last ones: 3 MB, and a third of a millisecond to compare a question with them


class Quota:
    """Of one process, so that several allow as many times as much; thread-safe. `clock` gives monotonic seconds.

    It counts what stands within `NEAR` of the new question, so a corner moves with the question, and has no borders to stand on.
    """

    def __init__(self, most: int = MOST, period: float = PERIOD_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._period = period
        self._clock = clock
        self._whose = np.zeros(REMEMBERED, np.int64)
        self._at = np.full(REMEMBERED, -np.inf)
        self._vectors: np.ndarray | None = None  # made when it is known how long they are
        self._next = 0
        self._lock = threading.Lock()

    def take(self, author: object, vector: np.ndarray) -> bool:
        """Whether the author (anything that can be hashed) may put one more beside this unit vector; it is counted, if so."""
        now, whose = self._clock(), hash(author)
        with self._lock:
            if self._vectors is None:
                self._vectors = np.zeros((REMEMBERED, len(vector)), np.float32)
            mine = (self._whose == whose) & (self._at > now - self._period)
            if np.count_nonzero(mine & (self._vectors @ vector >= NEAR)) >= self._most:
                return False
            self._whose[self._next], self._at[self._next], self._vectors[self._next] = whose, now, vector
            self._next = (self._next + 1) % REMEMBERED
        return True
