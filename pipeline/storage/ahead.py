"""Questions that are asked in the background, before their answers are missed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

# A key in constant use is asked about twice a second: so the thread stays for the next time, and goes when there is none.
LINGER_S = 2.0


class Errands:
    """Does one errand after the other in a daemon thread, which runs only while there is something to do."""

    def __init__(self, name: str, linger: float = LINGER_S) -> None:
        self._name = name
        self._linger = linger
        self._changed = threading.Condition()
        self._waiting: dict[str, Callable[[], object]] = {}
        self._doing: str | None = None
        self._alive = False

    def run(self, what: str, errand: Callable[[], object]) -> None:
        """Have an errand done, unless the same one (by its name `what`) waits or is being done. Returns at once."""
        with self._changed:
            if what in self._waiting or what == self._doing:
                return
            self._waiting[what] = errand
            if self._alive:
                self._changed.notify()
                return
            self._alive = True
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while (errand := self._next()) is not None:
            try:
                errand()
            except Exception as error:  # noqa: BLE001  whoever needs the answer will ask himself, and meet the error
                log.warning("asking_ahead_failed thread=%s reason=%s", self._name, type(error).__name__)

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            self._doing = None
            if not self._changed.wait_for(lambda: bool(self._waiting), self._linger):
                self._alive = False
                return None
            self._doing = next(iter(self._waiting))
            return self._waiting.pop(self._doing)
