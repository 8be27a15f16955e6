"""The end of a run on a real Redis: what is paid for is in the ledger before the answer is out, whichever way it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
import redis

from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered, Event, Failed
from pipeline.admission.keys import answer_key, run_key
from pipeline.admission.leases import LeaseKeeper
from pipeline.admission.runs import Runs
from pipeline.billing import Bill
from pipeline.cache.exact import ExactCache
from pipeline.cache.keep import keep
from pipeline.chain import Chain, Stage, StageFunction, State, Work
from pipeline.errors import BadRequest, Cancelled
from pipeline.ids import unix_now
from pipeline.ledger.events import CallEvent, decode
from pipeline.ledger.stream import STREAM, LedgerStream
from pipeline.runner import Runner
from tests.support.redis_server import RedisServer
from tests.support.runs import admit, make_answer, make_plan, make_request, make_runs
from tests.support.waiting import wait_until


class Books:
    """The ledger's stream, and what was sent there by itself."""

    def __init__(self, client: redis.Redis, backlog: int = 100) -> None:
        self._client = client
        self.stream = LedgerStream(client, backlog)
        self.alone: list[CallEvent] = []
        self.on_alone: Callable[[], object] = lambda: None

    def bill(self, state: State) -> Bill:
        return Bill(event_of(state), self.stream, self._go)

    def _go(self, event: CallEvent) -> None:
        self.on_alone()
        self.alone.append(event)

    @property
    def ids(self) -> list[str]:
        entries: Any = self._client.xrange(STREAM)
        return [decode(entry[b"k"].decode(), entry[b"d"]).id for _, entry in entries]


def event_of(state: State) -> CallEvent:
    return CallEvent(
        id=f"{state.run_id}:0",
        at=1.0,
        tenant="t",
        log_key=state.key,
        endpoint="chat/completions",
        upstream="u",
        model="m",
        outcome="ok",
        latency_ms=1.0,
    )


class Desk:
    """A runner over one stage, which makes a call that costs something."""

    def __init__(self, client: redis.Redis, backlog: int = 100) -> None:
        self.runs: Runs = make_runs(client, lease=1.0)
        self.cache = ExactCache(client, 60.0, unix_now)
        self.books = Books(client, backlog)
        self.keeper = LeaseKeeper(self.runs, 0.05)
        self.then: Callable[[State, Work], State] = lambda state, work: answered(state)

    def runner(self, *more: Stage, kept: bool = True) -> Runner:
        chain = Chain((Stage("call", self._call, queue="upstream"), *more))
        why = (lambda state: None) if kept else (lambda state: "not_allowed")
        return Runner(self.runs, chain, self.keeper, why, 30, partial(keep, self.cache))

    def _call(self, state: State, work: Work) -> State:
        work.owe(self.books.bill(state))
        return self.then(state, work)

    def run(self, key: str = "k1", *more: Stage, kept: bool = True, **changes: Any) -> str:
        """Admit and run; the epoch."""
        epoch = admit(self.runs, key, **changes).epoch
        self.runner(*more, kept=kept).run(key, epoch, 0)
        return epoch

    def last(self, epoch: str, key: str = "k1") -> Event:
        return self.runs.read([(key, epoch, 0)])[0][-1]


def answered(state: State, **changes: Any) -> State:
    return msgspec.structs.replace(state, answer=make_answer(tenant=state.request.tenant, **changes))


@pytest.fixture
def desk(redis_client: redis.Redis) -> Iterator[Desk]:
    made = Desk(redis_client)
    yield made
    made.keeper.close()


def crash(error: Exception) -> StageFunction:
    def run(state: State, work: Work) -> State:
        raise error

    return run


def test_a_bill_goes_with_the_answer(desk: Desk) -> None:
    epoch = desk.run()
    assert isinstance(desk.last(epoch), Answered)
    assert (len(desk.books.ids), desk.books.alone) == (1, [])


@pytest.mark.parametrize("error", [BadRequest("no"), RuntimeError("no")], ids=["refused", "crashed"])
def test_a_bill_goes_with_the_failure_of_what_comes_after_the_call(desk: Desk, error: Exception) -> None:
    desk.then = crash(error)
    epoch = desk.run()
    assert isinstance(desk.last(epoch), Failed)
    assert (len(desk.books.ids), desk.books.alone) == (1, [])


