"""The crew of a worker process: it carries out the runs of a message side by side."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pipeline.admission.runs import Claim
from pipeline.runner import Runner
from workers.outbox import Run

log = logging.getLogger(__name__)

# A message that finds no place here is put back for others: well before the broker hands out a copy of it.
PATIENCE_S = 2.0


class Crew:
    """At most `size` runs at once. `submit` queues runs for a stage, and raises when the broker does not take them."""

    def __init__(self, runner: Runner, submit: Callable[[list[Run], int], None], size: int, patience: float = PATIENCE_S) -> None:
        self._runner = runner
        self._submit = submit
        self._patience = patience
        self._places = threading.Semaphore(size)
        self._hands = ThreadPoolExecutor(size, thread_name_prefix="crew")

    def work(self, runs: list[Run], stage: int) -> None:
        """Run the hop of each that starts with `stage`; returns when all that were begun are over.

        A run that has no place within the patience goes back to the queue. Raises StoreUnavailable after a long outage.
        """
        begun: list[Future[None]] = []
        try:
            while runs:
                places = self._take(len(runs))
                if not places:
                    self._submit(runs, stage)
                    return
                claims = self._claim(runs[:places], stage)
                runs = runs[places:]
                # The last one is done here, which spares a change of threads: most messages carry only one.
                mine = claims.pop() if claims and not runs else None
                begun += [self._hands.submit(self._one, claim, stage) for claim in claims]
                if mine:
                    self._one(mine, stage)
        finally:
            wait(begun)

    def close(self) -> None:
        self._hands.shutdown()

    def _take(self, wanted: int) -> int:
        """As many places as there are, up to `wanted`; waits for the first. 0 when the patience is over."""
        taken = int(self._places.acquire(timeout=self._patience))
        while 0 < taken < wanted and self._places.acquire(blocking=False):
            taken += 1
        return taken

    def _claim(self, runs: list[Run], stage: int) -> list[Claim]:
        claims: list[Claim] = []
        try:
            claims = self._runner.claim(runs, stage)
        finally:
            for _ in range(len(runs) - len(claims)):
                self._places.release()
        return claims

    def _one(self, claim: Claim, stage: int) -> None:
        try:
            following = self._runner.work(claim, stage)
            if following is not None:
                self._submit([(claim.key, claim.epoch)], following)
        except Exception as error:  # noqa: BLE001  the run stands in Redis, where its followers see to it; the others go on
            log.error("hop_failed key=%s error=%s", claim.key, type(error).__name__)
        finally:
            self._places.release()
