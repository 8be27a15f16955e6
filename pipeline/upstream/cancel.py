"""Telling a running call that nobody waits for it any more."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class CancelToken:
    """A one-way switch that any thread may turn; it stays turned.

    Callbacks run in the thread that cancels, or at once when they come too late. They must be short
    and may run after `remove` returned, when the two raced.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self._reason = ""

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    @property
    def reason(self) -> str:
        """Why, in the words of the first who cancelled; empty before."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Turn the switch and run the callbacks. The first reason stays; a second call does nothing."""
        with self._lock:
            if self._event.is_set():
                return
            self._reason = reason
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _run(callback)

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Have `callback` run when the switch is turned; at once if it is turned already."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        _run(callback)

    def remove(self, callback: Callable[[], None]) -> None:
        """Forget a callback. Unknown ones are ignored."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds`, or less when cancelled. True says that it is cancelled."""
        return self._event.wait(max(0.0, seconds))


def _run(callback: Callable[[], None]) -> None:
    # One callback that fails must not keep the others from ending their calls.
    try:
        callback()
    except Exception:
        log.exception("a callback of a cancelled call failed")
