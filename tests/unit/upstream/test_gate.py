from __future__ import annotations

import threading
import time

import pytest

from pipeline.errors import Cancelled, DeadlineExceeded
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.gate import Gates
from pipeline.upstream.routes import Upstream

ONE = Upstream(name="u", max_concurrency=1)


def soon() -> float:
    return time.monotonic() + 30


def test_one_at_a_time_and_the_next_comes_in_when_it_leaves() -> None:
    gates, order = Gates(), []

    def second() -> None:
        with gates.place(ONE, soon(), CancelToken()):
            order.append("second")

    with gates.place(ONE, soon(), CancelToken()):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_ends_with_the_deadline() -> None:
    gates = Gates()
    late = gates.place(ONE, time.monotonic(), CancelToken())
    with gates.place(ONE, soon(), CancelToken()), pytest.raises(DeadlineExceeded), late:
        pass


def test_waiting_ends_when_cancelled_and_the_place_is_not_lost() -> None:
    gates, cancel, caught = Gates(), CancelToken(), []

    def waiting() -> None:
        try:
            with gates.place(ONE, soon(), cancel):
                pass
        except Cancelled as error:
            caught.append(error)

    with gates.place(ONE, soon(), CancelToken()):
        thread = threading.Thread(target=waiting)
        thread.start()
        cancel.cancel("gone")
        thread.join()
    assert len(caught) == 1
    with gates.place(ONE, time.monotonic() + 1, CancelToken()):
        pass


def test_without_a_bound_nobody_waits() -> None:
    gates, free = Gates(), Upstream(name="u")
    with gates.place(free, 0.0, CancelToken()), gates.place(free, 0.0, CancelToken()):
        pass
