"""Hits by the thousand, events that somebody waits for, and a writer that rests: against a real Redis and both databases."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, select, text

from pipeline.ids import hit_batch_id, hit_id, request_id
from pipeline.ledger.analytics import Analytics
from pipeline.ledger.events import Event, HitsEvent, RequestEvent
from pipeline.ledger.find import find_request
from pipeline.ledger.hits import HitBook, expand
from pipeline.ledger.insert import insert_events
from pipeline.ledger.rollups import aggregate
from pipeline.ledger.stream import STREAM, BufferedLedger, LedgerStream
from pipeline.ledger.writer import LedgerWriter
from pipeline.storage import migrate
from pipeline.storage.engine import create_engine, writing
from pipeline.storage.tables import LedgerRequest, LedgerRollup
from tests.support.ledger import call_event, drain, hits_event, ids_in, request_event, sums_in_table, sums_over_rows
from tests.support.postgres import create_database, drop_database
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

PATIENCE_S = 60


@pytest.fixture
def stream(redis_client: redis.Redis) -> LedgerStream:
    return LedgerStream(redis_client, max_backlog=100_000)


@pytest.fixture
def writer(redis_client: redis.Redis, engine: Engine) -> LedgerWriter:
    return LedgerWriter(redis_client, engine)


# --- from the book to the figures ---


def test_every_hit_of_a_book_is_in_the_figures_and_can_be_found(
    stream: LedgerStream, writer: LedgerWriter, engine: Engine
) -> None:
    book, buffer = HitBook(), BufferedLedger(stream, flush_interval=0.001)
    told: list[tuple[str, str, float]] = []
    for tenant in ("acme", "other"):
        for flush in range(3):
            batch = book.open(request_event(tenant=tenant, cost_saved=10**12, tokens_saved=15))
            told += [(hit_id(batch.id, batch.add(1000 + number)), tenant, 1 + number / 1000) for number in range(10 + flush)]
            hits = book.waiting
            buffer.add_entries(book.flush(), hits)
    buffer.close()
    drain(writer)
    found = [find_request(engine, hit) for hit, _, _ in told]
    assert [(request.id, request.tenant, request.latency_ms) for request in found if request] == told
    assert len({hit for hit, _, _ in told}) == 66
    metrics = Analytics(engine).summary("acme")["optimization_metrics"]
    expected = {"total_requests": 33, "cache_hits": 33, "cache_hit_rate": 1.0, "tokens_saved": 33 * 15, "cost_saved": 33.0}
    assert {name: metrics[name] for name in expected} == expected
    assert metrics["average_latency_ms"] == metrics["average_overhead_ms"]
    assert Analytics(engine).cache_stats(None)["hits_exact"] == 66
    assert sums_in_table(engine) == sums_over_rows(engine)


marks = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=8)
batches = st.builds(hits_event, marks, st.builds(hit_batch_id), model=st.sampled_from(["small", "large"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(batches, min_size=1, max_size=5))
def test_exactly_the_ids_of_a_batch_are_found(
    stream: LedgerStream, writer: LedgerWriter, engine: Engine, events: list[HitsEvent]
) -> None:
    stream.append_many(events)
    drain(writer)
    for event in events:
        assert [find_request(engine, request.id) for request in expand(event)] == list(expand(event))
        batch = event.id[:24]
        others = [hit_id(batch, event.hits), hit_id(batch, 16**12 - 1), hit_id(hit_batch_id(), 0), event.id.upper(), batch]
        assert [find_request(engine, other) for other in others] == [None] * 5


def test_a_request_with_a_row_of_its_own_is_found(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    request = request_event(request_id(), cache="miss", stream=True, cost=None, call_id="c")
    stream.append(request)
    drain(writer)
    assert find_request(engine, request.id) == request
    assert [find_request(engine, other) for other in ("", "req_1", "\0", "\ud83d", "x" * 10_000)] == [None] * 5


# --- the writer's pace ---


class StopsAtRest(threading.Event):
    """Notes how long the writer means to rest, and lets it end there."""

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.rests.append(timeout)
        self.set()
        return True


def test_the_writer_rests_when_it_has_caught_up_and_not_before(
    redis_client: redis.Redis, stream: LedgerStream, engine: Engine
) -> None:
    stream.append_many([request_event(str(number)) for number in range(5)])
    stop = StopsAtRest()
    LedgerWriter(redis_client, engine, batch=2, rest_s=0.125).run(stop)
    assert (stream.backlog(), stop.rests) == (0, [0.125])


def test_a_backlog_of_long_entries_is_read_in_small_pieces(
    redis_client: redis.Redis, stream: LedgerStream, engine: Engine
) -> None:
    events = [hits_event([(0, 1)] * 1000) for _ in range(100)]  # 11 kB each
    stream.append_many(events)
    writer = LedgerWriter(redis_client, engine, read_bytes=100_000)
    taken = []
    while count := writer.drain_once(block_ms=0):
        taken.append(count)
    assert sum(taken) == 100
    assert max(taken[1:-1]) <= 10, "only the first read cannot know how long they are"
    stream.append_many([request_event(str(number)) for number in range(500)])
    grown = [writer.drain_once(block_ms=0) for _ in range(3)]
    assert grown == sorted(grown)
    assert grown[-1] > 10
    drain(writer)
    assert len(ids_in(engine)) == 600


# --- events that somebody waits for ---


def test_a_committed_event_is_in_redis_when_its_caller_hears_so(redis_client: redis.Redis, stream: LedgerStream) -> None:
    buffer = BufferedLedger(stream, flush_interval=3600)
    seen: list[tuple[bool, int]] = []
    buffer.commit(call_event(), lambda taken: seen.append((taken, stream.backlog())))
    wait_until(lambda: seen, PATIENCE_S, "the caller being told")
    buffer.close()
    assert seen == [(True, 1)]


def test_a_commit_during_an_outage_is_answered_and_arrives_after_it(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with RedisServer(aof=True) as server, contextlib.closing(server.client()) as client:
        stream = LedgerStream(client, 1000)
        buffer = BufferedLedger(stream, flush_interval=0.01)
        heard: list[bool] = []
        server.kill()
        buffer.commit(call_event("during"), heard.append)
        wait_until(lambda: heard, PATIENCE_S, "the caller being told")
        server.start()
        wait_until(lambda: buffer.waiting == 0, PATIENCE_S, "the event arriving")
        buffer.commit(call_event("after"), heard.append)
        wait_until(lambda: len(heard) == 2, PATIENCE_S, "the other caller being told")
        buffer.close()
        drain(LedgerWriter(client, engine))
    assert heard == [False, True]
    assert ids_in(engine) == ["after", "during"]
    engine.dispose()


def test_a_full_backlog_refuses_a_commit_and_takes_it_when_there_is_room(redis_client: redis.Redis) -> None:
    stream = LedgerStream(redis_client, max_backlog=1)
    stream.append(request_event())
    buffer = BufferedLedger(stream, flush_interval=3600)
    heard: list[bool] = []
    buffer.commit(call_event(), heard.append)
    wait_until(lambda: heard, PATIENCE_S, "the caller being told")
    redis_client.xtrim(STREAM, maxlen=0, approximate=False)
    buffer.close()
    assert (heard, stream.backlog()) == ([False], 1)


# --- a database of the version before ---


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that was never migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.db"
        return
    server = request.getfixturevalue("postgres_url")
    url = create_database(server)
    yield url
    drop_database(server, url)


def alembic(engine: Engine, change: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        change(config, revision)


def insert_as_before(engine: Engine, table: str, values: Mapping[str, Any]) -> None:
    """What a version before this one wrote: only into the columns that it knew."""
    with writing(engine) as connection:
        known = {column["name"] for column in inspect(connection).get_columns(table)} - {"hits_semantic", "semantic_looked"}
        row = {name: value for name, value in values.items() if name in known}
        names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), row)


def write_as_before(engine: Engine, request: RequestEvent) -> None:
    insert_as_before(engine, "ledger_requests", msgspec.structs.asdict(request))
    for (tenant, hour, model), sums in aggregate([request], []).items():
        insert_as_before(engine, "ledger_rollups", {"tenant": tenant, "hour": hour, "model": model, **sums})


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_ledger_of_a_version_before_keeps_its_rows_and_takes_new_ones(empty_url: str, version: str) -> None:
    engine, hits, near = create_engine(empty_url), hits_event(), request_event("near", cache="semantic", score=0.9)
    refused: list[Event] = []
    alembic(engine, command.upgrade, version)
    write_as_before(engine, request_event())
    assert migrate.upgrade(empty_url)
    insert_events(engine, [request_event(), hits, near], lambda event, _: refused.append(event))
    assert ids_in(engine) == sorted(["near", "req_1", hits.id])
    assert sums_in_table(engine) == sums_over_rows(engine)
    alembic(engine, command.downgrade, version)
    with engine.connect() as connection:
        assert sorted(connection.execute(select(LedgerRequest.id)).scalars()) == ["near", "req_1"]
        assert connection.execute(select(LedgerRollup.hits_exact)).scalars().all() == [3]
    assert not migrate.is_current(engine)
    assert refused == []
    engine.dispose()


def test_a_writer_of_the_version_before_goes_on_after_the_migration(engine: Engine) -> None:
    write_as_before(engine, request_event())
    assert sums_in_table(engine) == sums_over_rows(engine)
    assert find_request(engine, "req_1") == request_event()
