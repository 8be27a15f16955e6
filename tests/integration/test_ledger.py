"""The ledger from Redis into SQL: nothing is lost, nothing counts twice, whatever is killed."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert

from pipeline import errors
from pipeline.ids import utc_now
from pipeline.ledger import rollups
from pipeline.ledger.analytics import Analytics
from pipeline.ledger.events import Event
from pipeline.ledger.lease import LEASE_KEY, Lease
from pipeline.ledger.retention import delete_older_than
from pipeline.ledger.rows import HitsRow, hits_row
from pipeline.ledger.stream import DEAD_STREAM, STREAM, BufferedLedger, LedgerStream
from pipeline.ledger.writer import LedgerWriter
from pipeline.storage.engine import create_engine, writing
from pipeline.storage.tables import Feedback, LedgerCall, LedgerHits, LedgerRequest, LedgerRollup
from tests.support.ledger import (
    AT,
    call_event,
    drain,
    hits_event,
    ids_in,
    request_event,
    rows,
    sums_in_table,
    sums_over_rows,
)
from tests.support.postgres import database_down
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

PATIENCE_S = 60


@pytest.fixture
def stream(redis_client: redis.Redis) -> LedgerStream:
    return LedgerStream(redis_client, max_backlog=100_000)


@pytest.fixture
def writer(redis_client: redis.Redis, engine: Engine) -> LedgerWriter:
    return LedgerWriter(redis_client, engine, batch=100)


@contextlib.contextmanager
def process(redis_url: str, database_url: str, batch: int) -> Iterator[subprocess.Popen[bytes]]:
    """A writer process; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.support.ledger_process", redis_url, database_url, str(batch)]
    running = subprocess.Popen(command)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


# --- the way of an event ---


