"""The index in PostgreSQL: nearest stored questions by pgvector, instead of a copy of all vectors in each worker.

As in memory, partitions are searched one by one. A small one is searched exactly, by the B-tree on (partition, embedder). A
large one gets an index by HNSW of its own, a partial one. One of all partitions would have to be filtered, and would lose what
is near within a partition and far among all; and it would cost 3 ms for each answer that is written, though most partitions
hold one question. What makes a partition large is that it was searched: then it is known how many vectors it has.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import msgspec
import numpy as np
import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import ProgrammingError

from pipeline import errors
from pipeline.cache.index import CONNECTIVITY, EXACT_UP_TO, EXPANSION_ADD, EXPANSION_SEARCH, Neighbour, unpack
from pipeline.cache.semantic.entries import Entries
from pipeline.storage.engine import reading, storage_errors
from pipeline.storage.vectors import TABLE, literal

log = logging.getLogger(__name__)

RETRY_S = 1.0  # after the database did not answer, until it is asked again
LARGE_S = 60.0  # how long a partition counts as large before its vectors are counted again
MOST_LARGE = 10_000  # partitions that are remembered as large
CHECK_S = 3600.0  # how long it is not asked again whether a large partition has its index
AGAIN_S = 30.0  # from one attempt to make an index to the next, while another process is at it
MOST_GRAPHS = 250  # indexes by HNSW at once; each costs all searches and writes 2 microseconds
SMALL_AGAIN = 0.5  # of the vectors that make a partition large: with fewer, its index goes
MOST_INDEXED = 4_000  # dimensions that pgvector's HNSW takes in half precision; beyond them all searches are exact
LEAST_MEMORY = "256MB"  # for making an index; the server's own setting where that is more
INDEX_LOCK = 0x1E0_4A5B  # held by the process that makes indexes
_PREFIX = f"ix_{TABLE}_hnsw_"

# The sealed bytes come along: the cosine is computed from them, so that it is the same as with the index in memory.
_EXACT = text(f"""
WITH held AS MATERIALIZED (
    SELECT seq, embedding <=> CAST(:vector AS halfvec) AS distance
    FROM (
        SELECT seq, embedding FROM {TABLE}
        WHERE partition = :partition AND embedder = :embedder AND dimensions = :dimensions LIMIT CAST(:most AS bigint)
    ) AS those
)
SELECT near.seq, entry.vector, (SELECT count(*) FROM held) AS held
FROM (SELECT seq FROM held ORDER BY distance LIMIT :count) AS near
JOIN semantic_entries AS entry ON entry.seq = near.seq
""")  # noqa: S608
# By HNSW where the partition has an index, else exactly.
_LARGE = f"""
SELECT near.seq, entry.vector
FROM (
    SELECT seq FROM {TABLE}
    WHERE partition = :partition AND embedder = :embedder AND dimensions = :dimensions
    ORDER BY CAST(embedding AS halfvec(%d)) <=> CAST(:vector AS halfvec(%d)) LIMIT :count
) AS near
JOIN semantic_entries AS entry ON entry.seq = near.seq
"""  # noqa: S608
# The scan goes on where it has met vectors that were deleted. A plan for any partition could not use the index of one.
_TUNING = text(
    f"SELECT set_config('hnsw.ef_search', '{EXPANSION_SEARCH}', true), set_config('hnsw.iterative_scan', 'strict_order', true),"
    " set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_CREATE = sql.SQL(
    f"CREATE INDEX CONCURRENTLY {{name}} ON {TABLE} USING hnsw ((embedding::halfvec({{dimensions}})) halfvec_cosine_ops)"
    f" WITH (m = {CONNECTIVITY}, ef_construction = {EXPANSION_ADD})"
    " WHERE partition = {partition} AND embedder = {embedder} AND dimensions = {dimensions}"
)
_COUNT = f"""SELECT count(*) FROM (
    SELECT FROM {TABLE} WHERE partition = %(partition)s AND embedder = %(embedder)s AND dimensions = %(dimensions)s LIMIT %(most)s
) AS held"""  # noqa: S608
_GRAPHS = f"""
SELECT relname, indisvalid, obj_description(indexrelid, 'pg_class') FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = to_regclass('{TABLE}') AND starts_with(relname, '{_PREFIX}')
"""  # noqa: S608


class Part(msgspec.Struct, frozen=True):
    """What one index by HNSW is of; it stands in the index's comment."""

    partition: str
    embedder: str
    dimensions: int

    @property
    def name(self) -> str:
        return _PREFIX + hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


