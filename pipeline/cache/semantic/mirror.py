"""The index of this process, kept in step with SQL: a snapshot or a copy of all vectors, and then every operation in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np

from pipeline import errors
from pipeline.cache.index import Neighbour, VectorIndex, unpack
from pipeline.cache.semantic.entries import ADD, AT_ONCE, Entries, Operation
from pipeline.cache.semantic.snapshot import Snapshots

log = logging.getLogger(__name__)

LOOK_S = 0.2  # from one look at the stream to the next
TRUSTED_S = 0.9  # without a look for so long, what stands here may have been deleted
RETRY_S = 1.0


class Mirror:
    """Follows the stream from a thread of its own. `search` answers nothing until all is there, or when it has lost touch.

    It begins with one of `snapshots`, if there is one that fits.
    """

    def __init__(
        self,
        entries: Entries,
        embedder: str,
        dimensions: int,
        clock: Callable[[], float] = time.monotonic,
        snapshots: Snapshots | None = None,
    ) -> None:
        self._entries = entries
        self._embedder = embedder
        self._dimensions = dimensions
        self._clock = clock
        self._snapshots = snapshots  # None as soon as it was tried: what did not work once does not work the next time
        self._index = VectorIndex(dimensions)
        self._seen = -1  # the last operation that is in the index; -1 before there is an index
        self._looked = float("-inf")
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="semantic-index", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join(RETRY_S + LOOK_S)

    @property
    def ready(self) -> bool:
        return self._seen >= 0 and self._clock() - self._looked < TRUSTED_S

    def __len__(self) -> int:
        return len(self._index)

    def state(self) -> tuple[VectorIndex, int] | None:
        """The index, and the number of an operation up to which all are in it; None while there is no index."""
        seen, index = self._seen, self._index  # in this order: the index may be ahead of the number, and not behind it
        return (index, seen) if seen >= 0 else None

    def hurry(self) -> None:
        """Look at the stream now: something was written here."""
        self._wake.set()

    def search(self, partition: str, vector: np.ndarray, count: int) -> list[Neighbour]:
        return self._index.search(partition, vector, count)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.catch_up()
                pause = LOOK_S
            except errors.StoreUnavailable:
                pause = RETRY_S
            except Exception:  # whatever it was, this process would never hear of a delete again
                log.exception("semantic_index_failed: it is built anew")
                self._seen = -1
                pause = RETRY_S
            self._wake.wait(pause)
            self._wake.clear()

    def catch_up(self) -> None:
        """Take in all that is new. Raises StoreUnavailable."""
        if self._seen < 0:
            self._resume()
        if self._seen < 0 or self._entries.oldest_operation() > self._seen + 1:
            self._build()
        while True:
            began = self._clock()
            new = self._entries.operations(self._seen)
            for operation in new:
                self._apply(operation)
                self._seen = operation.id
            if len(new) < AT_ONCE or self.ready:  # at the beginning there may be more to come than lets it be trusted
                self._looked = began
            if len(new) < AT_ONCE:
                return

    def _resume(self) -> None:
        """Begin with a snapshot, if there is one."""
        snapshots, self._snapshots = self._snapshots, None
        try:
            found = snapshots.load() if snapshots else None
        except errors.StoreUnavailable:
            self._snapshots = snapshots
            raise
        if found:
            self._index, self._seen = found

    def _build(self) -> None:
        """The number is read first: what happens while the copy is made is applied a second time, which changes nothing."""
        seen, index = self._entries.newest_operation(), VectorIndex(self._dimensions)
        for seq, partition, vector in self._entries.vectors(self._embedder):
            self._add(index, partition, seq, vector)
        self._index, self._seen = index, seen
        if len(index):
            log.info("semantic_index_built entries=%d operation=%d", len(index), seen)

    def _apply(self, operation: Operation) -> None:
        if operation.kind != ADD or operation.partition is None or operation.vector is None:
            self._index.remove(operation.seq)
        elif operation.embedder == self._embedder:
            self._add(self._index, operation.partition, operation.seq, operation.vector)

    def _add(self, index: VectorIndex, partition: str, seq: int, vector: bytes) -> None:
        try:
            index.add(partition, seq, unpack(vector, self._dimensions))
        except ValueError as error:
            log.error("semantic_vector_refused seq=%d: %s", seq, error)