@pytest.mark.parametrize(
    ("error", "ends"), [(RuntimeError("no"), Answered), (BadRequest("no"), Failed)], ids=["crashed", "refused"]
)
def test_what_crashes_and_is_optional_does_not_end_the_run(desk: Desk, error: Exception, ends: type[Event]) -> None:
    desk.then = lambda state, work: state
    epoch = desk.run("k1", Stage("saving", crash(error), optional=True), Stage("ask", lambda state, work: answered(state)))
    assert isinstance(desk.last(epoch), ends)


def test_a_bill_of_a_run_that_is_given_up_goes_alone(desk: Desk) -> None:
    def leave(state: State, work: Work) -> State:
        desk.runs.leave("web-1", "k1")
        assert work.cancel.wait(30)
        raise Cancelled("nobody waits")

    desk.then = leave
    desk.run()
    assert len(desk.books.alone) == 1
    assert not desk.runs.redis.keys("leo:{k1}:*")


def test_a_bill_is_sent_before_the_run_goes_on_elsewhere(desk: Desk) -> None:
    seen: list[object] = []
    desk.then = lambda state, work: state
    desk.books.on_alone = lambda: seen.append(desk.runs.redis.hget(run_key("k1"), "st"))
    desk.run("k1", Stage("merge", lambda state, work: answered(state), queue="stages"))
    assert seen == [b"running"]
    assert desk.runs.redis.hget(run_key("k1"), "st") == b"queued"


def test_a_bill_that_a_full_ledger_refuses_goes_alone_and_the_answer_is_out(redis_client: redis.Redis) -> None:
    desk = Desk(redis_client, backlog=1)
    redis_client.xadd(STREAM, {"k": "c", "d": "{}"})
    epoch = desk.run()
    assert isinstance(desk.last(epoch), Answered)
    assert len(desk.books.alone) == 1
    desk.keeper.close()


def test_an_answer_and_its_bill_outlast_an_outage() -> None:
    with RedisServer(aof=True) as server:
        client = redis.Redis.from_url(server.url, socket_timeout=1)
        desk = Desk(client)
        called, go_on = threading.Event(), threading.Event()

        def wait(state: State, work: Work) -> State:
            called.set()
            assert go_on.wait(30)
            return answered(state)

        desk.then = wait
        epoch = desk.runs.admit(make_plan(), make_request(), "web-1", 60, now=1.0).epoch
        worker = threading.Thread(target=desk.runner().run, args=("k1", epoch, 0))
        worker.start()
        assert called.wait(30)
        server.kill()
        go_on.set()
        server.start()
        worker.join(30)
        assert isinstance(desk.last(epoch), Answered)
        assert len(set(desk.books.ids)) == 1
        assert desk.cache.count("t") == 1
        desk.keeper.close()
        client.close()


# --- keeping ---


def test_an_answer_is_kept_and_catalogued_with_the_end_of_its_run(desk: Desk) -> None:
    desk.run()
    assert desk.cache.get("k1") is not None
    assert (desk.cache.count("t"), desk.cache.find("t", "hello")) == (1, ["k1"])


def test_a_run_that_goes_by_another_key_keeps_its_answer_under_that_of_its_content(desk: Desk) -> None:
    epoch = desk.runs.admit(make_plan("k9", content_key="k1"), make_request("k1"), "web-1", 60, now=1.0).epoch
    desk.runner().run("k9", epoch, 0)
    assert desk.cache.get("k1") is not None
    assert desk.cache.find("t", "hello") == ["k1"]
    assert not desk.runs.redis.exists(answer_key("k9"))


def test_an_answer_that_may_not_be_served_again_leaves_no_trace(desk: Desk) -> None:
    epoch = desk.run(kept=False)
    last = desk.last(epoch)
    assert isinstance(last, Answered)
    assert last.not_stored == "not_allowed"
    assert (desk.cache.get("k1"), desk.cache.count("t")) == (None, 0)


def test_an_answer_that_was_found_is_not_kept_a_second_time(desk: Desk, redis_client: redis.Redis) -> None:
    found: Answer = make_answer()
    desk.then = lambda state, work: msgspec.structs.replace(state, answer=found, source="exact")
    desk.run()
    assert desk.cache.count("t") == 0


def test_claims_of_a_message_are_worked_on_one_by_one(desk: Desk) -> None:
    epochs = [(key, admit(desk.runs, key).epoch) for key in ("k1", "k2", "k3")]
    runner = desk.runner()
    claims = runner.claim(epochs, 0)
    assert runner.claim(epochs, 0) == []
    assert [runner.work(claim, 0) for claim in claims] == [None] * 3
    wait_until(lambda: all(isinstance(desk.last(epoch, key), Answered) for key, epoch in epochs), what="all answers")
    assert len(set(desk.books.ids)) == 3