def test_every_field_of_an_event_arrives(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    meaning = {"similarity": 0.1 + 0.2, "score": 0.75, "threshold": 2.0, "novelty": 0.0, "entry_id": "ab" * 20}
    request = request_event(bypass_reason="seed", call_id="c", stream=True, cache="semantic", **meaning)
    call = call_event(error="late", first_token_ms=1.25)
    hits = hits_event(call_id="c", stream=True)
    stream.append_many([request, hits, call])
    assert stream.backlog() == 3
    assert writer.drain_once(block_ms=0) == 3
    assert [type(request)(**row) for row in rows(engine, LedgerRequest)] == [request]
    assert [HitsRow(**row) for row in rows(engine, LedgerHits)] == [hits_row(hits)]
    assert [type(call)(**row) for row in rows(engine, LedgerCall)] == [call]
    assert stream.backlog() == 0


def test_what_is_not_known_stays_unknown(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    stream.append_many([request_event(cost=None, cost_saved=None, tokens_saved=None, overhead_ms=None), hits_event()])
    drain(writer)
    (request,), (hits,) = rows(engine, LedgerRequest), rows(engine, LedgerHits)
    assert [request[name] for name in ("cost", "cost_saved", "tokens_saved", "overhead_ms")] == [None] * 4
    for row in (request, hits):
        assert [row[name] for name in ("similarity", "score", "threshold", "novelty", "entry_id")] == [None] * 5


def test_an_empty_ledger_is_no_work(writer: LedgerWriter) -> None:
    assert writer.drain_once(block_ms=1) == 0


def test_a_writer_that_waits_wakes_for_an_event(stream: LedgerStream, writer: LedgerWriter) -> None:
    with ThreadPoolExecutor(1) as pool:
        drained = pool.submit(writer.drain_once, 9000)
        stream.append(request_event())
        assert drained.result(PATIENCE_S) == 1


def test_a_backlog_that_is_full_takes_nothing_more(redis_client: redis.Redis) -> None:
    stream = LedgerStream(redis_client, max_backlog=3)
    stream.append_many([request_event(str(number)) for number in range(3)])
    with pytest.raises(errors.Overloaded):
        stream.append(request_event("one too many"))
    assert stream.backlog() == 3


def test_a_long_batch_arrives_whole_and_in_order(redis_client: redis.Redis, stream: LedgerStream) -> None:
    stream.append_many([request_event(f"req_{number}") for number in range(1201)])
    found: Any = redis_client.xrange(STREAM)
    assert [f'"req_{number}"'.encode() in fields[b"d"] for number, (_, fields) in enumerate(found)] == [True] * 1201


# --- once and only once ---


def test_a_redelivered_event_counts_once(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    hits = hits_event()
    stream.append_many([request_event(), request_event(), hits, call_event(), hits, call_event()])
    drain(writer)
    stream.append_many([request_event(), call_event(), hits])
    drain(writer)
    assert ids_in(engine) == sorted(["abab:1:0", "req_1", hits.id])
    assert sums_in_table(engine) == sums_over_rows(engine)


class Killed(BaseException):
    """Stands for a kill between the commit and the deletion from the stream."""


class DiesBeforeDeleting(redis.Redis):
    def xdel(self, *_: Any, **__: Any) -> Any:
        raise Killed


def test_a_writer_that_dies_after_its_commit_counts_nothing_twice(
    redis_url: str, stream: LedgerStream, writer: LedgerWriter, engine: Engine
) -> None:
    hits = hits_event()
    stream.append_many([request_event(), call_event(), hits])
    dying = DiesBeforeDeleting.from_url(redis_url)
    with pytest.raises(Killed):
        LedgerWriter(dying, engine).drain_once(block_ms=0)
    dying.close()
    assert stream.backlog() == 3
    assert drain(writer) == 3
    assert ids_in(engine) == sorted(["abab:1:0", "req_1", hits.id])
    assert sums_in_table(engine) == sums_over_rows(engine)


token_counts = st.none() | st.integers(0, 10**10)
moneys = st.none() | st.integers(0, 10**15)
times = st.none() | st.floats(0, 1e9)
names = st.sampled_from(["a", "b", "\0", "\N{SNOWMAN}"])
shares = st.none() | st.floats(0, 1)
moments = st.sampled_from([AT, AT + 1, AT + 3600, AT + 7201.5])

requests = st.builds(
    request_event,
    st.integers(0, 30).map("req_{}".format),
    at=moments,
    tenant=names,
    model=names,
    cache=st.sampled_from(["exact", "semantic", "dedup", "miss", "bypass", "error"]),
    similarity=st.none() | st.floats(-1, 1),
    score=shares,
    threshold=st.none() | st.floats(0, 2),
    novelty=shares,
    status=st.sampled_from([200, 404, 499, 503]),
    prompt_tokens=token_counts,
    completion_tokens=token_counts,
    cached_tokens=token_counts,
    tokens_saved=token_counts,
    cost=moneys,
    cost_saved=moneys,
    latency_ms=st.floats(0, 1e9),
    overhead_ms=times,
)
calls = st.builds(
    call_event,
    st.integers(0, 10).map("call:1:{}".format),
    at=moments,
    tenant=names,
    model=names,
    outcome=st.sampled_from(["ok", "timeout"]),
    prompt_tokens=token_counts,
    completion_tokens=token_counts,
    cost=moneys,
    latency_ms=st.floats(0, 1e9),
)


batches = st.builds(
    hits_event,
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=20),
    st.integers(0, 10).map("req_{:020x}".format),
    at=moments,
    tenant=names,
    model=names,
    status=st.sampled_from([200, 404]),
    prompt_tokens=token_counts,
    tokens_saved=token_counts,
    cost=moneys,
    cost_saved=moneys,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(requests | calls | batches, max_size=60), batch=st.integers(1, 50), again=st.randoms(use_true_random=False)
)
def test_the_sums_equal_the_rows_for_any_events_in_any_order_delivered_again(
    redis_client: redis.Redis, engine: Engine, events: list[Event], batch: int, again: Any
) -> None:
    redis_client.flushall()
    with writing(engine) as connection:
        for table in (LedgerRequest, LedgerHits, LedgerCall, LedgerRollup):
            connection.execute(delete(table))
    stream, writer = LedgerStream(redis_client, 100_000), LedgerWriter(redis_client, engine, batch=batch)
    redelivered = [event for event in events if again.random() < 0.5]
    again.shuffle(redelivered)
    stream.append_many(events + redelivered)
    drain(writer)
    stream.append_many(redelivered)
    drain(writer)
    assert ids_in(engine) == sorted({event.id for event in events})
    assert sums_in_table(engine) == sums_over_rows(engine)
    assert redis_client.xlen(DEAD_STREAM) == 0


# --- what cannot be written ---


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"k": "r", "d": "not json"}, b"JSON"),
        ({"k": "z", "d": "{}"}, b"unknown kind"),
        ({"strange": "\x00"}, b"unknown kind"),
        ({"k": "c", "d": '{"id": "x"}'}, b"missing required field"),
    ],
)
def test_a_malformed_entry_is_put_aside_and_the_others_go_on(
    redis_client: redis.Redis, stream: LedgerStream, writer: LedgerWriter, engine: Engine, fields: Any, reason: bytes
) -> None:
    stream.append(request_event("before"))
    entry_id: Any = redis_client.xadd(STREAM, fields)
    stream.append(request_event("after"))
    assert drain(writer) == 3
    assert ids_in(engine) == ["after", "before"]
    letters: Any = redis_client.xrange(DEAD_STREAM)
    assert len(letters) == 1
    assert reason in letters[0][1][b"reason"]
    assert letters[0][1][b"id"] == entry_id
    assert {key: letters[0][1][key.encode()].decode() for key in fields} == fields


