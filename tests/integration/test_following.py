"""Following and running, on a real Redis: the callers' side and the workers' side meet in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import redis

from pipeline.admission.events import Answered, Delta, Event, Failed, Restarted, StageDone
from pipeline.admission.follow import Follower
from pipeline.admission.keys import followers_key
from pipeline.admission.leases import LeaseKeeper
from pipeline.admission.runs import Runs
from pipeline.chain import Chain, Stage, StageFunction, State, Work
from pipeline.errors import BadRequest, Cancelled, DeadlineExceeded
from pipeline.runner import Runner
from tests.support.reading import Reader, read_all
from tests.support.redis_server import RedisServer
from tests.support.runs import admit, make_answer, make_plan, make_request, make_runs
from tests.support.waiting import wait_until


class InlineQueue:
    """A queue that keeps what is submitted, and runs it when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str, int]] = []

    def submit(self, key: str, epoch: str, stage: int) -> None:
        self.waiting.append((key, epoch, stage))

    def empty(self) -> bool:
        return not self.waiting


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    return make_runs(redis_client, lease=0.3, follower=1.0)


@pytest.fixture
def queue() -> InlineQueue:
    return InlineQueue()


@pytest.fixture
def follower(runs: Runs, queue: InlineQueue) -> Iterator[Follower]:
    made = Follower(runs, queue.submit, queue.empty, id="web-1", beat=0.05)
    yield made
    made.close()


KEEPERS: list[LeaseKeeper] = []


@pytest.fixture(autouse=True)
def _keepers_end() -> Iterator[None]:
    yield
    while KEEPERS:
        KEEPERS.pop().close()


def runner_of(runs: Runs, call: StageFunction, **extra: StageFunction) -> Runner:
    after = tuple(Stage(name, stage, after_answer=True) for name, stage in extra.items())
    keeper = LeaseKeeper(runs, 0.05)
    KEEPERS.append(keeper)
    return Runner(runs, Chain((Stage("call", call, queue="upstream"), *after)), keeper, lambda state: None, patience=30)


def answers(state: State, work: Work) -> State:
    return msgspec.structs.replace(state, answer=make_answer(), decision="asked")


def soon() -> float:
    return time.monotonic() + 10


