"""The outbox: what is handed in close together leaves together, and nobody waits for it.

It is Nagle's rule, or a database's group commit: after a pause the first goes out at once, by the hand of whoever brings
it; while much comes, it is collected for some milliseconds, and goes out from a thread of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

Run = tuple[str, str]  # key and epoch
# Less than a whole miss takes: with more, one caller that asks again as soon as it is answered waits for its own last message.
LINGER_S = 0.002
MOST = 32
CLOSE_S = 3.0


class Outbox:
    """Sends runs, in batches when many come.

    `send` gets a stage and the runs that wait for it, at most `most`. What it raises is logged, and the batch is given
    up: the followers of its runs queue them again.
    """

    def __init__(self, send: Callable[[int, list[Run]], None], linger: float = LINGER_S, most: int = MOST) -> None:
        self._send = send
        self._linger = linger
        self._most = most
        self._waiting: list[tuple[int, Run]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._sent_at = float("-inf")

    def put(self, stage: int, run: Run) -> None:
        """Take a run to be sent soon; raises nothing."""
        with self._changed:
            quiet = not self._waiting and not self._closed and time.monotonic() >= self._sent_at + self._linger
            if quiet:
                self._sent_at = time.monotonic()  # from now on others collect
            else:
                self._collect(stage, run)
        if quiet:
            self._try(stage, [run])

    def _collect(self, stage: int, run: Run) -> None:
        self._waiting.append((stage, run))
        # In between, the thread is either sending or waits for the time to pass.
        if len(self._waiting) in (1, self._most):
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Send what is waiting, and end the thread. Returns within some seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while batch := self._next():
            for stage in dict.fromkeys(stage for stage, _ in batch):
                runs = [run for of, run in batch if of == stage]
                for start in range(0, len(runs), self._most):
                    self._try(stage, runs[start : start + self._most])

    def _next(self) -> list[tuple[int, Run]]:
        """What is to be sent now; nothing after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            pause = self._sent_at + self._linger - time.monotonic()
            if pause > 0:
                self._changed.wait_for(lambda: len(self._waiting) >= self._most or self._closed, pause)
            batch, self._waiting = self._waiting, []
            return batch

    def _try(self, stage: int, runs: list[Run]) -> None:
        try:
            self._send(stage, runs)
        except Exception as error:  # noqa: BLE001  this thread must outlive anything: every new run here depends on it
            log.warning("submit_failed runs=%d reason=%s", len(runs), type(error).__name__)
        self._sent_at = time.monotonic()
