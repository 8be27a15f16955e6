"""Embedders: a text's meaning as a unit vector.

Vectors of different embedders have nothing to do with each other, so each has a name with a version, which stands beside
every stored vector.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Protocol

import numpy as np

KEPT_TEXTS = 4096


class Embedder(Protocol):
    """`name` is `model@version`, `dimensions` the length of a vector."""

    name: str
    dimensions: int

    def embed(self, text: str) -> np.ndarray:
        """A unit vector, float32. Raises ValueError for a text that it cannot take, StoreUnavailable when it is away."""


class Remembering:
    """Another embedder, with the vectors of the last texts kept: a question is looked up, and stored a moment later."""

    def __init__(self, inner: Embedder, most: int = KEPT_TEXTS) -> None:
        self.name, self.dimensions = inner.name, inner.dimensions
        self._inner = inner
        self._most = most
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def embed(self, text: str) -> np.ndarray:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        vector = self._inner.embed(text)
        with self._lock:
            self._kept[text] = vector
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return vector
