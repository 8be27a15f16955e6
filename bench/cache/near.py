"""Which stored texts are nearest to a text: worked out for a whole stream at once, since its texts are known beforehand."""

from __future__ import annotations

import numpy as np

from bench.cache.streams import Stream
from pipeline.cache.semantic.match import CANDIDATES, FAR

KEPT = 32  # neighbours of each text that are worked out beforehand
BLOCK = 1_000


class Near:
    """The neighbours of each text of a stream among those that were asked before its last request, exactly.

    `vectors` are those of the stream's texts. Only neighbours from FAR on count: no row of the report looks at others.
    """

    def __init__(self, stream: Stream, vectors: np.ndarray) -> None:
        self._vectors = vectors
        first, last = _times(stream)
        blocks = [_nearest(vectors, first, last, start) for start in range(0, len(vectors), BLOCK)]
        self._places = np.concatenate([places for places, _ in blocks])
        self._cosines = np.concatenate([cosines for _, cosines in blocks])

    def of(self, place: int, stored: np.ndarray, count: int = CANDIDATES) -> tuple[list[int], list[float]]:
        """The nearest texts among those that are `stored` (a mask), nearest first, with their cosines."""
        places, cosines = self._places[place], self._cosines[place]
        kept = stored[places] & (cosines >= FAR)
        if kept.sum() < count and cosines[-1] >= FAR:
            return self._searched(place, stored, count)
        return places[kept][:count].tolist(), cosines[kept][:count].tolist()

    def _searched(self, place: int, stored: np.ndarray, count: int) -> tuple[list[int], list[float]]:
        """The same, by looking at everything: too many of the nearest were never stored."""
        among = np.flatnonzero(stored)
        cosines = self._vectors[among] @ self._vectors[place]
        order = np.argsort(-cosines)[:count]
        order = order[cosines[order] >= FAR]
        return among[order].tolist(), cosines[order].tolist()


def _times(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """When each text is asked first, and when last."""
    first, last = np.zeros(len(stream.texts), np.int64), np.zeros(len(stream.texts), np.int64)
    for time, place in reversed(list(enumerate(stream.requests))):
        first[place] = time
        last[place] = last[place] or time
    return first, last


def _nearest(vectors: np.ndarray, first: np.ndarray, last: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    rows = slice(start, start + BLOCK)
    cosines = vectors[rows] @ vectors.T
    cosines[first[None, :] >= last[rows, None]] = -1.0
    cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1.0
    count = min(KEPT, cosines.shape[1])
    places = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    found = np.take_along_axis(cosines, places, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(found, order, axis=1)
