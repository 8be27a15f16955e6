"""One circuit breaker per upstream: an upstream that is down is not asked until it has had time to recover.

pybreaker counts and changes the states. Its `call(f)` holds a lock while `f` runs, which would let
only one call at a time through; `calling()` holds it only while the state is looked at. Its half-open
state, however, lets through everyone who comes during the trial, and it has no outcome between
success and failure. So the guard here admits the calls itself, one trial at a time, and tells
pybreaker the outcomes that say something about the upstream: a cancelled call says nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pybreaker

from pipeline.errors import UpstreamError

CIRCUIT_OPEN = "circuit_open"
CLOSED, OPEN, HALF_OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN


def counts_as_failure(error: BaseException) -> bool:
    """Transient upstream errors do. 429 says that the upstream is well and we are too many."""
    return isinstance(error, UpstreamError) and error.transient and error.http_status != 429


def _says_upstream_is_well(error: BaseException) -> bool:
    return isinstance(error, UpstreamError) and not counts_as_failure(error)


class Breaker:
    """The breaker of one upstream; thread-safe. It holds no lock while a call runs."""

    def __init__(self, name: str, *, failures: int, reset_s: float) -> None:
        self._name = name
        self._reset_s = reset_s
        self._storage = pybreaker.CircuitMemoryStorage(CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=reset_s,
            state_storage=self._storage,
            name=name,
            throw_new_error_on_trip=False,
        )
        self._lock = threading.Lock()
        self._trial = False

    @property
    def state(self) -> str:
        """'closed', 'open', or 'half-open' once the next call will be a trial."""
        if self._storage.state == OPEN and self._left() <= 0:
            return HALF_OPEN
        return self._storage.state

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one call inside. Raises UpstreamError 503 `circuit_open` instead of entering while it is open."""
        trial = self._admit()
        try:
            yield
        except BaseException as error:
            if counts_as_failure(error):
                self._tell(error)
            elif _says_upstream_is_well(error):
                self._tell(None)
            raise
        else:
            self._tell(None)
        finally:
            if trial:
                with self._lock:
                    self._trial = False

    def _admit(self) -> bool:
        with self._lock:
            if self._storage.state == CLOSED:
                return False
            left = self._left()
            if left > 0 or self._trial:
                raise self._refusal(left)
            self._trial = True
            return True

    def _left(self) -> float:
        opened_at = self._storage.opened_at
        return self._reset_s - (datetime.now(UTC) - opened_at).total_seconds() if opened_at else 0.0

    def _refusal(self, left: float) -> UpstreamError:
        return UpstreamError(
            f"The upstream '{self._name}' has failed repeatedly and is not asked for a moment.",
            status=503,
            transient=True,
            code=CIRCUIT_OPEN,
            # While a trial runs the time is up already; a second is a fair guess of how long it takes.
            retry_after=round(left, 3) if left > 0 else 1.0,
        )

    def _tell(self, error: BaseException | None) -> None:
        if error is None and self._storage.state == CLOSED and self._storage.counter == 0:
            return  # that it is well is known
        # pybreaker raises the error again, and refuses the news of a call that began before it opened.
        with self._lock, suppress(pybreaker.CircuitBreakerError, UpstreamError), self._breaker.calling():
            if error is not None:
                raise error


class Breakers:
    """The breakers by upstream name, made on first use; as many as the model table has upstreams."""

    def __init__(self, *, failures: int = 5, reset_s: float = 10.0) -> None:
        self._failures = failures
        self._reset_s = reset_s
        self._lock = threading.Lock()
        self._breakers: dict[str, Breaker] = {}

    def of(self, upstream: str) -> Breaker:
        with self._lock:
            if upstream not in self._breakers:
                self._breakers[upstream] = Breaker(upstream, failures=self._failures, reset_s=self._reset_s)
            return self._breakers[upstream]

    def states(self) -> dict[str, str]:
        """The state of every upstream that was called so far, for /ready and the status page."""
        with self._lock:
            breakers = dict(self._breakers)
        return {name: breaker.state for name, breaker in sorted(breakers.items())}
