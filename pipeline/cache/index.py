"""The vector index of one process: which stored questions are nearest to this one, within its partition.

Partitions are searched one by one and never filtered out of a common index, which would cost recall. A small one is
searched exactly; from `EXACT_UP_TO` vectors on by HNSW (Malkov and Yashunin, arXiv 1603.09320) as usearch implements it.
Vectors are kept in half precision: 768 bytes for 384 dimensions.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from usearch.index import Index as Hnsw

EXACT_UP_TO = 4_000
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 96
GONE_AT_MOST = 0.2  # of a graph's vectors, before it is built anew
FIRST_ROOM = 1  # most partitions hold one question
AT_ONCE = 8  # vectors that are put into a graph while nothing else in this process runs: usearch keeps the interpreter lock


class Neighbour(NamedTuple):
    """A stored question by its sequence number, and the cosine of the angle to the one that was asked."""

    seq: int
    cosine: float


class VectorIndex:
    """Unit vectors of `dimensions` numbers by partition and sequence number. Thread-safe."""

    def __init__(self, dimensions: int, exact_up_to: int = EXACT_UP_TO) -> None:
        self._dimensions = dimensions
        self._exact_up_to = exact_up_to
        self._shards: dict[str, _Exact | _Graph] = {}
        self._where: dict[int, str] = {}
        self._writing = threading.Lock()  # held by whoever changes anything, for as long as that takes
        self._lock = threading.Lock()  # held for a moment, by searches too

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, seq: int) -> bool:
        return seq in self._where

    def add(self, partition: str, seq: int, vector: np.ndarray) -> None:
        """Add or replace. Raises ValueError for a vector of another length, or one that is no unit vector."""
        if vector.shape != (self._dimensions,) or not 0.98 < float(np.linalg.norm(vector.astype(np.float32))) < 1.02:
            raise ValueError(f"vector {seq} is not a unit vector of {self._dimensions} numbers")
        with self._writing:
            with self._lock:
                left = self._drop(seq)
                shard = self._shards.get(partition)
                if shard is None:
                    shard = self._shards[partition] = _Exact(self._dimensions)
                shard.add(seq, vector)
                self._where[seq] = partition
            self._tend(left)
            self._tend(partition)

    def remove(self, seq: int) -> bool:
        """Whether there was such a vector."""
        with self._writing:
            with self._lock:
                left = self._drop(seq)
            self._tend(left)
        return left is not None

    def search(self, partition: str, vector: np.ndarray, count: int) -> list[Neighbour]:
        """The nearest of a partition, nearest first; fewer than `count` when there are not so many."""
        with self._lock:
            shard = self._shards.get(partition)
            return shard.search(vector.astype(np.float32), count) if shard else []

    def _drop(self, seq: int) -> str | None:
        """The partition that it was in."""
        partition = self._where.pop(seq, None)
        if partition is not None:
            shard = self._shards[partition]
            shard.remove(seq)
            if not len(shard):
                del self._shards[partition]
        return partition

    def _tend(self, partition: str | None) -> None:
        """Make a graph of what has grown, and a new one of what is worn. That takes seconds, in which searches go on."""
        shard = self._shards.get(partition) if partition is not None else None
        if shard is None or partition is None:
            return
        if shard.worn if isinstance(shard, _Graph) else len(shard) > self._exact_up_to:
            graph = _Graph.of(self._dimensions, *shard.content())
            with self._lock:
                self._shards[partition] = graph


class _Exact:
    """A matrix, and a dot product with all of it."""

    def __init__(self, dimensions: int) -> None:
        self._rows = np.zeros((FIRST_ROOM, dimensions), np.float32)
        self._seqs: list[int] = []
        self._row_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._seqs)

    def add(self, seq: int, vector: np.ndarray) -> None:
        row = len(self._seqs)
        if row == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[row] = vector
        self._seqs.append(seq)
        self._row_of[seq] = row

    def remove(self, seq: int) -> None:
        """The last row moves into the place of this one."""
        row, last = self._row_of.pop(seq), self._seqs.pop()
        if last != seq:
            self._rows[row] = self._rows[len(self._seqs)]
            self._seqs[row], self._row_of[last] = last, row

    def search(self, vector: np.ndarray, count: int) -> list[Neighbour]:
        cosines = self._rows[: len(self._seqs)] @ vector
        best = np.argpartition(-cosines, count - 1)[:count] if count < len(cosines) else np.arange(len(cosines))
        return sorted((Neighbour(self._seqs[row], float(cosines[row])) for row in best), key=lambda n: -n.cosine)

    def content(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array(self._seqs, np.uint64), self._rows[: len(self._seqs)]


class _Graph:
    def __init__(self, dimensions: int) -> None:
        self._index = Hnsw(
            ndim=dimensions,
            metric="ip",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._gone = 0

    @classmethod
    def of(cls, dimensions: int, seqs: np.ndarray, vectors: np.ndarray) -> _Graph:
        graph = cls(dimensions)
        for start in range(0, len(seqs), AT_ONCE):
            graph._index.add(seqs[start : start + AT_ONCE], np.asarray(vectors[start : start + AT_ONCE], np.float32), threads=1)
        return graph

    def __len__(self) -> int:
        return len(self._index)

    @property
    def worn(self) -> bool:
        """Removed vectors stay in the graph as stepping stones; with too many of them it is slow and less sure."""
        return self._gone > GONE_AT_MOST * (len(self._index) + self._gone)

    def add(self, seq: int, vector: np.ndarray) -> None:
        self._index.add(seq, np.asarray(vector, np.float32), threads=1)

    def remove(self, seq: int) -> None:
        self._index.remove(seq)
        self._gone += 1

    def search(self, vector: np.ndarray, count: int) -> list[Neighbour]:
        found: Any = self._index.search(vector, count, threads=1)
        return [Neighbour(int(seq), 1.0 - float(distance)) for seq, distance in zip(found.keys, found.distances, strict=True)]

    def content(self) -> tuple[np.ndarray, np.ndarray]:
        seqs: Any = np.array(list(self._index.keys), np.uint64)
        return seqs, np.asarray(self._index.get(seqs, "f32"))


def pack(vector: np.ndarray) -> bytes:
    """A vector as it is stored: half precision, little-endian."""
    return vector.astype("<f2").tobytes()


def unpack(data: bytes, dimensions: int) -> np.ndarray:
    """Raises ValueError when the bytes are not a vector of so many numbers."""
    if len(data) != 2 * dimensions:
        raise ValueError(f"{len(data)} bytes are not a vector of {dimensions} numbers")
    return np.frombuffer(data, "<f2").astype(np.float32)


def unit(rows: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32. Raises ValueError for one of length 0, or with a number that is none."""
    matrix = np.asarray(rows, np.float32)
    lengths = np.linalg.norm(matrix, axis=-1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("a vector without length has no direction")
    return np.asarray(matrix / lengths)