def all_events(follower: Follower, epoch: str, key: str = "k1", deadline: float | None = None) -> list[Event]:
    subscription = follower.follow(key, epoch, deadline or soon())
    try:
        return read_all(subscription.events())
    finally:
        subscription.close()


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_thousand_callers_of_one_run_get_every_event(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch

    def call(state: State, work: Work) -> State:
        for number in range(20):
            work.deltas([b"%d" % number])
        return answers(state, work)

    with ThreadPoolExecutor(1000) as pool:
        waiting = [pool.submit(all_events, follower, epoch) for _ in range(1000)]
        wait_until(lambda: follower.waiting == 1000, what="all callers waiting")
        runner_of(runs, call).run("k1", epoch, 0)
        logs = [future.result(20) for future in waiting]
    assert all(log == logs[0] for log in logs)
    deltas = [event.chunks[0] for event in logs[0] if isinstance(event, Delta)]
    assert deltas == [b"%d" % number for number in range(20)]
    assert isinstance(logs[0][-1], Answered)
    assert follower.waiting == 0


def test_a_caller_who_comes_in_the_middle_gets_what_was_said_before(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    half, go_on = threading.Event(), threading.Event()

    def call(state: State, work: Work) -> State:
        work.deltas([b"first"])
        half.set()
        go_on.wait(10)
        work.deltas([b"second"])
        return answers(state, work)

    worker = in_thread(lambda: runner_of(runs, call).run("k1", epoch, 0))
    half.wait(10)
    admit(runs)
    subscription = follower.follow("k1", epoch, soon())
    with Reader(subscription.events()) as reader:
        seen = reader.next()
        assert seen[-1] == Delta([b"first"])
        go_on.set()
        seen += reader.rest()
    assert [event.chunks for event in seen if isinstance(event, Delta)] == [[b"first"], [b"second"]]
    subscription.close()
    worker.join(10)


def test_the_log_says_what_each_stage_decided(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    runner_of(runs, answers).run("k1", epoch, 0)
    stages = [(e.name, e.decision) for e in all_events(follower, epoch) if isinstance(e, StageDone)]
    assert stages == [("call", "asked"), ("admit", "stored")]


def test_bookkeeping_happens_after_the_callers_have_their_answer(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    served = threading.Event()

    def bookkeeping(state: State, work: Work) -> State:
        assert served.wait(10), "the answer should be out before the bookkeeping"
        return state

    worker = in_thread(lambda: runner_of(runs, answers, store=bookkeeping).run("k1", epoch, 0))
    assert isinstance(all_events(follower, epoch)[-1], Answered)
    served.set()
    worker.join(10)


def test_an_error_of_a_stage_reaches_every_caller(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch

    def call(state: State, work: Work) -> State:
        raise BadRequest("no such thing", param="tools", code="bad_tools")

    runner_of(runs, call).run("k1", epoch, 0)
    last = all_events(follower, epoch)[-1]
    assert isinstance(last, Failed)
    assert (last.status, last.param, last.code) == (400, "tools", "bad_tools")


def test_a_crash_of_a_stage_says_nothing_of_the_prompt(runs: Runs, follower: Follower, caplog: pytest.LogCaptureFixture) -> None:
    epoch = admit(runs).epoch
    quoted = " ".join(["my", "secret"])

    def call(state: State, work: Work) -> State:
        raise RuntimeError(quoted)

    runner_of(runs, call).run("k1", epoch, 0)
    last = all_events(follower, epoch)[-1]
    assert isinstance(last, Failed)
    assert last.code == "internal_error"
    assert "my secret" not in last.message + caplog.text
    assert "RuntimeError" in caplog.text


def test_a_caller_waits_no_longer_than_its_deadline(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    with pytest.raises(DeadlineExceeded):
        all_events(follower, epoch, deadline=time.monotonic() + 0.05)


def test_the_last_caller_who_leaves_ends_the_call(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    cancelled = threading.Event()

    def call(state: State, work: Work) -> State:
        assert work.cancel.wait(10)
        cancelled.set()
        raise Cancelled("cut off")

    worker = in_thread(lambda: runner_of(runs, call).run("k1", epoch, 0))
    one, other = follower.follow("k1", epoch, soon()), follower.follow("k1", epoch, soon())
    with Reader(one.events()) as reader:
        assert reader.next()
    one.leave()
    one.close()
    # The other one still follows: beats go by and the call goes on.
    assert not cancelled.wait(0.3)
    other.leave()
    with pytest.raises(Cancelled):
        read_all(other.events())
    other.close()
    assert cancelled.wait(10)
    worker.join(10)
    wait_until(lambda: not runs.redis.keys("leo:{k1}:*"), what="the run being cleared away")


def test_redis_hears_of_the_last_caller_who_leaves_and_need_not_wait_for_a_beat_that_stays_out(redis_client: redis.Redis) -> None:
    runs, queue = make_runs(redis_client, follower=3600), InlineQueue()
    follower = Follower(runs, queue.submit, queue.empty, id="web-1", beat=0.05)
    try:
        follower.follow("k1", admit(runs).epoch, soon()).close()
        wait_until(lambda: redis_client.zcard(followers_key("k1")) == 0, what="the follower having left")
    finally:
        follower.close()


def test_a_message_that_others_have_overtaken_is_sent_again_although_the_queue_is_long(
    runs: Runs, follower: Follower, queue: InlineQueue
) -> None:
    """A worker took it from the broker, and died before it began."""
    queue.waiting.append(("another", "1", 0))  # the queue is never empty
    lost, turn = admit(runs).epoch, admit(runs, "k2").epoch
    later = admit(runs, "k3", now=1010.0).epoch
    subscriptions = [follower.follow(key, epoch, soon()) for key, epoch in (("k1", lost), ("k2", turn), ("k3", later))]
    runner_of(runs, answers).run("k2", turn, 0)
    assert read_all(subscriptions[1].events())
    assert queue.waiting == [("another", "1", 0)], "the one that was worked on had come no later"
    runner_of(runs, answers).run("k3", later, 0)
    wait_until(lambda: ("k1", lost, 0) in queue.waiting, 20, "the lost run being queued again")
    for subscription in subscriptions:
        subscription.close()


def test_a_run_whose_worker_died_is_queued_again(runs: Runs, follower: Follower, queue: InlineQueue) -> None:
    epoch = admit(runs).epoch
    assert runs.claim("k1", epoch, 0) is not None  # and then this worker is never heard of again
    waiting = ThreadPoolExecutor(1).submit(all_events, follower, epoch)
    wait_until(lambda: queue.waiting, what="the run being queued again")
    assert runner_of(runs, answers).run(*queue.waiting.pop()) is None
    assert isinstance(waiting.result(10)[-1], Answered)


def test_a_worker_that_is_alive_keeps_its_run(runs: Runs, follower: Follower, queue: InlineQueue) -> None:
    epoch = admit(runs).epoch

    def call(state: State, work: Work) -> State:
        assert not work.cancel.wait(1.5)  # five times the lease
        return answers(state, work)

    worker = in_thread(lambda: runner_of(runs, call).run("k1", epoch, 0))
    assert isinstance(all_events(follower, epoch)[-1], Answered)
    worker.join(10)
    assert queue.waiting == []


def test_a_run_that_redis_forgot_is_reported_as_lost(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    waiting = ThreadPoolExecutor(1).submit(all_events, follower, epoch)
    wait_until(lambda: follower.waiting == 1, what="the caller waiting")
    runs.redis.flushall()
    last = waiting.result(10)[-1]
    assert isinstance(last, Failed)
    assert last.code == "run_lost"


def test_a_second_attempt_after_deltas_starts_the_telling_again(runs: Runs, follower: Follower) -> None:
    epoch = admit(runs).epoch
    dead = runs.claim("k1", epoch, 0)
    assert dead is not None
    runs.append(dead, [Delta([b"half"])], dead.length)
    wait_until(lambda: runs.tend("web-9", [("k1", epoch)], 0)[0][0] == "requeue:0", what="the death being noticed")

    def call(state: State, work: Work) -> State:
        work.deltas([b"half", b"whole"])
        return answers(state, work)

    runner_of(runs, call).run("k1", epoch, 0)
    told = [e for e in all_events(follower, epoch) if isinstance(e, Delta | Restarted)]
    assert told == [Delta([b"half"]), Restarted(), Delta([b"half", b"whole"])]


def test_one_process_follows_two_thousand_runs_on_two_connections() -> None:
    with RedisServer() as server:
        client = server.client()
        runs, queue = make_runs(client), InlineQueue()
        follower = Follower(runs, queue.submit, queue.empty, id="web-1", beat=0.05)
        try:
            epochs = {f"k{n}": admit(runs, f"k{n}").epoch for n in range(2000)}
            subscriptions = [follower.follow(key, epoch, soon()) for key, epoch in epochs.items()]
            wait_until(lambda: all(s._watch.events for s in subscriptions), what="every log being read")
            assert client.info("clients")["connected_clients"] <= 4  # type: ignore[index]
            for subscription in subscriptions:
                subscription.close()
        finally:
            follower.close()
            client.close()


def test_callers_are_served_after_a_pause_of_redis() -> None:
    with RedisServer() as server:
        client = redis.Redis.from_url(server.url, socket_timeout=0.2)
        runs, queue = make_runs(client, lease=0.3), InlineQueue()
        follower = Follower(runs, queue.submit, queue.empty, id="web-1", beat=0.05)
        try:
            epoch = runs.admit(make_plan(), make_request(), "web-1", 60, now=1.0).epoch
            waiting = ThreadPoolExecutor(1).submit(all_events, follower, epoch)
            wait_until(lambda: follower.waiting == 1, what="the caller waiting")
            server.pause()
            time.sleep(0.6)  # the outage itself, longer than a lease and a timeout
            server.resume()
            runner_of(runs, answers).run("k1", epoch, 0)
            assert isinstance(waiting.result(10)[-1], Answered)
        finally:
            follower.close()
            client.close()


def test_callers_are_told_of_an_outage_that_does_not_end() -> None:
    with RedisServer() as server:
        client = redis.Redis.from_url(server.url, socket_timeout=0.1)
        runs, queue = make_runs(client), InlineQueue()
        follower = Follower(runs, queue.submit, queue.empty, id="web-1", beat=0.05, outage=0.3)
        try:
            epoch = runs.admit(make_plan(), make_request(), "web-1", 60, now=1.0).epoch
            waiting = ThreadPoolExecutor(1).submit(all_events, follower, epoch)
            wait_until(lambda: follower.waiting == 1, what="the caller waiting")
            server.pause()
            last = waiting.result(10)[-1]
            assert isinstance(last, Failed)
            assert (last.status, last.code, last.retry_after) == (503, "store_unavailable", 2.0)
        finally:
            server.resume()
            follower.close()
            client.close()
