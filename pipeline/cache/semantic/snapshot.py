"""The index of a process on disk, so that one that starts need not build it from SQL, which takes minutes with HNSW.

A snapshot says nothing that SQL does not: it may be deleted at any time, and one that does not fit in any way is refused and
removed. The file, one for each embedder:

    magic and version | SHA-256 of all that follows | parts of the index | head | length of the head (8 bytes)

The parts are copied one after another, and writes go on between them. So the head names two steps of the stream of operations:
all up to `since` is in every part, and some of what came later, up to `last`, in some. To follow the stream from `since` leads
to what SQL says, since to take in a step twice changes nothing. That the step `last` stands in SQL just as it did says that
it is the same stream, and that nothing of what the parts hold was lost with a database that was put back.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path

import msgspec
import numpy as np
import usearch

from pipeline import errors
from pipeline.cache.index import Graph, Rows, VectorIndex
from pipeline.cache.semantic.entries import AT_ONCE, Entries, Stamp

log = logging.getLogger(__name__)

FOLDER = "semantic-index"
FEWEST = 5_000  # vectors; an index of fewer is built from SQL in no time
ENOUGH_OF_INDEX = 0.02  # of changes is a reason for a new snapshot
SNAPSHOT_EVERY_S = 60.0  # at most
RENEWED_S = 6 * 3600.0  # with any change at all: the stream is kept for a day, and has to reach back to the snapshot
REST_S = 2.0
CLOSE_S = 5.0  # that the end of a process waits for its last snapshot

_MAGIC = b"LEO-IX-1"  # the last character is the version
_DRAFT = ".draft"

Source = Callable[[], tuple[VectorIndex, int] | None]


class _Part(msgspec.Struct, frozen=True, array_like=True):
    """A part of the file, of `size` bytes; `gone` only of a graph."""

    size: int
    partitions: list[str]
    counts: list[int]
    gone: int | None


class _Head(msgspec.Struct, frozen=True):
    embedder: str
    dimensions: int
    usearch: str
    since: int
    last: Stamp
    parts: list[_Part]


class _Abandoned(Exception):
    """The index was built anew while it was copied, or the stream has gone on without the step that it stands at."""


class Snapshots:
    """The snapshots of one embedder's index in a folder, of which there is one at a time."""

    def __init__(self, folder: Path, entries: Entries, embedder: str, dimensions: int) -> None:
        self._entries = entries
        self._embedder = embedder
        self._dimensions = dimensions
        self.path = folder / f"{hashlib.sha256(embedder.encode()).hexdigest()[:24]}.index"
        self.last: Stamp | None = None  # the step at which the one stands that was loaded or saved here

    def load(self) -> tuple[VectorIndex, int] | None:
        """The index, and the step of the stream from which it has to follow. None when there is no snapshot, or one that was
        refused, with a line in the log. Raises StoreUnavailable.
        """
        self._remove_drafts()
        try:
            with self.path.open("rb") as file:
                head = self._head(file)
                index = _read_parts(file, head)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RuntimeError) as error:
            log.warning(
                "semantic_snapshot_refused path=%s reason=%s: it is removed, and the index is built anew from SQL",
                self.path,
                error,
            )
            with suppress(OSError):
                self.remove()
            return None
        self.last = head.last
        log.info("semantic_snapshot_loaded entries=%d operation=%d", len(index), head.since)
        return index, head.since

    def save(self, source: Source) -> bool:
        """Write the index that `source` gives, with the step up to which it has followed the stream. False when there is no
        index, or another one meanwhile. Raises OSError and StoreUnavailable; what was there before is there then.
        """
        state = source()
        if state is None:
            return False
        index, since = state
        try:
            with self._draft() as file:
                digest, parts = _write_parts(file, index)
                last = self._stands_at(source, index)
                head = msgspec.msgpack.encode(_Head(self._embedder, self._dimensions, usearch.__version__, since, last, parts))
                end = head + len(head).to_bytes(8, "little")
                digest.update(end)
                file.write(end)
                file.seek(len(_MAGIC))
                file.write(digest.digest())
        except _Abandoned:
            return False
        self.last = last
        log.info("semantic_snapshot_saved entries=%d operation=%d", sum(sum(part.counts) for part in parts), since)
        return True

    def remove(self) -> None:
        """Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.last = None

    def _stands_at(self, source: Source, index: VectorIndex) -> Stamp:
        state = source()
        stamp = self._entries.stamp(state[1]) if state and state[0] is index else None
        if stamp is None:
            raise _Abandoned
        return stamp

    def _head(self, file: BufferedReader) -> _Head:
        """The head of a file that was checked to be whole and to fit, which is read from the first part on. Raises ValueError."""
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it is of another version, or no snapshot")
        digest = file.read(hashlib.sha256().digest_size)
        begin = file.tell()
        if hashlib.file_digest(file, "sha256").digest() != digest:
            raise ValueError("it is truncated or was changed: its checksum is another one")
        file.seek(-8, os.SEEK_END)
        length = int.from_bytes(file.read(8), "little")
        file.seek(-8 - length, os.SEEK_END)
        head = msgspec.msgpack.decode(file.read(length), type=_Head)
        if (head.embedder, head.dimensions) != (self._embedder, self._dimensions):
            raise ValueError(f"it is of another embedder: {head.embedder}, {head.dimensions} dimensions")
        if head.usearch != usearch.__version__:
            raise ValueError(f"it was written by another version of usearch: {head.usearch}")
        self._check_stream(head)
        file.seek(begin)
        return head

    def _check_stream(self, head: _Head) -> None:
        stamp, oldest = self._entries.stamp(head.last.id), self._entries.oldest_operation()
        if stamp != head.last and (stamp is not None or oldest <= head.last.id):
            raise ValueError("it is of another database, or of one that was put back to an earlier state")
        if stamp is None or oldest > head.since + 1:
            raise ValueError(f"it is too old: what came after operation {head.since} is forgotten")

    @contextmanager
    def _draft(self) -> Iterator[BufferedWriter]:
        """A file that takes the place of the snapshot when the body ends, and is removed when it raises."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=_DRAFT, prefix=f"{self.path.stem}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # as long as it is held, nobody takes the file for one that was left behind
                yield file
                file.flush()
                os.fsync(file.fileno())
                os.replace(name, self.path)
        finally:
            with suppress(OSError):
                os.unlink(name)
        _sync_folder(self.path.parent)

    def _remove_drafts(self) -> None:
        """Those of processes that were killed while they wrote."""
        for draft in self.path.parent.glob(f"*{_DRAFT}"):
            with suppress(OSError), draft.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()


