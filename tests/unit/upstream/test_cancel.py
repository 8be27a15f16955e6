from __future__ import annotations

import threading

from pipeline.upstream.cancel import CancelToken


def test_cancel_runs_each_callback_once_and_keeps_the_first_reason() -> None:
    token, ran = CancelToken(), []
    token.on_cancel(lambda: ran.append(1))
    token.cancel("first")
    token.cancel("second")
    assert (ran, token.cancelled, token.reason) == ([1], True, "first")


def test_a_callback_that_comes_too_late_runs_at_once() -> None:
    token, ran = CancelToken(), []
    token.cancel("gone")
    token.on_cancel(lambda: ran.append(1))
    assert ran == [1]


def test_a_removed_callback_does_not_run() -> None:
    token, ran = CancelToken(), []

    def callback() -> None:
        ran.append(1)

    token.on_cancel(callback)
    token.remove(callback)
    token.remove(callback)
    token.cancel("gone")
    assert ran == []


def test_a_callback_that_fails_does_not_keep_the_others_from_running() -> None:
    token, ran = CancelToken(), []
    token.on_cancel(lambda: 1 / 0)  # type: ignore[arg-type]
    token.on_cancel(lambda: ran.append(1))
    token.cancel("gone")
    assert ran == [1]


def test_wait_ends_early_when_another_thread_cancels() -> None:
    token = CancelToken()
    thread = threading.Thread(target=lambda: token.cancel("gone"))
    thread.start()
    assert token.wait(60.0)
    thread.join()


def test_wait_says_false_when_nobody_cancelled() -> None:
    assert CancelToken().wait(-1.0) is False
