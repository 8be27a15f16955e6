"""Parts as runs of their own, on a real Redis: joined whoever works on them, and whatever happens to whoever did."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import pytest
import redis

from pipeline.admission.follow import Follower
from pipeline.admission.leases import LeaseKeeper
from pipeline.cache.exact import ExactCache
from pipeline.cache.keep import keep
from pipeline.chain import Chain, Stage, State, Work
from pipeline.composite.beside import Beside, Joined
from pipeline.composite.whole import Asking
from pipeline.errors import Cancelled, UpstreamError
from pipeline.ids import unix_now
from pipeline.runner import Runner
from pipeline.upstream.cancel import CancelToken
from tests.support.runs import make_answer, make_request, make_runs
from tests.support.waiting import wait_until

PARTS = {1: "Who is A?", 2: "Who is B?", 3: "Who is C?"}


def asking(text: str) -> Asking:
    return Asking("m", [{"role": "user", "content": text}], text.encode(), f"key of {text}", None)


class Parent:
    """The work of the run whose parts are asked."""

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self.deadline = time.monotonic() + 30

    def deltas(self, chunks: list[bytes]) -> None: ...

    def owe(self, rider: Any) -> None: ...


class House:
    """A worker process: a runner with one stage that answers, a follower, and hands that take up what is queued."""

    def __init__(self, client: redis.Redis) -> None:
        self.runs = make_runs(client, lease=1.0, follower=2.0)
        self.cache = ExactCache(client, 60.0, unix_now)
        self.keeper = LeaseKeeper(self.runs, 0.05)
        self.calls: Counter[str] = Counter()
        self.queued: list[tuple[str, str, int]] = []
        self.hands = ThreadPoolExecutor(8)
        self.taken_up = True  # what is queued
        self.copies = 1  # of each message
        self.pause = threading.Event()
        self.pause.set()
        chain = Chain((Stage("call", self._answer, queue="upstream"),))
        self.runner = Runner(self.runs, chain, self.keeper, lambda state: None, 30, partial(keep, self.cache))
        self.follower = Follower(self.runs, self.submit, lambda: False, id="worker-1", beat=0.1)
        self.beside = Beside(self.runs, self.runner, self.submit, self.follower)

    def submit(self, key: str, epoch: str, stage: int) -> None:
        self.queued.append((key, epoch, stage))
        if self.taken_up:
            for _ in range(self.copies):
                self.hands.submit(self.runner.run, key, epoch, stage)

    def ask(self, parent: Parent | None = None, parts: dict[int, str] = PARTS) -> dict[int, Joined]:
        found: dict[int, Joined] = {}
        state = State(key="whole", run_id="run", request=make_request("whole"))
        self.beside.ask(state, parent or Parent(), {n: asking(text) for n, text in parts.items()}, found.__setitem__)
        return found

    def close(self) -> None:
        self.pause.set()
        self.hands.shutdown()
        self.follower.close()
        self.keeper.close()

    def _answer(self, state: State, work: Work) -> State:
        text = state.request.body.decode()
        self.calls[text] += 1
        while not self.pause.is_set():
            if work.cancel.wait(0.02):
                raise Cancelled("nobody waits")
        if "fails" in text:
            raise UpstreamError("down")
        return msgspec.structs.replace(state, answer=make_answer(tenant="t", body=make_body(text)))


def make_body(text: str) -> bytes:
    return make_answer().body.replace(b"hello", text.encode())


@pytest.fixture
def house(redis_client: redis.Redis) -> Iterator[House]:
    made = House(redis_client)
    yield made
    made.close()


def right(found: dict[int, Joined]) -> bool:
    return {n: joined.answer.body for n, joined in found.items()} == {n: make_body(text) for n, text in PARTS.items()}


def once(house: House) -> bool:
    return house.calls == Counter(PARTS.values())


def test_they_are_asked_at_the_same_time_and_stored(house: House) -> None:
    house.pause.clear()
    asked = house.hands.submit(house.ask)
    wait_until(lambda: once(house), 5, "all parts being worked on at once")
    house.pause.set()
    found = asked.result(10)
    assert right(found)
    assert {joined.source for joined in found.values()} == {"upstream"}
    assert house.cache.get("key of Who is A?") is not None
    assert {joined.source for joined in house.ask().values()} == {"exact"}
    assert once(house)


def test_whoever_waits_works_on_what_nobody_takes_up(house: House) -> None:
    house.taken_up = False
    assert right(house.ask())
    assert len(house.queued) == len(PARTS)
    assert once(house)


def test_a_message_that_comes_twice_changes_nothing(house: House) -> None:
    house.copies = 3
    assert right(house.ask())
    assert once(house)


def test_a_dead_workers_part_is_taken_over(house: House) -> None:
    """The worker has claimed it and says nothing any more."""
    house.taken_up = False
    dead: list[Any] = []

    def claim_and_die(key: str, epoch: str, stage: int) -> None:
        if "B" in key and not dead:
            dead.append(house.runs.claim(key, epoch, stage))

    house.beside = Beside(house.runs, house.runner, claim_and_die, house.follower)
    assert right(house.ask())
    assert dead[0] is not None
    assert once(house)


def test_who_asks_the_same_meanwhile_shares_the_call(house: House) -> None:
    house.pause.clear()
    asked = [house.hands.submit(house.ask) for _ in range(2)]
    wait_until(lambda: once(house), 5, "all parts being worked on")
    house.pause.set()
    found = [one.result(10) for one in asked]
    assert all(map(right, found))
    assert once(house)


def test_a_part_that_fails_is_missing(house: House) -> None:
    assert sorted(house.ask(parts={**PARTS, 2: "Who fails?"})) == [1, 3]


def test_when_the_callers_have_gone_so_do_the_parts(house: House) -> None:
    house.pause.clear()
    parent = Parent()
    asked = house.hands.submit(house.ask, parent)
    wait_until(lambda: once(house), 5, "all parts being worked on")
    parent.cancel.cancel("nobody waits any more")
    with pytest.raises(Cancelled):
        asked.result(10)
    wait_until(lambda: house.runs.redis.zcard("leo:{key of Who is A?}:f") == 0, 5, "the parts being left")
