"""At most so many calls at once of one upstream from this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import Cancelled, DeadlineExceeded
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.routes import Upstream


class _Places:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.taken = 0


class Gates:
    """Waiting rooms by upstream name. The bound may change with the model table; those inside stay inside."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, _Places] = {}

    @contextmanager
    def place(self, upstream: Upstream, deadline: float, cancel: CancelToken) -> Iterator[None]:
        """Wait for a place and keep it inside. Raises Cancelled or DeadlineExceeded while waiting."""
        if upstream.max_concurrency is None:
            yield
            return
        with self._lock:
            places = self._places.setdefault(upstream.name, _Places())
        self._enter(places, upstream, upstream.max_concurrency, deadline, cancel)
        try:
            yield
        finally:
            with places.changed:
                places.taken -= 1
                places.changed.notify()

    def _enter(self, places: _Places, upstream: Upstream, bound: int, deadline: float, cancel: CancelToken) -> None:
        def wake() -> None:
            with places.changed:
                places.changed.notify_all()

        cancel.on_cancel(wake)
        try:
            with places.changed:
                while places.taken >= bound:
                    remaining = deadline - self._clock()
                    if remaining <= 0:
                        raise DeadlineExceeded(f"All {bound} places at the upstream '{upstream.name}' stayed taken.")
                    if cancel.cancelled:
                        raise Cancelled(f"The call was cancelled: {cancel.reason}")
                    places.changed.wait(remaining)
                places.taken += 1
        finally:
            cancel.remove(wake)