class Keeper:
    """A thread that saves the index while this process `leads`: when enough has changed, and at the end.

    `now` is unix seconds. That a snapshot cannot be written costs nobody but the next start anything.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        source: Source,
        leads: Callable[[], bool],
        now: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        fewest: int = FEWEST,
        rest: float = REST_S,
    ) -> None:
        self._snapshots = snapshots
        self._source = source
        self._leads = leads
        self._now = now
        self._clock = clock
        self._fewest = fewest
        self._rest = rest
        self._tried = float("-inf")
        self._warned = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="semantic-snapshot", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits a while for the last snapshot. One that is not finished when the process ends is as if it had not begun."""
        self._stop.set()
        self._thread.join(CLOSE_S)

    def look(self, *, closing: bool = False) -> None:
        """Save the index if it is time for that. Raises StoreUnavailable."""
        state = self._source()
        if state is None:
            return
        size, seen = len(state[0]), state[1]
        if size < self._fewest:
            self._remove()
        elif self._due(size, seen, closing) and self._leads():
            self._save()

    def _due(self, size: int, seen: int, closing: bool) -> bool:
        last = self._snapshots.last
        changed = seen - last.id if last else size
        if closing:
            return changed >= min(AT_ONCE, ENOUGH_OF_INDEX * size)  # fewer are taken in again with one question to SQL
        if self._clock() - self._tried < SNAPSHOT_EVERY_S:
            return False
        aging = last is not None and changed > 0 and self._now() - last.at > RENEWED_S
        return aging or changed >= ENOUGH_OF_INDEX * size

    def _save(self) -> None:
        self._tried = self._clock()
        try:
            self._snapshots.save(self._source)
            self._warned = False
        except OSError as error:
            if not self._warned:
                log.warning("semantic_snapshot_not_written path=%s reason=%s: it is tried again", self._snapshots.path, error)
            self._warned = True

    def _remove(self) -> None:
        """What was deleted shall not stay in a snapshot that is never renewed."""
        with suppress(OSError):
            if self._snapshots.path.exists() and self._leads():
                self._snapshots.remove()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(self._rest)
            try:
                self.look(closing=stopped)
            except errors.StoreUnavailable:
                continue
            except Exception:  # the next may succeed, and nothing depends on it
                log.exception("semantic_snapshot_failed")


def _write_parts(file: BufferedWriter, index: VectorIndex) -> tuple[hashlib._Hash, list[_Part]]:
    """The digest so far is that of the parts; its place in the file is left free."""
    digest, parts = hashlib.sha256(), []
    file.write(_MAGIC + bytes(digest.digest_size))
    for part in index.copies():
        if isinstance(part, Graph):
            data: bytes | bytearray = part.data
            parts.append(_Part(len(data), [part.partition], [part.size], part.gone))
        else:
            data = part.seqs.tobytes() + part.vectors.tobytes()
            parts.append(_Part(len(data), part.partitions, part.counts, None))
        digest.update(data)
        file.write(data)
    return digest, parts


def _read_parts(file: BufferedReader, head: _Head) -> VectorIndex:
    index = VectorIndex(head.dimensions)
    for part in head.parts:
        data = bytearray(part.size)
        if file.readinto(data) != part.size:
            raise ValueError("a part is missing")
        index.take(_copy(part, data))
    return index


def _copy(part: _Part, data: bytearray) -> Rows | Graph:
    if part.gone is not None:
        return Graph(part.partitions[0], part.counts[0], part.gone, data)
    seqs = np.frombuffer(data, "<u8", sum(part.counts))
    return Rows(part.partitions, part.counts, seqs, np.frombuffer(data, "<f2", offset=seqs.nbytes))


def _sync_folder(folder: Path) -> None:
    """So that the new name of the file is on disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
