"""Novelty: how unusual a question is among the last ones of its tenant.

The distance is the mean of 1 - cosine to the nearest stored questions (deep nearest neighbours, Sun et al., arXiv
2204.06507), and the number is its conformal p-value turned round: on traffic like that before, one question in twenty is
above 0.95, whatever the distances are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence

NEAREST = 5
WINDOW = 5000
ENOUGH = 50  # questions, before there is anything to be unusual among


class Novelty:
    """The window of one tenant. Not thread-safe."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def of(self, cosines: Sequence[float]) -> float | None:
        """Novelty from 0 to 1 of a question with these cosines to its nearest, which is remembered; None as long as too little
        is known.
        """
        nearest = sorted(cosines, reverse=True)[:NEAREST]
        distance = sum(1 - cosine for cosine in nearest) / len(nearest) if nearest else 1.0
        above = len(self._sorted) - bisect_left(self._sorted, distance)
        found = 1 - (1 + above) / (len(self._sorted) + 1) if len(self._sorted) >= ENOUGH else None
        self._remember(distance)
        return found

    def _remember(self, distance: float) -> None:
        self._recent.append(distance)
        insort(self._sorted, distance)
        if len(self._recent) > self._window:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
