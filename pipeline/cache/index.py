"""The vector index of one process: which stored questions are nearest to this one, within its partition.

Partitions are searched one by one and never filtered out of a common index, which would cost recall. A small one is
searched exactly; from `EXACT_UP_TO` vectors on by HNSW (Malkov and Yashunin, arXiv 1603.09320) as usearch implements it.
Vectors are kept in half precision: 768 bytes for 384 dimensions.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from usearch.index import Index as Hnsw

EXACT_UP_TO = 4_000
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 96
# A search has to grow broader with the graph: at 96, the nearest of 1,000,000 is found in 95 of 100 searches, at 400 in 99.
BREADTH = 0.4  # of the square root of the number of vectors
GONE_AT_MOST = 0.2  # of a graph's vectors, before it is built anew
FIRST_ROOM = 1  # most partitions hold one question
AT_ONCE = 8  # vectors that are put into a graph while nothing else in this process runs: usearch keeps the interpreter lock
COPIED_AT_ONCE = 4_000  # vectors of exact partitions that are copied while nothing is added or removed; about a millisecond


class Neighbour(NamedTuple):
    """A stored question by its sequence number, and the cosine of the angle to the one that was asked."""

    seq: int
    cosine: float


class Rows(NamedTuple):
    """A copy of partitions that are searched exactly, one after another: `counts` says how many vectors each has. `seqs` are
    64 bits wide and `vectors` in half precision, both little-endian.
    """

    partitions: list[str]
    counts: list[int]
    seqs: np.ndarray
    vectors: np.ndarray


class Graph(NamedTuple):
    """A copy of a partition that is searched by HNSW: `data` is usearch's own form of `size` vectors, and of the `gone` that
    were removed and stay as stepping stones.
    """

    partition: str
    size: int
    gone: int
    data: bytearray


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

    def copies(self, at_once: int = COPIED_AT_ONCE) -> Iterator[Rows | Graph]:
        """All that is in the index, part by part, exact partitions together until they have `at_once` vectors. Searches go on
        meanwhile; nothing is added or removed while one part is copied, but between two parts it is: each part is as it was
        at some moment since this began.

        usearch copies a graph while nothing else in this process runs: 0.4 s for a million vectors of 384 dimensions.
        """
        left = list(self._shards)
        while left:
            with self._writing:
                part = self._copy(left, at_once)
            if part is not None:
                yield part

    def take(self, part: Rows | Graph) -> None:
        """Take in a part of another index. Raises ValueError or RuntimeError when that does not fit into this one."""
        if isinstance(part, Graph):
            shards: list[tuple[str, _Exact | _Graph]] = [(part.partition, _Graph.load(self._dimensions, part))]
        else:
            ends = np.cumsum(part.counts)
            rows = part.vectors.reshape(len(part.seqs), self._dimensions)
            shards = [
                (partition, _Exact.of(part.seqs[end - count : end], rows[end - count : end]))
                for partition, count, end in zip(part.partitions, part.counts, ends, strict=True)
            ]
        with self._writing, self._lock:
            for partition, shard in shards:
                seqs = shard.seqs().tolist()
                if partition in self._shards or not self._where.keys().isdisjoint(seqs):
                    raise ValueError(f"partition {partition} is there already, or vectors of it are")
                self._shards[partition] = shard
                self._where.update(dict.fromkeys(seqs, partition))

    def _copy(self, left: list[str], at_once: int) -> Rows | Graph | None:
        """One part, of which the partitions are taken from the end of `left`."""
        partitions: list[str] = []
        contents: list[tuple[np.ndarray, np.ndarray]] = []
        vectors = 0
        while left and vectors < at_once:
            shard = self._shards.get(left[-1])
            if isinstance(shard, _Graph):
                return self._rows(partitions, contents) or shard.copy(left.pop())
            partition = left.pop()
            if shard is not None:  # else its last vector was removed meanwhile
                partitions.append(partition)
                contents.append(shard.content())
                vectors += len(shard)
        return self._rows(partitions, contents)

    @staticmethod
    def _rows(partitions: list[str], contents: list[tuple[np.ndarray, np.ndarray]]) -> Rows | None:
        if not partitions:
            return None
        seqs = np.concatenate([seqs for seqs, _ in contents]).astype("<u8")
        vectors = np.concatenate([vectors.astype("<f2") for _, vectors in contents])
        return Rows(partitions, [len(seqs) for seqs, _ in contents], seqs, vectors)

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

    @classmethod
    def of(cls, seqs: np.ndarray, vectors: np.ndarray) -> _Exact:
        shard = cls(vectors.shape[1])
        shard._rows = vectors.astype(np.float32)
        shard._seqs = seqs.tolist()
        shard._row_of = {seq: row for row, seq in enumerate(shard._seqs)}
        return shard

    def __len__(self) -> int:
        return len(self._seqs)

    def seqs(self) -> np.ndarray:
        return np.array(self._seqs, np.uint64)

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
        return self.seqs(), self._rows[: len(self._seqs)]


class _Graph:
    def __init__(self, dimensions: int) -> None:
        self._index = Hnsw(
            ndim=dimensions,
            metric="ip",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
        )
        self._gone = 0

    @classmethod
    def of(cls, dimensions: int, seqs: np.ndarray, vectors: np.ndarray) -> _Graph:
        graph = cls(dimensions)
        for start in range(0, len(seqs), AT_ONCE):
            graph._index.add(seqs[start : start + AT_ONCE], np.asarray(vectors[start : start + AT_ONCE], np.float32), threads=1)
        return graph

    @classmethod
    def load(cls, dimensions: int, copy: Graph) -> _Graph:
        """Raises ValueError or RuntimeError when it is not one of these."""
        graph = cls(dimensions)
        graph._index.load(copy.data)  # it becomes whatever kind of index this is
        if (graph._index.ndim, len(graph)) != (dimensions, copy.size):
            raise ValueError(f"a graph of {len(graph)} vectors of {graph._index.ndim} numbers, not {copy.size} of {dimensions}")
        graph._gone = copy.gone
        return graph

    def copy(self, partition: str) -> Graph:
        data: Any = self._index.save()
        return Graph(partition, len(self), self._gone, data)

    def __len__(self) -> int:
        return len(self._index)

    def seqs(self) -> np.ndarray:
        """By a slice: to walk through the keys takes usearch quadratic time, 39 s for 200,000."""
        return np.asarray(self._index.keys[:], np.uint64)

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
        index: Any = self._index  # of which mypy thinks that the breadth can only be read
        index.expansion_search = max(EXPANSION_SEARCH, int(BREADTH * math.sqrt(len(index))))
        found = index.search(vector, count, threads=1)
        return [Neighbour(int(seq), 1.0 - float(distance)) for seq, distance in zip(found.keys, found.distances, strict=True)]

    def content(self) -> tuple[np.ndarray, np.ndarray]:
        seqs: Any = self.seqs()
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
