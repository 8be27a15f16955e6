"""How the runs of a message are carried out: side by side, so many at once, and none at the cost of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from pipeline.admission.runs import Claim
from pipeline.errors import StoreUnavailable
from tests.support.runs import make_request
from tests.support.waiting import wait_until
from workers.crew import Crew
from workers.outbox import Run

RUNS: list[Run] = [(f"k{number}", "1") for number in range(8)]


class Works:
    """Stands for the runner: claims all but what is taken, and works for as long as it is told to."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.away = False
        self.claims: list[list[Run]] = []
        self.at_work: set[str] = set()
        self.done: list[str] = []
        self.threads: set[int] = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self.outcome: Callable[[str], int | None] = lambda key: None
        self._lock = threading.Lock()

    def claim(self, wanted: list[Run], first: int) -> list[Claim]:
        self.claims.append(list(wanted))
        if self.away:
            raise StoreUnavailable("Redis is not answering.")
        return [Claim(key, epoch, "1", make_request(key), 60.0, 1) for key, epoch in wanted if key not in self.taken]

    def work(self, claim: Claim, first: int) -> int | None:
        with self._lock:
            self.at_work.add(claim.key)
            self.threads.add(threading.get_ident())
        assert self.go_on.wait(30)
        with self._lock:
            self.at_work.remove(claim.key)
            self.done.append(claim.key)
        return self.outcome(claim.key)


class Queue:
    def __init__(self) -> None:
        self.submitted: list[tuple[list[Run], int]] = []
        self.refusal: Exception | None = None

    def __call__(self, runs: list[Run], stage: int) -> None:
        if self.refusal:
            raise self.refusal
        self.submitted.append((runs, stage))


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def new_crew(works: Works, queue: Queue) -> Iterator[Callable[..., Crew]]:
    crews: list[Crew] = []

    def make(size: int = 16, patience: float = 30.0) -> Crew:
        crews.append(Crew(works, queue, size, patience))  # type: ignore[arg-type]
        return crews[-1]

    yield make
    works.go_on.set()
    for crew in crews:
        crew.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def names(runs: list[Run]) -> list[str]:
    return [key for key, _ in runs]


def test_one_run_is_done_where_its_message_is(works: Works, new_crew: Any) -> None:
    new_crew().work(RUNS[:1], 0)
    assert (works.done, works.threads) == (["k0"], {threading.get_ident()})


def test_the_runs_of_a_message_are_claimed_together_and_done_side_by_side(
    works: Works, new_crew: Any, pool: ThreadPoolExecutor
) -> None:
    works.go_on.clear()
    message = pool.submit(new_crew().work, RUNS, 0)
    wait_until(lambda: works.at_work == set(names(RUNS)), what="all runs being at work at once")
    assert works.claims == [RUNS]
    assert not message.done(), "a message is not over before all its runs are"
    works.go_on.set()
    message.result(30)
    assert sorted(works.done) == names(RUNS)


def test_a_run_that_somebody_else_holds_is_left_to_them(works: Works, new_crew: Any) -> None:
    works.taken = {"k0", "k5", "k7"}
    crew = new_crew(size=8)
    crew.work(RUNS, 0)
    assert sorted(works.done) == ["k1", "k2", "k3", "k4", "k6"]
    works.taken = set(names(RUNS))
    crew.work(RUNS, 0)
    works.taken = set()
    crew.work(RUNS, 0)
    assert works.claims[-1] == RUNS, "every place is free again"


def test_a_run_that_fails_costs_the_others_nothing(works: Works, new_crew: Any, caplog: pytest.LogCaptureFixture) -> None:
    def outcome(key: str) -> None:
        if key in ("k3", "k7"):
            raise RuntimeError("my " + "secret")

    works.outcome = outcome
    crew = new_crew(size=8)
    for _ in range(3):
        crew.work(RUNS, 0)
    assert sorted(works.done) == sorted(names(RUNS) * 3)
    assert "hop_failed key=k3 error=RuntimeError" in caplog.text
    assert "my secret" not in caplog.text


def test_a_run_that_goes_on_elsewhere_is_queued_for_it(works: Works, queue: Queue, new_crew: Any) -> None:
    works.outcome = lambda key: 2 if key == "k1" else None
    new_crew().work(RUNS[:3], 0)
    assert queue.submitted == [([RUNS[1]], 2)]


def test_a_broker_that_refuses_the_next_hop_costs_the_others_nothing(works: Works, queue: Queue, new_crew: Any) -> None:
    works.outcome = lambda key: 2
    queue.refusal = StoreUnavailable("no broker")
    new_crew().work(RUNS, 0)
    assert sorted(works.done) == names(RUNS)


def test_no_more_are_at_work_than_there_are_places(works: Works, queue: Queue, new_crew: Any, pool: ThreadPoolExecutor) -> None:
    works.go_on.clear()
    crew = new_crew(size=3)
    messages: list[Future[None]] = [pool.submit(crew.work, RUNS[:4], 0), pool.submit(crew.work, RUNS[4:], 0)]
    wait_until(lambda: len(works.at_work) == 3, what="three being at work")
    assert sum(map(len, works.claims)) == 3, "what has no place is not claimed: another worker may take it"
    works.go_on.set()
    for message in messages:
        message.result(30)
    assert sorted(works.done) == names(RUNS)
    assert queue.submitted == []


def test_a_run_that_finds_no_place_goes_back_to_the_queue(
    works: Works, queue: Queue, new_crew: Any, pool: ThreadPoolExecutor
) -> None:
    works.go_on.clear()
    crew = new_crew(size=3, patience=0.01)
    first = pool.submit(crew.work, RUNS[:5], 1)
    wait_until(lambda: queue.submitted, what="the rest going back")
    assert (queue.submitted, len(works.at_work)) == ([(RUNS[3:5], 1)], 3)
    pool.submit(crew.work, RUNS[5:], 1).result(30)
    assert queue.submitted[1:] == [(RUNS[5:], 1)]
    works.go_on.set()
    first.result(30)
    assert sorted(works.done) == names(RUNS[:3])


def test_an_outage_at_the_claim_takes_no_place_away(works: Works, new_crew: Any) -> None:
    crew = new_crew(size=8, patience=0.01)
    works.away = True
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            crew.work(RUNS, 0)
    works.away = False
    crew.work(RUNS, 0)
    assert sorted(works.done) == names(RUNS)
