"""From a presented key to who is calling, without asking the database for every request.

A key of the settings (LEO_API_KEY, LEO_ADMIN_KEY) is known here. Any other one is asked of the database at most once
a second, and what the database said, yes or no, holds for one second: a revoked key stops working everywhere within
a second. While the database is down, a key that was good at most 30 seconds ago still lets in; after that, and for
any other key, the caller gets errors.StoreUnavailable. That is the longest that a key which is revoked just before an
outage can live on.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec

from pipeline import errors
from pipeline.settings import Settings
from pipeline.storage.key_format import DEFAULT_TENANT, Principal, key_digest, public_id_of

FRESH_S = 1.0
STALE_S = 30.0
# Good keys and bad ones are remembered apart, so that someone who tries keys at random cannot push the good ones out.
MAX_GOOD = 2048
MAX_BAD = 2048
_STRIPES = 64


class Finder(Protocol):
    """What an Authenticator needs of a KeyStore."""

    def find(self, plaintext: str) -> Principal | None: ...


class _Remembered(msgspec.Struct, frozen=True):
    principal: Principal | None
    asked_at: float


class Authenticator:
    """Says who presents a key. One instance serves all threads of a process.

    `clock` is a monotonic clock in seconds.
    """

    def __init__(self, store: Finder, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._configured = [
            (key_digest(key), Principal(tenant=DEFAULT_TENANT, key_id=key_id, is_admin=is_admin, bring_own_key=False))
            for key, key_id, is_admin in ((settings.admin_key, "admin", True), (settings.api_key, "api", False))
            if key
        ]
        self._lock = threading.Lock()
        self._good: OrderedDict[str, _Remembered] = OrderedDict()
        self._bad: OrderedDict[str, _Remembered] = OrderedDict()
        # One question to the database per key at a time: a thread that comes second waits for the answer of the first.
        self._asking = [threading.Lock() for _ in range(_STRIPES)]
        self._failed_at: float | None = None

    def authenticate(self, presented: str) -> Principal | None:
        """The caller behind this key; None when the key is not one of ours.

        Raises errors.StoreUnavailable when only the database could say and it does not answer.
        """
        digest = key_digest(presented)
        configured = self._find_configured(digest)
        if configured is not None:
            return configured
        if public_id_of(presented) is None:
            return None
        remembered = self._fresh(digest)
        if remembered is None:
            with self._asking[int(digest[:4], 16) % _STRIPES]:
                remembered = self._fresh(digest) or self._ask(presented, digest)
        return remembered.principal

    def _find_configured(self, digest: str) -> Principal | None:
        # All are compared, whatever the first comparison says, so that the time taken tells nothing.
        matches = [principal for known, principal in self._configured if hmac.compare_digest(known, digest)]
        return matches[0] if matches else None

    def _fresh(self, digest: str) -> _Remembered | None:
        with self._lock:
            found = self._good.get(digest) or self._bad.get(digest)
        return found if found is not None and self._clock() - found.asked_at < FRESH_S else None

    def _ask(self, presented: str, digest: str) -> _Remembered:
        # The age counts from before the question: a key that is revoked while the answer is on its way dies in time.
        now = self._clock()
        if self._failed_at is not None and now - self._failed_at < FRESH_S:
            # Who waited behind a question that failed need not wait for a second time-out of his own.
            return self._while_down(digest, now)
        try:
            answer = _Remembered(self._store.find(presented), now)
        except errors.StoreUnavailable:
            self._failed_at = self._clock()
            return self._while_down(digest, self._failed_at)
        self._failed_at = None
        self._remember(digest, answer)
        return answer

    def _while_down(self, digest: str, now: float) -> _Remembered:
        with self._lock:
            known = self._good.get(digest)
        if known is None or now - known.asked_at >= STALE_S:
            raise errors.StoreUnavailable("The key cannot be checked, because the database is not answering.")
        return known

    def _remember(self, digest: str, answer: _Remembered) -> None:
        good = answer.principal is not None
        keep, other, bound = (self._good, self._bad, MAX_GOOD) if good else (self._bad, self._good, MAX_BAD)
        with self._lock:
            other.pop(digest, None)
            keep[digest] = answer
            keep.move_to_end(digest)
            while len(keep) > bound:
                keep.popitem(last=False)