def test_an_event_that_only_the_database_refuses_is_put_aside_alone(
    redis_client: redis.Redis, stream: LedgerStream, postgres_database_url: str
) -> None:
    engine = create_engine(postgres_database_url)
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE ledger_requests ADD CHECK (model <> 'poison')")
    stream.append_many([request_event(str(number), model="poison" if number == 5 else "small") for number in range(9)])
    drain(LedgerWriter(redis_client, engine))
    assert ids_in(engine) == [str(number) for number in range(9) if number != 5]
    assert sums_in_table(engine) == sums_over_rows(engine)
    letters: Any = redis_client.xrange(DEAD_STREAM)
    assert b"violates check constraint" in letters[0][1][b"reason"]
    engine.dispose()


def test_texts_without_end_and_with_nul_do_not_stop_the_ledger(
    redis_client: redis.Redis, stream: LedgerStream, writer: LedgerWriter, engine: Engine
) -> None:
    # Random text, because PostgreSQL compresses: a long repetition would fit into its index all the same.
    wide = "".join(chr(0x10000 + number * 7919 % 0xF000) for number in range(5000))
    stream.append(request_event("long", model=wide, tenant=wide[::-1], error_code="a\0b"))
    drain(writer)
    assert redis_client.xlen(DEAD_STREAM) == 0
    assert [row["error_code"] for row in rows(engine, LedgerRequest)] == ["a\N{REPLACEMENT CHARACTER}b"]
    assert sums_in_table(engine) == sums_over_rows(engine)


# --- processes that are killed ---


def test_a_writer_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    redis_url: str, redis_client: redis.Redis, stream: LedgerStream, database_url: str, engine: Engine
) -> None:
    kills, each = 5, 200
    for kill in range(kills):
        stream.append_many([request_event(f"req_{kill}_{number:03}", at=AT + number * 60) for number in range(each)])
        waiting = stream.backlog()
        with process(redis_url, database_url, batch=3) as writer:
            wait_until(lambda: stream.backlog() < waiting - 10 * kill, PATIENCE_S, "the writer being at work")  # noqa: B023
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        # The next one need not wait until the lease of the dead one runs out; the test of the standby does.
        redis_client.delete(LEASE_KEY)
    with process(redis_url, database_url, batch=100):
        wait_until(lambda: stream.backlog() == 0, PATIENCE_S, "the last writer finishing")
    assert ids_in(engine) == [f"req_{kill}_{number:03}" for kill in range(kills) for number in range(each)]
    assert sums_in_table(engine) == sums_over_rows(engine)


def test_a_standby_takes_over_from_a_writer_that_is_killed(
    redis_url: str, redis_client: redis.Redis, stream: LedgerStream, database_url: str, engine: Engine
) -> None:
    with process(redis_url, database_url, batch=10) as first:
        holder = wait_until(lambda: redis_client.get(LEASE_KEY), PATIENCE_S, "the first writer holding the lease")
        with process(redis_url, database_url, batch=10):
            first.send_signal(signal.SIGKILL)
            stream.append(request_event())
            wait_until(lambda: stream.backlog() == 0, PATIENCE_S, "the standby writing")
            assert redis_client.get(LEASE_KEY) not in (None, holder)
    assert ids_in(engine) == ["req_1"]


def test_a_lease_runs_out_soon_enough_for_a_takeover_within_five_seconds(redis_client: redis.Redis) -> None:
    first, second = Lease(redis_client, "first"), Lease(redis_client, "second")
    assert first.hold()
    assert not second.hold()
    left: Any = redis_client.pttl(LEASE_KEY)
    assert 0 < left <= 4000
    first.release()
    assert second.hold()
    first.release()
    assert redis_client.get(LEASE_KEY) == b"second"


def test_a_writer_that_is_asked_to_stop_gives_the_lease_back(
    redis_url: str, redis_client: redis.Redis, sqlite_url: str, stream: LedgerStream
) -> None:
    with process(redis_url, sqlite_url, batch=10) as running:
        wait_until(lambda: redis_client.get(LEASE_KEY), PATIENCE_S, "the writer holding the lease")
        running.terminate()
        assert running.wait(PATIENCE_S) == 0
    assert redis_client.get(LEASE_KEY) is None