class PgVector:
    """One for the process; thread-safe. `dimensions` are those of `embedder`; `clock` is monotonic, in seconds. Partitions of
    more than `exact_up_to` vectors are searched by HNSW.
    """

    def __init__(
        self,
        engine: Engine,
        entries: Entries,
        embedder: str,
        dimensions: int,
        *,
        exact_up_to: int = EXACT_UP_TO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._entries = entries
        self._embedder = embedder
        self._dimensions = dimensions
        self._exact_up_to = exact_up_to
        self._clock = clock
        self._large_query = text(_LARGE % (dimensions, dimensions))
        self._large: dict[str, float] = {}  # until when a partition counts as large
        self._checked: dict[str, float] = {}  # until when it need not be looked whether a partition has an index
        self._wanted: set[str] = set()  # those for which it is to be looked
        self._derived = False
        self._away_until = float("-inf")
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make indexes, from a thread of its own; until one is there, its partition is searched exactly."""
        self._thread = threading.Thread(target=self._run, name="semantic-index", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The server finishes an index that it has begun, also when nobody waits for it."""
        self._stop.set()
        self._wake.set()
        if self._thread:
            self._thread.join(RETRY_S)

    @property
    def ready(self) -> bool:
        """Whether the database answers, as far as is known: there is no copy here that could be behind it."""
        return self._clock() >= self._away_until

    def hurry(self) -> None:
        """Nothing: what was committed is found by the next search."""

    def __len__(self) -> int:
        """Vectors of this embedder. Raises StoreUnavailable."""
        query = text(f"SELECT count(*) FROM {TABLE} WHERE embedder = :embedder AND dimensions = :dimensions")  # noqa: S608
        with reading(self._engine) as connection:
            found = connection.execute(query, {"embedder": self._embedder, "dimensions": self._dimensions})
            return int(found.scalar_one())

    def search(self, partition: str, vector: np.ndarray, count: int) -> list[Neighbour]:
        """The nearest of a partition, nearest first; fewer than `count` when there are not so many. Raises StoreUnavailable."""
        question = np.asarray(vector, np.float32)
        try:
            with reading(self._engine) as connection:
                rows = self._near(connection, partition, literal(question.tolist()), count)
        except errors.StoreUnavailable:
            self._away_until = self._clock() + RETRY_S
            raise
        except ProgrammingError as error:  # somebody has dropped the table, or the extension
            self._away_until = self._clock() + RETRY_S
            raise errors.StoreUnavailable("pgvector is not there any more; start the workers again.") from error
        found = [(row.seq, unpack(row.vector, self._dimensions)) for row in rows if len(row.vector) == 2 * self._dimensions]
        return sorted((Neighbour(seq, float(stored @ question)) for seq, stored in found), key=lambda n: -n.cosine)

    def _near(self, connection: Connection, partition: str, vector: str, count: int) -> Sequence[Row[Any]]:
        terms = {**self._part(partition), "vector": vector, "count": count}
        if self._clock() >= self._large.get(partition, float("-inf")):
            rows = connection.execute(_EXACT, {**terms, "most": self._exact_up_to + 1}).all()
            if not rows or rows[0].held <= self._exact_up_to:
                return rows
            self._remember(partition)
        connection.execute(_TUNING)
        rows = connection.execute(self._large_query, terms).all()
        return rows if len(rows) >= count else connection.execute(_EXACT, {**terms, "most": None}).all()

    def _remember(self, partition: str) -> None:
        if len(self._large) >= MOST_LARGE:
            self._large.clear()
            self._checked.clear()
        now = self._clock()
        self._large[partition] = now + LARGE_S
        if now >= self._checked.get(partition, float("-inf")):
            self._checked[partition] = now + CHECK_S
            self._wanted.add(partition)
            self._wake.set()

    def _part(self, partition: str) -> dict[str, Any]:
        return msgspec.structs.asdict(Part(partition, self._embedder, self._dimensions))

    # --- the indexes ---

    def tend(self) -> bool:
        """Take in what was written before there was pgvector, make the indexes that searches have asked for, and drop those of
        partitions that are small again; whether that is done, and not by another process just now. An index takes a
        millisecond for each vector. Raises StoreUnavailable, psycopg.Error.
        """
        with storage_errors():
            pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # what is set here, and the lock, end with this connection
        with closing(pooled):
            connection.autocommit = True
            if not connection.execute("SELECT pg_try_advisory_lock(%s)", [INDEX_LOCK]).fetchone()[0]:
                return False
            self._derive()
            self._index(connection)
            connection.execute("SELECT pg_advisory_unlock(%s)", [INDEX_LOCK])  # a moment before the server sees the end
        return True

    def _derive(self) -> None:
        after: int | None = None if self._derived else 0
        while after is not None and not self._stop.is_set():
            after = self._entries.derive_vectors(self._embedder, after)
        self._derived = True

    def _index(self, connection: Any) -> None:
        connection.execute("SET statement_timeout = 0")
        graphs = set()
        for name, whole, said in connection.execute(_GRAPHS).fetchall():
            # One without a comment, or that is not whole, was being made by a process that was killed.
            if whole and said and self._count(connection, msgspec.json.decode(said, type=Part)) >= self._small:
                graphs.add(name)
            else:
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
                log.info("semantic_index_dropped name=%s", name)
        for partition in tuple(self._wanted):
            part = Part(partition, self._embedder, self._dimensions)
            fits = self._dimensions <= MOST_INDEXED and len(graphs) < MOST_GRAPHS
            if fits and part.name not in graphs and self._count(connection, part) > self._exact_up_to:
                self._create(connection, part)
                graphs.add(part.name)
            self._wanted.discard(partition)

    @property
    def _small(self) -> int:
        return int(SMALL_AGAIN * self._exact_up_to)

    def _count(self, connection: Any, part: Part) -> int:
        """The vectors of a partition, or one more than makes it large."""
        terms = {**msgspec.structs.asdict(part), "most": self._exact_up_to + 1}
        return int(connection.execute(_COUNT, terms).fetchone()[0])

    @staticmethod
    def _create(connection: Any, part: Part) -> None:
        begun = time.monotonic()
        connection.execute(
            "SELECT set_config('maintenance_work_mem', %(least)s, false)"
            " WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes(%(least)s)",
            {"least": LEAST_MEMORY},
        )
        # Parallel workers share that memory, of which a container has 64 MB by default.
        connection.execute("SET max_parallel_maintenance_workers = 0")
        name, said = sql.Identifier(part.name), msgspec.json.encode(part).decode()
        connection.execute(
            _CREATE.format(
                name=name,
                partition=sql.Literal(part.partition),
                embedder=sql.Literal(part.embedder),
                dimensions=sql.Literal(part.dimensions),
            )
        )
        connection.execute(sql.SQL("COMMENT ON INDEX {} IS {}").format(name, sql.Literal(said)))
        connection.execute(f"ANALYZE {TABLE}")
        log.info("semantic_index_created name=%s seconds=%.1f", part.name, time.monotonic() - begun)

    def _run(self) -> None:
        pause: float | None = None
        while not self._stop.is_set():
            try:
                pause = None if self.tend() else AGAIN_S
            except (errors.StoreUnavailable, psycopg.OperationalError):
                pause = AGAIN_S
            except Exception:  # searches are exact without it, so nothing but time is lost
                log.exception("semantic_index_not_created: it is tried again")
                pause = AGAIN_S
            if pause is None:
                self._wake.wait()
            else:
                self._stop.wait(pause)
            self._wake.clear()
