"""When the outbox sends: at once, together, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.errors import StoreUnavailable
from tests.support.waiting import wait_until
from workers.outbox import Outbox, Run

FOREVER = 3600.0


class Post:
    """Takes what is sent, and can keep the sender waiting or refuse it."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, list[Run]]] = []
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.refusal: Exception | None = None

    def __call__(self, stage: int, runs: list[Run]) -> None:
        self.entered.set()
        assert self.open.wait(30)
        self.sent.append((stage, runs))
        if self.refusal:
            raise self.refusal

    @property
    def sizes(self) -> list[int]:
        return [len(runs) for _, runs in self.sent]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def outbox(post: Post) -> Iterator[Outbox]:
    """One that lingers for ever, so that only what must go without waiting goes."""
    made = Outbox(post, linger=FOREVER, most=4)
    yield made
    post.open.set()
    made.close()


def run(number: int) -> Run:
    return (f"k{number}", "1")


@contextmanager
def held(outbox: Outbox, post: Post) -> Iterator[None]:
    """While somebody is sending the first run, which takes as long as the block."""
    post.open.clear()
    first = threading.Thread(target=outbox.put, args=(0, run(0)))
    first.start()
    assert post.entered.wait(30)
    yield
    post.open.set()
    first.join(30)


def test_a_single_run_goes_at_once(outbox: Outbox, post: Post) -> None:
    outbox.put(0, run(1))
    wait_until(lambda: post.sent, what="the run being sent")
    assert post.sent == [(0, [run(1)])]


def test_what_comes_soon_after_waits_until_there_is_enough(outbox: Outbox, post: Post) -> None:
    outbox.put(0, run(0))
    wait_until(lambda: post.sent, what="the first being sent")
    post.entered.clear()
    for number in (1, 2, 3):
        outbox.put(0, run(number))
        assert not post.entered.wait(0.05)
    outbox.put(0, run(4))
    wait_until(lambda: len(post.sent) == 2, what="the next four being sent")
    assert post.sent[1] == (0, [run(number) for number in (1, 2, 3, 4)])


def test_what_comes_soon_after_waits_no_longer_than_it_may(post: Post) -> None:
    outbox = Outbox(post, linger=0.01)
    for number in range(3):
        outbox.put(0, run(number))
    wait_until(lambda: sum(post.sizes) == 3, what="all being sent")
    outbox.close()


def test_what_comes_while_it_sends_goes_together_but_not_more_than_a_message_holds(outbox: Outbox, post: Post) -> None:
    with held(outbox, post):
        for number in range(1, 10):
            outbox.put(0, run(number))
    outbox.close()
    assert sum(post.sizes) == 10
    assert max(post.sizes) == 4
    sent = [key for _, runs in post.sent for key, _ in runs if key != "k0"]
    assert sent == [f"k{number}" for number in range(1, 10)]


def test_each_stage_has_messages_of_its_own(outbox: Outbox, post: Post) -> None:
    with held(outbox, post):
        for number, stage in ((1, 0), (2, 1), (3, 0), (4, 1)):
            outbox.put(stage, run(number))
    wait_until(lambda: len(post.sent) == 3, what="all being sent")
    assert [sent for sent in post.sent if run(0) not in sent[1]] == [(0, [run(1), run(3)]), (1, [run(2), run(4)])]


def test_a_batch_that_is_refused_is_logged_and_the_next_one_goes(
    outbox: Outbox, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.refusal = StoreUnavailable("no broker")
    outbox.put(0, run(0))
    wait_until(lambda: "submit_failed" in caplog.text, what="the refusal being logged")
    assert "runs=1 reason=StoreUnavailable" in caplog.text
    post.refusal = None
    for number in range(1, 5):
        outbox.put(0, run(number))
    wait_until(lambda: post.sizes == [1, 4], what="the next batch being sent")


def test_closing_sends_what_waits(outbox: Outbox, post: Post) -> None:
    outbox.put(0, run(0))
    wait_until(lambda: post.sent, what="the first being sent")
    outbox.put(0, run(1))
    outbox.close()
    assert post.sent[1:] == [(0, [run(1)])]


def test_nothing_is_lost_or_doubled_between_many_threads(post: Post) -> None:
    outbox = Outbox(post, linger=0.001, most=8)

    def put_many(thread: int) -> None:
        for number in range(200):
            outbox.put(0, (f"k{thread}:{number}", "1"))

    threads = [threading.Thread(target=put_many, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.close()
    keys = [key for _, runs in post.sent for key, _ in runs]
    assert len(keys) == len(set(keys)) == 1600
    assert max(post.sizes) <= 8