def test_two_writers_at_once_do_no_harm(
    redis_client: redis.Redis, redis_url: str, stream: LedgerStream, database_url: str, engine: Engine
) -> None:
    events: list[Event] = [request_event(f"req_{number:04}", at=AT + number) for number in range(400)]
    stream.append_many(events + [call_event(f"call:{number:04}") for number in range(400)])
    stream.append_many([hits_event(at=AT + number) for number in range(100)])
    engines = [create_engine(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        drained = [pool.submit(drain, LedgerWriter(redis_client, own, batch=20 + 7 * n)) for n, own in enumerate(engines)]
        for future in drained:
            future.result(PATIENCE_S)
    for own in engines:
        own.dispose()
    assert len(ids_in(engine)) == 900
    assert sums_in_table(engine) == sums_over_rows(engine)


# --- outages ---


@contextlib.contextmanager
def running(writer: LedgerWriter) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=writer.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_redis_that_restarts_loses_no_event(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pipeline.ledger")
    engine = create_engine(sqlite_url)
    with RedisServer(aof=True) as server, contextlib.closing(server.client()) as client:
        stream = LedgerStream(client, 1000)
        stream.append_many([request_event(f"a{number}") for number in range(5)])
        server.kill()
        buffer = BufferedLedger(stream, flush_interval=0.01)
        buffer.add(request_event("b"))
        with running(LedgerWriter(client, engine)):
            wait_until(lambda: "waiting for Redis" in caplog.text, PATIENCE_S, "the writer noticing the outage")
            server.start()
            wait_until(lambda: len(ids_in(engine)) == 6, PATIENCE_S, "all events arriving")
        buffer.close()
    engine.dispose()
    assert caplog.text.count("waiting for Redis") == 1
    assert buffer.dropped == 0


def test_a_database_that_is_down_delays_the_ledger_and_loses_nothing(
    redis_client: redis.Redis,
    stream: LedgerStream,
    postgres_url: str,
    postgres_database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "pipeline.ledger")
    engine = create_engine(postgres_database_url)
    with running(LedgerWriter(redis_client, engine)):
        stream.append(request_event("before"))
        wait_until(lambda: stream.backlog() == 0, PATIENCE_S, "the writer being at work")
        with database_down(postgres_url, postgres_database_url):
            stream.append(request_event("during"))
            wait_until(lambda: "waiting for the database" in caplog.text, PATIENCE_S, "the writer noticing the outage")
        wait_until(lambda: stream.backlog() == 0, PATIENCE_S, "the writer going on")
    assert ids_in(engine) == ["before", "during"]
    assert caplog.text.count("waiting for the database") == 1
    engine.dispose()


# --- retention ---


def test_old_rows_go_and_the_figures_stay(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    day = 86_400
    stream.append_many([request_event(f"old{number}", at=AT - 40 * day) for number in range(7)])
    stream.append_many([call_event("oldcall", at=AT - 40 * day), request_event("new", at=AT - 20 * day)])
    new = hits_event(at=AT - 20 * day)
    stream.append_many([new, *(hits_event(at=AT - 40 * day) for _ in range(4))])
    drain(writer)
    before = sums_in_table(engine)
    assert delete_older_than(engine, 30, now=lambda: AT, batch=3) == 12
    assert ids_in(engine) == ["new", new.id]
    assert sums_in_table(engine) == before
    assert delete_older_than(engine, 30, now=lambda: AT, batch=3) == 0


# --- analytics ---


def test_figures_of_an_unused_gateway_are_zero_or_unknown(engine: Engine) -> None:
    metrics = Analytics(engine).summary(None)["optimization_metrics"]
    assert (metrics["total_requests"], metrics["cache_hits"], metrics["cost_saved"]) == (0, 0, 0.0)
    unknown = ("cache_hit_rate", "average_confidence", "low_confidence_retries", "average_latency_ms")
    assert [metrics[name] for name in unknown] == [None] * 4
    assert Analytics(engine).cache_stats(None)["success_rate"] is None


def test_figures_are_those_of_the_ledger(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    stream.append_many(
        [
            request_event("hit", cost_saved=1_500_000_000_000, latency_ms=1.0, overhead_ms=1.0),
            request_event("joined", cache="dedup", cost_saved=500_000_000_000, latency_ms=2.0, overhead_ms=None),
            request_event("miss", cache="miss", cost=2 * 10**12, cost_saved=0, tokens_saved=0, latency_ms=6.0, overhead_ms=2.0),
            request_event("broken", cache="error", status=503, cost=None, cost_saved=None, tokens_saved=None, latency_ms=3.0),
            request_event("other", tenant="other", at=AT + 3600),
            call_event(cost=2_000_000_000_000),
        ]
    )
    drain(writer)
    summary = Analytics(engine).summary("acme")
    metrics = summary["optimization_metrics"]
    expected = {
        "total_requests": 4,
        "cache_hits": 1,
        "dedup_hits": 1,
        "cache_hit_rate": 0.25,
        "tokens_saved": 30,
        "cost_saved": 2.0,
        "cost_spent": 2.0,
        "requests_unpriced": 1,
        "upstream_calls": 1,
        "failures": 1,
        "average_latency_ms": 3.0,
        "average_overhead_ms": pytest.approx(4 / 3),
    }
    assert {name: metrics[name] for name in expected} == expected
    assert (summary["tenant"]["id"], summary["tenant"]["requests"], summary["tenant"]["cost"]) == ("acme", 4, 2.0)
    assert Analytics(engine).summary(None)["optimization_metrics"]["total_requests"] == 5
    assert Analytics(engine).summary(None, since=AT + 3700)["optimization_metrics"]["total_requests"] == 1


def test_hits_by_meaning_and_exact_ones_are_told_apart(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    found = {"cache": "semantic", "threshold": 0.9}
    sought = {"cache": "miss", "threshold": 2.0, "cost_saved": 0, "tokens_saved": 0}
    stream.append_many(
        [
            *(request_event(f"exact{number}") for number in range(3)),
            *(request_event(f"near{number}", **found, cost_saved=10**12) for number in range(2)),
            *(request_event(f"miss{number}", **sought) for number in range(4)),
            request_event("joined", cache="dedup"),
        ]
    )
    drain(writer)
    metrics = Analytics(engine).summary("acme")["optimization_metrics"]
    names = ("cache_hits", "exact_hits", "semantic_hits", "dedup_hits", "cache_misses", "semantic_looked", "cache_hit_rate")
    assert [metrics[name] for name in names] == [5, 3, 2, 1, 4, 6, 0.5]
    assert (metrics["cost_saved"], metrics["tokens_saved"]) == (2.000000002, 6 * 15)
    stats = Analytics(engine).cache_stats("acme")
    names = ("hits_exact", "hits_semantic", "hits_dedup", "misses", "semantic_looked")
    assert [stats[name] for name in names] == [3, 2, 1, 4, 6]
    assert [stats[name] for name in ("hit_rate", "hit_rate_exact", "hit_rate_semantic")] == [0.5, 0.3, 0.2]
    assert Analytics(engine).cache_stats("nobody")["hit_rate_semantic"] is None


def test_a_saving_is_unknown_only_when_no_part_of_it_is_known(stream: LedgerStream, writer: LedgerWriter, engine: Engine) -> None:
    stream.append_many([request_event("1", cost_saved=None), request_event("2", cache="miss", cost=None, cost_saved=None)])
    drain(writer)
    summary = Analytics(engine).summary("acme")
    assert (summary["optimization_metrics"]["cost_saved"], summary["tenant"]["cost"]) == (None, None)
    stream.append(request_event("3", cost_saved=10**12))
    drain(writer)
    metrics = Analytics(engine).summary("acme")["optimization_metrics"]
    assert (metrics["cost_saved"], metrics["requests_unpriced"]) == (1.0, 2)


def test_sums_beyond_64_bits_are_exact(engine: Engine) -> None:
    huge = 2**63 - 1
    with writing(engine) as connection:
        for hour in range(3):
            sums = dict.fromkeys(rollups.SUM_COLUMNS, 0)
            rollups.add(connection, {("acme", hour, "small"): {**sums, "tokens_saved": huge}})
    assert Analytics(engine).summary("acme")["optimization_metrics"]["tokens_saved"] == 3 * huge


def test_feedback_makes_the_success_rate(engine: Engine, stream: LedgerStream, writer: LedgerWriter) -> None:
    stream.append_many([request_event("1"), request_event("2", cache="miss")])
    drain(writer)
    with writing(engine) as connection:
        for tenant, correct in (("acme", True), ("acme", True), ("acme", False), ("other", False)):
            connection.execute(insert(Feedback).values(tenant_id=tenant, entry_id="e", is_correct=correct, created_at=utc_now()))
    stats = Analytics(engine).cache_stats("acme")
    assert (stats["feedback_count"], stats["feedback_correct"], stats["success_rate"]) == (3, 2, 2 / 3)
    assert (stats["hits_exact"], stats["misses"], stats["hit_rate"]) == (1, 1, 0.5)
