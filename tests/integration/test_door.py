"""The door on a real Redis: who gets a stored answer, who joins, who has to come back later, and what a loss costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import redis

from pipeline.admission.events import Answered, Delta, Event, Restarted
from pipeline.admission.follow import Follower
from pipeline.admission.leases import LeaseKeeper
from pipeline.admission.runs import Runs
from pipeline.cache.exact import ExactCache
from pipeline.chain import Chain, Stage, State, Work
from pipeline.door import MAX_READMISSIONS, Caller, Door, Entry, Limits
from pipeline.errors import Cancelled, Conflict, DeadlineExceeded, Overloaded, StoreUnavailable
from pipeline.ids import unix_now
from pipeline.request.controls import Controls
from pipeline.request.model import parse
from pipeline.request.plan import Policy
from pipeline.runner import Runner
from tests.support.reading import read_all
from tests.support.redis_server import RedisServer
from tests.support.runs import BODY, make_answer, make_runs
from tests.support.waiting import wait_until

Message = tuple[str, str, int]


class House:
    """A door, a queue that waits until it is told to work, and the stage that answers."""

    def __init__(self, client: redis.Redis, waiting: int = 10) -> None:
        self.runs: Runs = make_runs(client, lease=1.0)
        self.cache = ExactCache(client, 60.0, unix_now)
        self.queue: list[Message] = []
        self.room = True
        self.broker_is_there = True
        self.asked: list[State] = []
        self.keeper = LeaseKeeper(self.runs, 0.1)
        chain = Chain((Stage("call", self._answer, queue="upstream"),))
        self.runner = Runner(self.runs, chain, self.keeper, lambda state: None, patience=30)
        self.follower = Follower(self.runs, self._submit, lambda: not self.queue, id="web-1", beat=0.05)
        limits = Limits(deadline=20, max_deadline=30, waiting=waiting)
        self.door = Door(self.runs, self.cache, self.follower, self._submit_soon, lambda: self.room, limits)

    def _submit(self, key: str, epoch: str, stage: int) -> None:
        if not self.broker_is_there:
            raise StoreUnavailable("The broker is not answering.")
        self.queue.append((key, epoch, stage))

    def _submit_soon(self, key: str, epoch: str, stage: int) -> None:
        with suppress(StoreUnavailable):
            self._submit(key, epoch, stage)

    def _answer(self, state: State, work: Work) -> State:
        self.asked.append(state)
        if state.request.stream:
            work.deltas([b'{"choices":[{"index":0,"delta":{"content":"hello"}}]}'])
        return msgspec.structs.replace(state, answer=make_answer(tenant=state.request.tenant, stored_at=unix_now()))

    def enter(
        self, text: str = "hi", tenant: str = "t", caller: Caller | None = None, stream: bool = False, **controls: Any
    ) -> Entry:
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
        request = parse("chat/completions", json.dumps(body).encode())
        return self.door.enter(request, Controls(**controls), Policy(), caller or Caller(tenant))

    def work(self) -> None:
        """Do all that is queued."""
        while self.queue:
            self.runner.run(*self.queue.pop(0))

    def close(self) -> None:
        self.follower.close()
        self.keeper.close()


@pytest.fixture
def house(redis_client: redis.Redis) -> Iterator[House]:
    made = House(redis_client)
    yield made
    made.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def read(entry: Entry) -> list[Event]:
    """All events that this caller sees."""
    try:
        return read_all(entry.events())
    finally:
        entry.close()


def waiting(pool: ThreadPoolExecutor, house: House, *entries: Entry) -> list[Future[list[Event]]]:
    futures = [pool.submit(read, entry) for entry in entries]
    wait_until(lambda: house.follower.waiting == len(entries), what="the callers waiting")
    return futures


# --- who is answered how ---


def test_the_first_runs_the_second_joins_and_the_third_finds_it_stored(house: House) -> None:
    first, second = house.enter(), house.enter()
    assert (first.status, second.status, len(house.queue)) == ("miss", "dedup", 1)
    house.work()
    assert read(first)[-1] == read(second)[-1]
    third = house.enter()
    assert (third.status, third.answer is not None, house.queue) == ("exact", True, [])
    (event,) = read(third)
    assert isinstance(event, Answered)
    assert event.source == "exact"


def test_a_caller_who_must_not_share_runs_alone(house: House) -> None:
    first, alone = house.enter(), house.enter(no_store=True)
    assert (first.status, alone.status) == ("miss", "bypass")
    house.work()
    assert len(house.asked) == 2
    for entry in (first, alone):
        read(entry)


def test_callers_with_provider_keys_of_their_own_do_not_share(house: House) -> None:
    ours, mine, yours = (Caller("t", partition=p, provider_key=k) for p, k in (("", ""), ("p1", "sk-1"), ("p2", "sk-2")))
    entries = [house.enter(caller=caller) for caller in (ours, mine, yours, mine)]
    assert [entry.status for entry in entries] == ["miss", "miss", "miss", "dedup"]
    house.work()
    assert sorted(state.request.caller_key for state in house.asked) == ["", "sk-1", "sk-2"]
    for entry in entries:
        read(entry)
    assert [house.enter(caller=caller).status for caller in (mine, yours)] == ["exact", "exact"]


def test_a_provider_key_is_gone_from_redis_when_the_run_is_over(house: House, redis_client: redis.Redis) -> None:
    def everything() -> bytes:
        values = []
        for key in redis_client.keys("*"):
            kind = redis_client.type(key)
            if kind == b"hash":
                values += list(redis_client.hgetall(key).values())
            elif kind == b"list":
                values += redis_client.lrange(key, 0, -1)
            elif kind == b"string":
                values.append(redis_client.get(key))
        return b" ".join([*redis_client.keys("*"), *values])

    entry = house.enter(caller=Caller("t", partition="p", provider_key="sk-own"))
    assert b"sk-own" in everything()  # the worker needs it
    house.work()
    read(entry)
    assert b"sk-own" not in everything()


def test_an_idempotency_key_replays_until_the_body_changes(house: House) -> None:
    first = house.enter(idempotency_key="k")
    house.work()
    read(first)
    again = house.enter(idempotency_key="k")
    assert (again.status, again.replayed, house.queue) == ("exact", True, [])
    assert read(again)[-1] == read(house.enter(idempotency_key="k"))[-1]
    with pytest.raises(Conflict):
        house.enter("another question", idempotency_key="k")
    assert house.follower.waiting == 0


def test_the_deadline_a_caller_asks_for_counts_up_to_the_operators_bound(house: House) -> None:
    hasty, patient = house.enter("one", deadline=5.0), house.enter("two", deadline=10_000.0)
    claims = [house.runs.claim(*message) for message in house.queue]
    assert [claim is not None and round(claim.patience) for claim in claims] == [5, 30]
    hasty.close()
    patient.close()


def test_who_has_no_patience_is_not_kept(house: House) -> None:
    with pytest.raises(DeadlineExceeded):
        read(house.enter(deadline=0.05))
    assert house.follower.waiting == 0


# --- bounds ---


def test_a_process_that_is_full_still_gives_stored_answers_and_takes_nobody_to_wait(redis_client: redis.Redis) -> None:
    house = House(redis_client, waiting=2)
    stored = house.enter("stored")
    house.work()
    read(stored)
    waiting_now = [house.enter("one"), house.enter("two")]
    assert house.enter("stored").status == "exact"
    assert house.enter("stored", max_age=60.0).status == "exact"
    for text in ("one", "three"):
        with pytest.raises(Overloaded) as refused:
            house.enter(text)
        assert refused.value.retry_after
    assert (len(house.queue), house.follower.waiting) == (2, 2)
    waiting_now[0].close()
    assert house.enter("two").status == "dedup"
    house.close()


def test_when_the_queue_is_full_joining_and_stored_answers_still_work(house: House) -> None:
    stored = house.enter("stored")
    house.work()
    read(stored)
    first = house.enter("running")
    house.room = False
    assert house.enter("stored").status == "exact"
    joined = house.enter("running")
    assert joined.status == "dedup"
    with pytest.raises(Overloaded):
        house.enter("new")
    house.work()
    assert read(first)[-1] == read(joined)[-1]


def test_a_refused_caller_leaves_nothing_behind(house: House, redis_client: redis.Redis) -> None:
    house.room = False
    with pytest.raises(Overloaded):
        house.enter()
    assert redis_client.keys("*") == []
    assert house.follower.waiting == 0


# --- what is lost ---


def test_a_run_that_redis_forgot_is_admitted_again(house: House, pool: ThreadPoolExecutor, redis_client: redis.Redis) -> None:
    entry = house.enter()
    (future,) = waiting(pool, house, entry)
    house.queue.clear()
    redis_client.flushall()
    wait_until(lambda: house.queue, what="the run being queued anew")
    house.work()
    events = future.result(20)
    assert isinstance(events[-1], Answered)
    assert Restarted() in events
    assert house.follower.waiting == 0
    assert len(house.asked) == 1


def test_callers_of_a_lost_run_share_the_next_one_too(house: House, pool: ThreadPoolExecutor, redis_client: redis.Redis) -> None:
    entries = [house.enter() for _ in range(4)]
    assert [entry.status for entry in entries] == ["miss", "dedup", "dedup", "dedup"]
    futures = waiting(pool, house, *entries)
    house.queue.clear()
    redis_client.flushall()
    wait_until(lambda: house.queue, what="the run being queued anew")
    wait_until(
        lambda: [watch.callers for watch in list(house.follower._watches.values())] == [4], what="all callers at the new run"
    )
    house.work()
    for future in futures:
        assert isinstance(future.result(20)[-1], Answered)
    assert len(house.asked) == 1
    # Whoever began the new run pays for it, and nobody else: what a call cost is counted once.
    assert sorted(entry.status for entry in entries) == ["dedup", "dedup", "dedup", "miss"]


def test_a_lost_run_whose_answer_is_stored_meanwhile_ends_as_a_hit(
    house: House, pool: ThreadPoolExecutor, redis_client: redis.Redis
) -> None:
    entry = house.enter()
    (future,) = waiting(pool, house, entry)
    house.queue.clear()
    with redis_client.pipeline(transaction=True) as both:
        both.flushall()
        ExactCache(both, 60.0, unix_now).put(entry.plan.content_key, make_answer())  # type: ignore[arg-type]
        both.execute()
    events = future.result(20)
    assert isinstance(events[-1], Answered)
    assert (events[-1].answer.body, entry.status, house.asked) == (BODY, "exact", [])


def test_a_stream_that_is_lost_halfway_is_told_again(house: House, pool: ThreadPoolExecutor, redis_client: redis.Redis) -> None:
    entry = house.enter(stream=True)
    claim = house.runs.claim(*house.queue.pop())
    assert claim is not None
    half = Delta([b'{"choices":[{"index":0,"delta":{"content":"hel"}}]}'])
    house.runs.append(claim, [half], claim.length)
    seen: list[Event] = []

    async def follow() -> None:
        async for batch in entry.events():
            seen.extend(batch)
        entry.close()

    done = pool.submit(lambda: asyncio.run(follow()))
    wait_until(lambda: half in seen, what="the first half being read")
    redis_client.flushall()
    wait_until(lambda: house.queue, what="the run being queued anew")
    house.work()
    done.result(20)
    assert seen.index(half) < seen.index(Restarted()) < len(seen) - 1
    assert isinstance(seen[-1], Answered)


def test_a_run_that_is_lost_again_and_again_is_given_up(
    house: House, pool: ThreadPoolExecutor, redis_client: redis.Redis
) -> None:
    entry = house.enter()
    (future,) = waiting(pool, house, entry)
    for _ in range(MAX_READMISSIONS + 1):
        wait_until(lambda: house.queue, what="the run being queued")
        house.queue.clear()
        redis_client.flushall()
    with pytest.raises(Exception, match="lost") as given_up:
        future.result(20)
    assert given_up.value.http_status == 503  # type: ignore[attr-defined]
    assert given_up.value.retry_after == 1.0  # type: ignore[attr-defined]
    wait_until(lambda: house.follower.waiting == 0, what="nobody waiting any more")


def test_who_leaves_while_its_run_is_lost_does_not_begin_another(house: House, pool: ThreadPoolExecutor) -> None:
    entry = house.enter()
    (future,) = waiting(pool, house, entry)
    entry.leave()
    with pytest.raises(Cancelled):
        future.result(20)
    assert house.follower.waiting == 0


def test_a_run_that_the_broker_did_not_take_is_queued_when_it_is_back(house: House, pool: ThreadPoolExecutor) -> None:
    house.broker_is_there = False
    entry = house.enter()
    assert (entry.status, house.queue) == ("miss", [])
    (future,) = waiting(pool, house, entry)
    house.broker_is_there = True
    wait_until(lambda: house.queue, what="the run being queued")
    house.work()
    assert isinstance(future.result(20)[-1], Answered)


def test_a_redis_without_memory_is_an_outage_that_passes(redis_client: redis.Redis) -> None:
    with RedisServer(config={"maxmemory": "2mb", "maxmemory-policy": "noeviction"}) as server, server.client() as client:
        house = House(client)
        for number in range(100_000):
            try:
                client.set(f"x:{number}", b"x" * 1000)
            except redis.exceptions.OutOfMemoryError:
                break

        def ask_much() -> None:
            for number in range(1000):
                house.enter(f"{number} " + "long " * 1000).close()

        with pytest.raises(StoreUnavailable) as refused:
            ask_much()
        assert refused.value.retry_after
        client.flushall()
        house.queue.clear()
        entry = house.enter("after")
        house.work()
        assert isinstance(read(entry)[-1], Answered)
        house.close()
