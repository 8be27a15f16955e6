"""Nearest stored questions by pgvector, on a real PostgreSQL with and without it."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, make_url, text

from pipeline import errors
from pipeline.cache.index import Neighbour, pack, unit
from pipeline.cache.semantic.entries import Entries, NewEntry
from pipeline.cache.semantic.parts import SemanticParts
from pipeline.cache.semantic.pgvector import CHECK_S, INDEX_LOCK, RETRY_S, PgVector
from pipeline.cache.semantic.states import SHARED
from pipeline.semantics.minilm import MiniLm
from pipeline.settings import Settings, SettingsError
from pipeline.storage import vectors
from pipeline.storage.engine import create_engine, reading, writing
from pipeline.storage.migrate import HEAD, MIGRATIONS, current_revision, upgrade
from tests.support.clock import FakeClock
from tests.support.postgres import create_database, database_down, drop_database
from tests.support.waiting import wait_until

SECRET = b"secret"
SMALL = 8  # dimensions of tests that are not about many of them
LOADED_S = 120.0  # for the models of a semantic cache


@pytest.fixture
def engine(postgres_database_url: str) -> Iterator[Engine]:
    made = create_engine(postgres_database_url)
    yield made
    made.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def entries(engine: Engine, clock: FakeClock) -> Entries:
    return Entries(engine, SECRET, clock)


@pytest.fixture
def index(engine: Engine, entries: Entries, clock: FakeClock) -> PgVector:
    return PgVector(engine, entries, "e@1", SMALL, clock=clock)


def near(*numbers: float, dimensions: int = SMALL) -> np.ndarray:
    """A unit vector that begins with these numbers."""
    return np.asarray(unit([[*numbers, *[0.0] * (dimensions - len(numbers))]])[0])


def new(name: str, vector: np.ndarray | bytes, **changes: Any) -> NewEntry:
    values = {
        "id": name,
        "tenant": "t",
        "partition": "p",
        "text": f"What is {name}?",
        "embedder": "e@1",
        "vector": vector if isinstance(vector, bytes) else pack(vector),
        "answer": name.encode(),
        "answer_digest": name,
        "author": "k1",
        "state": SHARED,
        "created_at": 1000.0,
        "expires_at": 2000.0,
    }
    return NewEntry(**{**values, **changes})


def names(entries: Entries, found: list[Neighbour]) -> list[str]:
    return [entry.id for entry in entries.load("t", [neighbour.seq for neighbour in found])]


def derived(engine: Engine) -> list[tuple[int, str, int]]:
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT seq, embedder, dimensions FROM semantic_vectors ORDER BY seq")).all()
    return [(row.seq, row.embedder, row.dimensions) for row in rows]


def stored(engine: Engine) -> list[tuple[int, str, int]]:
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT seq, embedder, length(vector) / 2 FROM semantic_entries ORDER BY seq")).all()
    return [tuple(row) for row in rows]


def numbers_of(engine: Engine) -> dict[int, int]:
    """The numbers in the ids of entries, by their own."""
    with reading(engine) as connection:
        return {row.seq: int(row.id[1:]) for row in connection.execute(text("SELECT seq, id FROM semantic_entries"))}


def graphs(engine: Engine) -> dict[str, bool]:
    """The indexes by HNSW, and whether each is whole."""
    query = "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname LIKE '%hnsw%'"
    with reading(engine) as connection:
        return {row.relname: row.indisvalid for row in connection.execute(text(query))}


def scans(engine: Engine) -> int:
    """How often the index by HNSW was used: the server counts what a connection has done when it ends at the latest."""
    engine.dispose()
    with psycopg.connect(plain(engine), autocommit=True) as watch:
        others = "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        wait_until(lambda: watch.execute(others).fetchone() == (True,))
        query = "SELECT coalesce(sum(idx_scan), 0)::int FROM pg_stat_user_indexes WHERE indexrelname LIKE '%%hnsw%%'"
        (count,) = watch.execute(query).fetchone() or (0,)
    return int(count)


def plain(engine: Engine) -> str:
    """The URL for psycopg."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def run(engine: Engine, *statements: str) -> None:
    with writing(engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def clusters(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Questions are not spread evenly: many are about the same."""
    drawn = np.random.default_rng(seed)
    centres = drawn.standard_normal((count // 25, dimensions), dtype=np.float32)
    noise = drawn.standard_normal((count, dimensions), dtype=np.float32)
    return unit(centres[drawn.integers(0, len(centres), count)] + np.float32(0.7) * noise)


# --- what is there is found ---


def test_the_nearest_come_first_with_the_cosine_of_what_is_stored(index: PgVector, entries: Entries) -> None:
    entries.add([new("far", near(0, 1)), new("close", near(1, 0.1)), new("middle", near(1, 1)), new("back", near(-1))])
    found = index.search("p", near(1), 3)
    assert names(entries, found) == ["close", "middle", "far"]
    assert [neighbour.cosine for neighbour in found] == pytest.approx([near(1, 0.1)[0], near(1, 1)[0], 0.0], abs=1e-3)
    assert len(index.search("p", near(1), 8)) == len(index) == 4


def test_every_change_is_seen_by_the_next_search(index: PgVector, entries: Entries, clock: FakeClock) -> None:
    def found() -> list[str]:
        return names(entries, index.search("p", near(1), 8))

    assert found() == []
    entries.add([new("a", near(1)), new("b", near(1, 0.1)), new("c", near(1, 0.2)), new("d", near(1, 0.3), expires_at=1100.0)])
    assert found() == ["a", "b", "c", "d"]
    entries.add([new("a", near(1, 5))])  # takes the place of the old
    assert found() == ["b", "c", "d", "a"]
    assert len(index) == 4
    entries.remove("t", ["b"])
    assert found() == ["c", "d", "a"]
    clock.now = 1101.0
    entries.expire()
    assert len(index.search("p", near(1), 8)) == 2
    entries.revoke("t", ["c"])
    assert len(index.search("p", near(1), 8)) == 1
    entries.purge("t")
    assert index.search("p", near(1), 8) == []


def test_what_goes_by_whatever_way_is_gone_here_too(index: PgVector, entries: Entries, engine: Engine) -> None:
    entries.add([new("a", near(1)), new("b", near(1, 1))])
    run(engine, "DELETE FROM semantic_entries WHERE id = 'a'")
    assert names(entries, index.search("p", near(1), 8)) == ["b"]
    assert derived(engine) == stored(engine)


def test_partitions_know_nothing_of_each_other(index: PgVector, entries: Entries) -> None:
    entries.add([new("mine", near(1, 1)), new("theirs", near(1), tenant="u", partition="q")])
    assert names(entries, index.search("p", near(1), 8)) == ["mine"]
    (found,) = index.search("q", near(1), 8)
    assert entries.load("t", [found.seq]) == []
    assert len(entries.load("u", [found.seq])) == 1
    assert index.search("r", near(1), 8) == []


def test_the_cosine_is_that_of_the_sealed_vector(index: PgVector, entries: Entries, engine: Engine) -> None:
    entries.add([new("a", near(0, 1))])
    run(engine, "UPDATE semantic_vectors SET embedding = '[1,0,0,0,0,0,0,0]'")
    (found,) = index.search("p", near(1), 8)
    assert found.cosine == pytest.approx(0.0)


def test_bytes_that_are_no_vector_are_kept_and_not_found(index: PgVector, entries: Entries, engine: Engine) -> None:
    nan, wide = np.full(SMALL, np.nan), near(1, dimensions=SMALL + 1)
    entries.add([new("odd", b"abc"), new("none", b""), new("nan", pack(nan)), new("wide", wide), new("good", near(1))])
    assert index.tend()
    assert names(entries, index.search("p", near(1), 8)) == ["good"]
    entries.add([new("wider", wide)])
    assert len(stored(engine)) == 6


# --- HNSW ---


def test_hnsw_finds_what_an_exact_search_finds(entries: Entries, engine: Engine) -> None:
    rows = clusters(5_000, 384, 1)
    for start in range(0, len(rows), 500):
        entries.add([new(f"n{number}", rows[number]) for number in range(start, start + 500)])
    index = PgVector(engine, entries, "e@1", 384)
    index.search("p", rows[0], 8)
    assert index.tend()
    drawn = np.random.default_rng(2)
    questions = unit(rows[:200] + np.float32(0.03) * drawn.standard_normal((200, 384), dtype=np.float32))
    halves = rows.astype(np.float16).astype(np.float32)
    numbers = numbers_of(engine)
    right = 0
    for question in questions:
        found = index.search("p", question, 8)
        assert len(found) == 8
        right += numbers[found[0].seq] == int(np.argmax(halves @ question))
    assert right / len(questions) >= 0.99
    assert scans(engine) == len(questions)
    # Those that go are not found from the next search on, though a graph keeps them for a while.
    nearest = [neighbour.seq for neighbour in index.search("p", questions[0], 8)]
    entries.remove_seqs(nearest[:7])
    left = index.search("p", questions[0], 8)
    assert left[0].seq == nearest[7]
    assert not {neighbour.seq for neighbour in left} & set(nearest[:7])
    entries.add([new("fresh", questions[0])])
    assert names(entries, index.search("p", questions[0], 1)) == ["fresh"]


def test_a_small_partition_beside_a_huge_one_finds_its_own(entries: Entries, engine: Engine, postgres_database_url: str) -> None:
    """All of the huge one is nearer to the question than any of the small one: what a filter would lose."""
    drawn = np.random.default_rng(3)
    huge = unit(near(1, dimensions=64) + np.float32(0.03) * drawn.standard_normal((2_000, 64), dtype=np.float32))
    small = unit(near(0, 1, dimensions=64) + np.float32(0.1) * drawn.standard_normal((300, 64), dtype=np.float32))
    entries.add([new(f"h{number}", row, partition="huge") for number, row in enumerate(huge)])
    entries.add([new(f"s{number}", row) for number, row in enumerate(small)])
    # The planner prefers the index by HNSW to any other way that it has.
    name = make_url(postgres_database_url).database
    run(engine, f"ALTER DATABASE {name} SET enable_sort = off", f"ALTER DATABASE {name} SET enable_bitmapscan = off")
    engine.dispose()
    question = near(1, dimensions=64)
    order = np.argsort(-(small.astype(np.float16).astype(np.float32) @ question))

    def search(index: PgVector) -> None:
        assert names(entries, index.search("p", question, 8)) == [f"s{number}" for number in order[:8]]

    index = PgVector(engine, entries, "e@1", 64, exact_up_to=1_000)
    index.search("huge", question, 8)
    assert index.tend()
    search(index)  # exactly, beside a graph of the huge one
    both = PgVector(engine, entries, "e@1", 64, exact_up_to=100)
    search(both)  # large, and still without a graph
    assert (len(graphs(engine)), scans(engine)) == (1, 0)
    assert both.tend()
    search(both)  # in a graph of its own
    assert (len(graphs(engine)), scans(engine)) == (2, 1)


def test_embedders_of_different_dimensions_live_side_by_side(entries: Entries, engine: Engine) -> None:
    one = PgVector(engine, entries, "e@1", 384, exact_up_to=1)
    other = PgVector(engine, entries, "it's a model:8b 100%@provider", 1536, exact_up_to=1)
    wide = {"embedder": "it's a model:8b 100%@provider"}
    entries.add([new("a", near(1, dimensions=384)), new("b", near(0, 1, dimensions=384))])
    entries.add([new("c", near(1, dimensions=1536), **wide), new("d", near(0, 1, dimensions=1536), **wide)])
    for index in (one, other):
        index.search("p", near(1, dimensions=384 if index is one else 1536), 8)
        assert index.tend()
    assert list(graphs(engine).values()) == [True, True]
    entries.add([new("e", near(1, 1, dimensions=384)), new("f", near(1, 1, dimensions=1536), **wide)])
    assert names(entries, one.search("p", near(1, dimensions=384), 8)) == ["a", "e", "b"]
    assert names(entries, other.search("p", near(1, dimensions=1536), 8)) == ["c", "f", "d"]
    moved = entries.find("t", "a")
    assert moved is not None
    entries.embedded(moved, wide["embedder"], pack(near(0, 0, 1, dimensions=1536)))
    assert names(entries, one.search("p", near(1, dimensions=384), 8)) == ["e", "b"]
    assert names(entries, other.search("p", near(0, 0, 1, dimensions=1536), 1)) == ["a"]
    assert derived(engine) == stored(engine)


def test_more_dimensions_than_hnsw_takes_are_searched_exactly(entries: Entries, engine: Engine) -> None:
    index = PgVector(engine, entries, "e@1", 5_000, exact_up_to=1)
    entries.add([new("a", near(1, dimensions=5_000)), new("b", near(0, 1, dimensions=5_000))])
    for _ in range(2):
        assert names(entries, index.search("p", near(1, dimensions=5_000), 1)) == ["a"]
        assert index.tend()
    assert graphs(engine) == {}


# --- making indexes ---


@pytest.fixture
def large(engine: Engine, entries: Entries, clock: FakeClock) -> PgVector:
    """An index to which a partition of five is a large one, which was searched once."""
    entries.add([new(f"n{number}", near(1, number)) for number in range(5)])
    index = PgVector(engine, entries, "e@1", SMALL, exact_up_to=4, clock=clock)
    assert len(index.search("p", near(1), 8)) == 5
    return index


def oid(engine: Engine, name: str) -> int:
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT CAST(to_regclass(:name) AS oid)"), {"name": name}).scalar_one())


def test_only_large_partitions_that_are_searched_get_an_index(large: PgVector, entries: Entries, engine: Engine) -> None:
    entries.add([new(f"q{number}", near(1), partition="never searched") for number in range(9)])
    entries.add([new(f"r{number}", near(1), partition="small") for number in range(4)])
    large.search("small", near(1), 8)
    assert large.tend()
    assert list(graphs(engine).values()) == [True]


def test_an_index_is_made_once_and_anew_when_its_maker_was_killed(
    large: PgVector, entries: Entries, engine: Engine, clock: FakeClock
) -> None:
    assert large.tend()
    (name,) = graphs(engine)
    before = oid(engine, name)
    clock.advance(CHECK_S)
    large.search("p", near(1), 8)
    assert large.tend()
    assert oid(engine, name) == before
    for left_behind in (
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass",
        f"COMMENT ON INDEX {name} IS NULL",
    ):
        run(engine, left_behind)
        clock.advance(CHECK_S)
        assert len(large.search("p", near(1), 8)) == 5
        assert large.tend()
        assert graphs(engine) == {name: True}
        assert oid(engine, name) != before
        before = oid(engine, name)


def test_one_process_at_a_time_makes_indexes(large: PgVector, engine: Engine) -> None:
    with psycopg.connect(plain(engine), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [INDEX_LOCK])
        assert not large.tend()
        assert graphs(engine) == {}
        other.execute("SELECT pg_advisory_unlock(%s)", [INDEX_LOCK])
        assert large.tend()
        assert len(graphs(engine)) == 1
        assert large.tend()  # the lock was given back


def test_an_index_is_made_in_the_background(large: PgVector, entries: Entries, engine: Engine) -> None:
    large.start()
    wait_until(lambda: list(graphs(engine).values()) == [True], 60.0)
    entries.add([new(f"q{number}", near(1, number), partition="q") for number in range(5)])
    large.search("q", near(1), 8)
    wait_until(lambda: list(graphs(engine).values()) == [True, True], 60.0)
    large.close()


def test_the_index_of_a_partition_that_is_small_again_goes(large: PgVector, entries: Entries, engine: Engine) -> None:
    assert large.tend()
    entries.remove("t", ["n1", "n2", "n3"])
    assert large.tend()
    assert len(graphs(engine)) == 1  # half as many as make it large
    entries.remove("t", ["n4"])
    assert large.tend()
    assert graphs(engine) == {}
    assert names(entries, large.search("p", near(1), 8)) == ["n0"]


def test_the_index_of_an_embedder_that_nobody_has_any_more_goes(large: PgVector, entries: Entries, engine: Engine) -> None:
    assert large.tend()
    for entry in entries.page("t", 0, 9):
        entries.embedded(entry, "e@2", entry.vector)
    assert PgVector(engine, entries, "e@2", SMALL, exact_up_to=4).tend()
    assert graphs(engine) == {}


def test_what_was_written_before_there_was_pgvector_is_taken_in(index: PgVector, entries: Entries, engine: Engine) -> None:
    run(engine, "DROP TABLE semantic_vectors")
    many = [new(f"n{number}", near(1, number / 100)) for number in range(600)]
    entries.add([*many, new("odd", b"abc"), new("other", near(1), embedder="e@2"), new("gone", near(1))])
    entries.revoke("t", ["gone"])
    with writing(engine) as connection:
        assert vectors.create(connection) is None
    entries.add([new("late", near(0, 0, 1))])
    assert len(index) == 1
    assert index.tend()
    assert len(index) == 601
    assert names(entries, index.search("p", near(1), 1)) == ["n0"]


# --- a database that is away, a process that dies ---


def test_a_database_that_is_away_is_not_asked_at_each_search(
    index: PgVector, entries: Entries, clock: FakeClock, postgres_url: str, postgres_database_url: str
) -> None:
    entries.add([new("a", near(1))])
    assert index.ready
    with database_down(postgres_url, postgres_database_url):
        with pytest.raises(errors.StoreUnavailable):
            index.search("p", near(1), 8)
        assert not index.ready
    clock.advance(RETRY_S)
    assert index.ready
    assert names(entries, index.search("p", near(1), 8)) == ["a"]


def test_answers_are_kept_when_somebody_drops_the_extension(
    index: PgVector, entries: Entries, engine: Engine, clock: FakeClock
) -> None:
    entries.add([new("a", near(1))])
    run(engine, "DROP EXTENSION vector CASCADE")
    entries.add([new("b", near(1, 1))])
    entries.remove("t", ["a"])
    entries.revoke("t", ["nothing"])
    with pytest.raises(errors.StoreUnavailable):
        index.search("p", near(1), 8)
    assert not index.ready
    with writing(engine) as connection:
        assert vectors.create(connection) is None
    clock.advance(RETRY_S)
    assert index.tend()
    assert names(entries, index.search("p", near(1), 8)) == ["b"]


DIE = """
import os, signal, sys
from sqlalchemy import event
from pipeline.storage.engine import create_engine
from tests.integration.test_semantic_pgvector import SECRET, Entries, near, new

engine = create_engine(sys.argv[1])

@event.listens_for(engine, "after_cursor_execute")
def die(connection, cursor, statement, parameters, context, executemany):
    if statement.startswith("INSERT INTO semantic_vectors"):
        os.kill(os.getpid(), signal.SIGKILL)

Entries(engine, SECRET, lambda: 1000.0).add([new("a", near(0, 1)), new("c", near(1))])
"""


def test_a_writer_that_is_killed_leaves_entries_and_vectors_that_agree(
    index: PgVector, entries: Entries, engine: Engine, postgres_database_url: str
) -> None:
    entries.add([new("a", near(1)), new("b", near(1, 1))])
    before = derived(engine)
    died = subprocess.run(
        [sys.executable, "-c", DIE, postgres_database_url], capture_output=True, text=True, timeout=120, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert derived(engine) == stored(engine) == before
    assert names(entries, index.search("p", near(1), 8)) == ["a", "b"]
    entries.add([new("c", near(1, 2))])
    assert names(entries, index.search("p", near(1), 8)) == ["a", "b", "c"]


# --- with pgvector and without ---


@pytest.fixture
def plain_url(postgres_url: str) -> Iterator[str]:
    """A migrated database of a role that may not create extensions."""
    role = f"leo_{secrets.token_hex(6)}"
    url = create_database(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"ALTER DATABASE {make_url(url).database} OWNER TO {role}")
    theirs = make_url(url).set(username=role).render_as_string(hide_password=False)
    upgrade(theirs)
    yield theirs
    drop_database(postgres_url, url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE {role}")


def as_superuser(url: str, statement: str) -> None:
    plain = make_url(url).set(username="postgres").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def made_parts(tmp_path: Path) -> Iterator[Any]:
    closers: list[Any] = []

    def make(url: str, index: str) -> SemanticParts:
        settings = Settings(
            database_url=url, home=str(tmp_path), secret_key="a-secret-of-the-tests", semantic_cache=True, semantic_index=index
        )
        engine = create_engine(url)
        parts = SemanticParts(settings, lambda: engine, leads=lambda: False, ask_embedder=lambda body: b"")
        closers.extend([engine.dispose, parts.close])
        return parts

    yield make
    for closer in reversed(closers):
        closer()


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    with reading(engine) as connection:
        found = set(inspect(connection).get_table_names())
    engine.dispose()
    return found


def test_a_database_without_pgvector_is_migrated_and_has_no_such_table(plain_url: str, sqlite_url: str) -> None:
    for url in (plain_url, sqlite_url):
        assert current_revision(url) == HEAD
        assert "semantic_entries" in tables(url)
        assert vectors.TABLE not in tables(url)


def test_the_table_goes_with_its_migration_and_comes_back(engine: Engine, postgres_database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for _ in range(2):
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0003")
        assert vectors.TABLE not in tables(postgres_database_url)
        assert upgrade(postgres_database_url)
        assert vectors.TABLE in tables(postgres_database_url)


def test_without_pgvector_the_index_is_in_memory_and_the_log_says_what_to_do(
    plain_url: str, made_parts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    parts = made_parts(plain_url, "auto")
    with caplog.at_level(logging.INFO):
        wait_until(parts.cache, LOADED_S)
    (said,) = [record.getMessage() for record in caplog.records if "semantic_index_in_memory" in record.getMessage()]
    assert "CREATE EXTENSION vector" in said


def test_with_pgvector_the_index_is_there(postgres_database_url: str, entries: Entries, engine: Engine, made_parts: Any) -> None:
    run(engine, "DROP TABLE semantic_vectors")
    entries.add([new("a", near(1, dimensions=384), embedder=MiniLm.name)])
    wait_until(made_parts(postgres_database_url, "auto").cache, LOADED_S)
    wait_until(lambda: derived(engine) == stored(engine), 60.0)


def test_memory_is_memory(postgres_database_url: str, made_parts: Any, caplog: pytest.LogCaptureFixture) -> None:
    parts = made_parts(postgres_database_url, "memory")
    with caplog.at_level(logging.INFO):
        wait_until(parts.cache, LOADED_S)
    assert "semantic_index_in_memory" not in caplog.text
    assert "pgvector" not in caplog.text


def test_an_extension_that_comes_later_is_found_at_the_next_start(plain_url: str, made_parts: Any) -> None:
    engine = create_engine(plain_url)
    entries = Entries(engine, SECRET, lambda: 1000.0)
    entries.add([new("a", near(1)), new("b", near(1, 1))])
    with pytest.raises(SettingsError, match="CREATE EXTENSION vector"):
        made_parts(plain_url, "pgvector").check()
    as_superuser(plain_url, "CREATE EXTENSION vector")
    made_parts(plain_url, "pgvector").check()
    index = PgVector(engine, entries, "e@1", SMALL, exact_up_to=1)
    for made in (0, 0, 1):
        assert len(graphs(engine)) == made
        assert index.tend()
        assert names(entries, index.search("p", near(1), 8)) == ["a", "b"]
    engine.dispose()


def test_a_pgvector_without_iterative_scans_is_too_old(postgres_database_url: str, made_parts: Any) -> None:
    as_superuser(postgres_database_url, "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(SettingsError, match=r"0\.7\.4 is too old.*ALTER EXTENSION vector UPDATE"):
        made_parts(postgres_database_url, "pgvector").check()
    made_parts(postgres_database_url, "auto").check()


def test_a_pgvector_out_of_sight_is_named(plain_url: str, made_parts: Any) -> None:
    as_superuser(plain_url, "CREATE SCHEMA elsewhere")
    as_superuser(plain_url, "CREATE EXTENSION vector SCHEMA elsewhere")
    with pytest.raises(SettingsError, match="search_path"):
        made_parts(plain_url, "pgvector").check()


def test_a_database_that_is_away_stops_no_start(made_parts: Any) -> None:
    made_parts("postgresql://nobody@127.0.0.1:1/leo", "pgvector").check()


def test_a_worker_does_not_start_when_its_pgvector_is_not_there(plain_url: str, tmp_path: Path) -> None:
    settings = {"LEO_SEMANTIC_CACHE": "true", "LEO_SEMANTIC_INDEX": "pgvector", "LEO_DATABASE_URL": plain_url}
    tried = subprocess.run(
        [sys.executable, "-m", "app.cli", "worker"],
        env={**os.environ, **settings, "LEO_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert tried.returncode == 1
    assert "CREATE EXTENSION vector" in tried.stderr
    assert "Traceback" not in tried.stderr
