"""From a presented key to who is calling, without asking the database for every request.

A key of the settings (LEO_API_KEY, LEO_ADMIN_KEY) is known here. Any other one is asked of the database at most once
a second, and what the database said, yes or no, holds for one second: a revoked key stops working everywhere within
a second. While the database is down, a key that was good at most 30 seconds ago still lets in; after that, and for
any other key, the caller gets errors.StoreUnavailable. That is the longest that a key which is revoked just before an
outage can live on.

Who serves one request after the other for the same key can keep its `Standing`, and need not come here for each: it says
until when the key is good, and is moved on in place. `refresh` asks the database ahead, in the background, so that the
standing of a key in constant use does not lapse. In an outage it does, and the ordinary way has its rule for that.
"""

from __future__ import annotations

import contextlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from pipeline import errors
from pipeline.settings import Settings
from pipeline.storage.ahead import Errands
from pipeline.storage.key_format import DEFAULT_TENANT, Principal, key_digest, public_id_of

FRESH_S = 1.0
STALE_S = 30.0
AHEAD_S = FRESH_S / 2  # when half of the second is over, it is time to ask again
REVOKED = 0.0  # what `Standing.good_until` is then: long ago
POKE_S = FRESH_S / 8  # and not to be told so by each request until there is an answer
# Good keys and bad ones are remembered apart, so that someone who tries keys at random cannot push the good ones out.
MAX_GOOD = 2048
MAX_BAD = 2048
_STRIPES = 64


class Finder(Protocol):
    """What an Authenticator needs of a KeyStore."""

    def find_digest(self, public_id: str, digest: str) -> Principal | None: ...


class _Remembered(msgspec.Struct, frozen=True):
    principal: Principal | None
    asked_at: float


class Standing:
    """What is known of a good key, kept up to date by the Authenticator that gave it out.

    `principal` never changes. The key is good while the monotonic clock is below `good_until`: infinite for a key of the
    settings, 0 from the moment at which the key is found revoked or its owner's rights are found changed. From `stale_at`
    on, somebody who uses it should call `Authenticator.refresh`.
    """

    __slots__ = ("__weakref__", "digest", "good_until", "principal", "stale_at")

    def __init__(self, principal: Principal, digest: str, asked_at: float) -> None:
        self.principal = principal
        self.digest = digest
        self.move_on(asked_at)

    def move_on(self, asked_at: float) -> None:
        """The key is good, by an answer to a question that was asked at `asked_at`. For the Authenticator only."""
        self.good_until = asked_at + FRESH_S
        self.stale_at = asked_at + AHEAD_S


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
        # By digest, those that somebody keeps.
        self._standings: WeakValueDictionary[str, Standing] = WeakValueDictionary()
        self._errands = Errands("keys-ahead")

    def authenticate(self, presented: str) -> Principal | None:
        """The caller behind this key; None when the key is not one of ours.

        Raises errors.StoreUnavailable when only the database could say and it does not answer.
        """
        digest = key_digest(presented)
        configured = self._find_configured(digest)
        if configured is not None:
            return configured
        public_id = public_id_of(presented)
        if public_id is None:
            return None
        remembered = self._fresh(digest)
        if remembered is None:
            with self._asking[_stripe(digest)]:
                remembered = self._fresh(digest) or self._ask(public_id, digest)
        return remembered.principal

    def standing(self, presented: str) -> Standing | None:
        """How this key stands by what is known now; None when that is not certain without asking the database.

        Never waits. Any thread.
        """
        digest = key_digest(presented)
        configured = self._find_configured(digest)
        if configured is not None:
            return Standing(configured, "", asked_at=float("inf"))
        with self._lock:
            known = self._good.get(digest)
            if known is None or known.principal is None or self._clock() - known.asked_at >= FRESH_S:
                return None
            standing = self._standings.get(digest)
            if standing is None:
                standing = self._standings[digest] = Standing(known.principal, digest, known.asked_at)
            return standing

    def refresh(self, standing: Standing) -> None:
        """Ask the database again in the background, if it is time to. Any thread; returns at once."""
        now, good_until = self._clock(), standing.good_until
        if now < standing.stale_at or good_until == REVOKED:
            return
        standing.stale_at = now + POKE_S
        self._errands.run(standing.digest, lambda: self._ask_again(standing, good_until))

    def _ask_again(self, standing: Standing, seen: float) -> None:
        with self._asking[_stripe(standing.digest)]:
            if standing.good_until != seen:
                return  # somebody has asked since, on the ordinary way
            # Without an answer nothing is moved on, and the standing lapses.
            with contextlib.suppress(errors.StoreUnavailable):
                self._ask(standing.principal.key_id, standing.digest)

    def _find_configured(self, digest: str) -> Principal | None:
        # All are compared, whatever the first comparison says, so that the time taken tells nothing.
        matches = [principal for known, principal in self._configured if hmac.compare_digest(known, digest)]
        return matches[0] if matches else None

    def _fresh(self, digest: str) -> _Remembered | None:
        with self._lock:
            found = self._good.get(digest) or self._bad.get(digest)
        return found if found is not None and self._clock() - found.asked_at < FRESH_S else None

    def _ask(self, public_id: str, digest: str) -> _Remembered:
        # The age counts from before the question: a key that is revoked while the answer is on its way dies in time.
        now = self._clock()
        if self._failed_at is not None and now - self._failed_at < FRESH_S:
            # Who waited behind a question that failed need not wait for a second time-out of his own.
            return self._while_down(digest, now)
        try:
            answer = _Remembered(self._store.find_digest(public_id, digest), now)
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
            self._move_on(digest, answer)
            keep[digest] = answer
            keep.move_to_end(digest)
            while len(keep) > bound:
                keep.popitem(last=False)

    def _move_on(self, digest: str, answer: _Remembered) -> None:
        standing = self._standings.get(digest)
        if standing is None:
            return
        if answer.principal == standing.principal:
            standing.move_on(answer.asked_at)
        else:
            standing.good_until = REVOKED
            del self._standings[digest]


def _stripe(digest: str) -> int:
    return int(digest[:4], 16) % _STRIPES
