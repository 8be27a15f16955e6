"""Heartbeats for the runs that this worker process holds: one thread and one round trip for all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.admission.runs import Claim, Pulse, Runs
from pipeline.upstream.cancel import CancelToken

log = logging.getLogger(__name__)

ABANDONED = "abandoned"  # nobody follows the run any more
LOST = "lost"  # another worker holds it now
CLOSE_S = 3.0
EXPIRED = "deadline"  # the last caller's deadline has passed


class LeaseKeeper:
    """Renews the leases of all held claims each `interval` seconds, and cancels work that has become pointless."""

    def __init__(self, runs: Runs, interval: float) -> None:
        self._runs = runs
        self._interval = interval
        self._held: dict[str, tuple[Claim, CancelToken]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[CancelToken]:
        """Keep a claim alive for the length of the block; the token is cancelled when the work is pointless."""
        cancel = CancelToken()
        with self._lock:
            self._held[claim.token + claim.key] = (claim, cancel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
        try:
            yield cancel
        finally:
            with self._lock:
                del self._held[claim.token + claim.key]

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _beat(self) -> None:
        while not self._stop.wait(self._interval):
            with self._lock:
                held = list(self._held.values())
            try:
                pulses = self._runs.renew([claim for claim, _ in held])
            except Exception as error:  # noqa: BLE001  this thread must outlive anything: without it every lease is lost
                # The calls go on: their answers are worth as much when Redis is back.
                log.warning("leases_not_renewed held=%d reason=%s", len(held), type(error).__name__)
                continue
            for (_, cancel), pulse in zip(held, pulses, strict=True):
                self._judge(cancel, pulse)

    @staticmethod
    def _judge(cancel: CancelToken, pulse: Pulse) -> None:
        if not pulse.held:
            cancel.cancel(LOST)
        elif pulse.followers == 0:
            cancel.cancel(ABANDONED)
        elif pulse.patience <= 0:
            cancel.cancel(EXPIRED)
