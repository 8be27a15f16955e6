"""Stored answers held in this process, so that a hit on one of them needs no round trip to Redis.

The table is a plain data structure. One thread owns it: only that thread puts, drops, tends (see cache/tracking.py).
Any thread may ask with `get` and `valid`, and add to an entry's account with `charge`. These take no lock and
never wait, because each is one atomic operation on a dictionary, a deque or an attribute.

Three things must hold before an answer is served from here: its entry is `live`, it has not ended (`expires`), and the
table is trusted (`trusted_until`). The last one is what makes the table safe: its owner moves it on only by proofs that
everything which was invalidated before some moment has been dropped. Whoever renders an answer and keeps the `Held` asks
`valid` each time.

The bound is in bytes. When it is reached, the tenant that holds the most bytes gives up an entry, so that the traffic of
one tenant pushes out nobody's entries but its own. Which one it gives up is decided by second chance (CLOCK): the oldest
that was not used since it was looked at last. A hit then only sets a bit, where LRU would have to move the entry.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from operator import attrgetter
from sys import getsizeof
from typing import Literal, get_args

import msgspec

from pipeline.admission.answer import Answer

log = logging.getLogger(__name__)

NEVER = float("-inf")
LARGEST_SHARE = 8  # an answer that is larger than the bound divided by this is not kept
# A second chance for more than so many entries in a row would hold the interpreter, and with it every caller, for
# milliseconds. After so many the next one goes, used or not.
MAX_CHANCES = 64

Reason = Literal["invalidated", "expired", "evicted", "connection_lost"]


class Held(msgspec.Struct, eq=False, gc=False):
    """One stored answer in this process.

    `expires` is monotonic seconds. `live` turns False, for good, when the entry is dropped: whoever kept a reference
    sees it there. `used` is set by each hit. `bytes` is what the entry costs, derived data that was charged included.
    """

    key: str
    answer: Answer
    expires: float
    bytes: int
    live: bool = True
    used: bool = False


class _Share:
    """What one tenant holds: its entries, the next candidate for eviction first."""

    __slots__ = ("bytes", "ring")

    def __init__(self) -> None:
        self.bytes = 0
        self.ring: OrderedDict[str, Held] = OrderedDict()


def _ignore(_held: Held) -> None:
    pass


class HotTable:
    """Answers by content key, at most `max_bytes` of them.

    `on_drop` is called in the owner's thread, once for each entry that leaves, after `live` has turned False. It may be
    set until the first entry is put.
    `clock` is a monotonic clock in seconds. `bytes` and `drops` are meters; the bytes are an estimate that errs upwards.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        on_drop: Callable[[Held], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_bytes = max_bytes
        self.trusted_until = NEVER
        self.bytes = 0
        self.drops: dict[Reason, int] = dict.fromkeys(get_args(Reason), 0)
        self.on_drop = on_drop
        self._clock = clock
        self._entries: dict[str, Held] = {}
        self._shares: dict[str, _Share] = {}
        self._charges: deque[tuple[Held, int]] = deque()
        # Keys by the second in which they end. All seconds before `_swept` are done with.
        self._ends: dict[int, set[str]] = {}
        self._swept = 0

    # --- for any thread ---

    def get(self, key: str) -> Held | None:
        """The entry of a content key, if it may be served now."""
        held = self._entries.get(key)
        if held is None:
            return None
        if not self.valid(held, self._clock()):
            return None
        held.used = True
        return held

    def valid(self, held: Held, now: float) -> bool:
        """Whether an entry that the caller has kept may still be served at `now` (monotonic seconds)."""
        return held.live and now < held.expires and now < self.trusted_until

    def charge(self, held: Held, extra_bytes: int) -> None:
        """Add the bytes of something that was derived from an entry to its account; a negative number takes them off.

        The owner settles it at its next turn, a quarter of a second later at most. An entry that is gone owes nothing.
        """
        self._charges.append((held, extra_bytes))

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    @property
    def entries(self) -> int:
        return len(self._entries)

    # --- for the owner ---

    def trust(self, until: float) -> None:
        """Everything that was invalidated has been dropped, as far as may be served until `until` (monotonic seconds)."""
        self.trusted_until = max(self.trusted_until, until)

    def put(self, key: str, answer: Answer, expires: float) -> bool:
        """Hold an answer until `expires` (monotonic seconds); False when there is no place for it.

        There is none for an answer above an eighth of the bound, nor for one that would make its tenant the largest
        while it has nothing else to give up.
        """
        self.drop(key)
        self._settle()
        size = footprint(key, answer)
        share = self._shares.get(answer.tenant) or _Share()
        if size * LARGEST_SHARE > self.max_bytes or not self._make_room(share, size):
            return False
        held = Held(key, answer, expires, size)
        # Evictions may have taken the last entry of this tenant, and its share with it.
        self._shares[answer.tenant] = share
        share.ring[key] = held
        share.bytes += size
        self.bytes += size
        second = int(expires)
        self._swept = min(self._swept, second) if self._ends else second
        self._ends.setdefault(second, set()).add(key)
        self._entries[key] = held
        return True

    def drop(self, key: str, reason: Reason = "invalidated") -> None:
        held = self._entries.get(key)
        if held is not None:
            self._remove(held, reason)

    def forget_all(self, reason: Reason = "connection_lost") -> None:
        """Drop every entry. After a lost connection nothing is trusted either, before the first one is dropped."""
        if reason == "connection_lost":
            self.trusted_until = NEVER
        for held in list(self._entries.values()):
            self._remove(held, reason)

    def tend(self, now: float) -> None:
        """Settle what was charged, and drop what ended before this second. `now` is monotonic seconds."""
        self._settle()
        while self._ends and self._swept < int(now):
            for key in list(self._ends.get(self._swept, ())):
                self.drop(key, "expired")
            self._swept += 1

    def take_used(self) -> list[str]:
        """The keys that were used since they were asked for last, or looked at for eviction."""
        used = [held for held in self._entries.values() if held.used]
        for held in used:
            held.used = False
        return [held.key for held in used]

    def _settle(self) -> None:
        while self._charges:
            held, extra = self._charges.popleft()
            if not held.live:
                continue
            share = self._shares[held.answer.tenant]
            # Its own entry may be the one that goes to make room.
            if self._make_room(share, extra, held) and held.live:
                held.bytes += extra
                share.bytes += extra
                self.bytes += extra

    def _make_room(self, share: _Share, size: int, payer: Held | None = None) -> bool:
        """Evict until `size` more bytes fit into `share`; False when the largest tenant has nothing to give up.

        The new bytes count as held already: otherwise a tenant just below the largest could push that one out.
        """
        while self.bytes + size > self.max_bytes and (payer is None or payer.live):
            largest = max(self._shares.values(), key=_bytes_of, default=share)
            if share.bytes + size >= largest.bytes:
                largest = share
            if not largest.ring:
                return False
            self._evict(largest)
        return True

    def _evict(self, share: _Share) -> None:
        ring = share.ring
        for _ in range(min(len(ring), MAX_CHANCES)):
            key, held = next(iter(ring.items()))
            if not held.used:
                break
            held.used = False
            ring.move_to_end(key)
        self._remove(next(iter(ring.values())), "evicted")

    def _remove(self, held: Held, reason: Reason) -> None:
        held.live = False
        del self._entries[held.key]
        share = self._shares[held.answer.tenant]
        del share.ring[held.key]
        share.bytes -= held.bytes
        if not share.ring:
            del self._shares[held.answer.tenant]
        self._forget_end(held)
        self.bytes -= held.bytes
        self.drops[reason] += 1
        try:
            self.on_drop(held)
        except Exception as error:  # noqa: BLE001  the entries after this one must be dropped all the same
            log.error("hot_drop_failed reason=%s", type(error).__name__)

    def _forget_end(self, held: Held) -> None:
        second = int(held.expires)
        keys = self._ends[second]
        keys.discard(held.key)
        if not keys:
            del self._ends[second]


_bytes_of = attrgetter("bytes")

# Beside its texts, an entry is a Held, an Answer with its Tokens and numbers, and a place in four containers. Containers
# that grow double their size, so the places are counted with their slack. A test holds this against the allocator.
_FIXED_BYTES = 700


def footprint(key: str, answer: Answer) -> int:
    """About how many bytes an entry takes."""
    headers = answer.headers
    texts = (key, answer.tenant, answer.model, answer.upstream, answer.call_id or "", *headers, *headers.values())
    return _FIXED_BYTES + getsizeof(answer.body) + getsizeof(headers) + sum(map(getsizeof, texts))
