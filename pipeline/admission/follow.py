"""Following: one reader for all the callers that wait in this process.

Two threads and two Redis connections serve any number of callers. The *listener* takes notices from
this process's channel, and the news that they carry to the callers. Where a notice carries none, or one before it
was missed, the *reader* fetches what is new in all such logs in one round trip. Once each beat the reader also
tends every followed run (`tend.lua`): it renews this process's interest, sees what was missed, and asks for a run to
be queued again when its worker is gone.

A caller that waits takes no thread: it is a coroutine in whatever event loop it was started in.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from pipeline.admission.events import Accepted, Answered, Event, Failed, failure
from pipeline.admission.keys import channel
from pipeline.admission.notices import parse_notice
from pipeline.admission.runs import Runs
from pipeline.errors import Cancelled, DeadlineExceeded, StoreUnavailable, Unavailable

log = logging.getLogger(__name__)

Submit = Callable[[str, str, int], None]  # (key, epoch, stage) to the queue
QueueEmpty = Callable[[], bool]

# A message can only be lost while it is not in the broker: before it was published, with a broker that forgot, or in the
# hands of a worker that died before it began. So a queued run is queued again early when the queue is empty, or when runs
# that came later have been worked on; and late when it may still be waiting for its turn.
REQUEUE_EMPTY_S = 3.0
REQUEUE_BUSY_S = 60.0
OVERTAKEN_S = 2.0  # how much later another run must have come
BATCH = 500

# A caller may be patient, but an outage of Redis that lasts longer than this is news that it should have.
OUTAGE_S = 15.0
CLOSE_S = 3.0
DOWN = failure(StoreUnavailable("Redis or the broker has been away for too long. Please try again.", retry_after=2.0))
LOST = failure(Unavailable("The state of this request was lost. Please send it again.", code="run_lost"))


class Watch:
    """The log of one run as far as this process has read it, shared by all its callers here."""

    def __init__(self, key: str, epoch: str, log: list[Event]) -> None:
        self.key = key
        self.epoch = epoch
        self.events = log
        self.callers = 0
        self.refused_since: float | None = None  # monotonic; since when the broker has not taken this run
        self._sleepers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Answered | Failed)

    @property
    def accepted_at(self) -> float | None:
        """When the run was made, in unix seconds; None before its log is read."""
        first = self.events[0] if self.events else None
        return first.at if isinstance(first, Accepted) else None

    @property
    def begun(self) -> bool:
        """A worker has said something."""
        return len(self.events) > 1

    def extend(self, start: int, new: list[Event]) -> bool:
        """Take the events that stand in the log from index `start` on; False when some before them are missing here."""
        with self._lock:
            known = len(self.events)
            if start > known:
                return False
            fresh = new[known - start :]
            if not fresh or self.ended:
                return True
            self.events.extend(fresh)
            sleepers, self._sleepers = self._sleepers, []
        for wake in sleepers:
            wake()
        return True

    def end(self, last: Failed) -> None:
        """End it for the callers here, whatever the log says."""
        self.extend(len(self.events), [last])

    def sleep(self, seen: int, wake: Callable[[], None]) -> bool:
        """Have `wake` called once, from any thread, when there are more than `seen` events; False when there are already."""
        with self._lock:
            if len(self.events) > seen:
                return False
            self._sleepers.append(wake)
            return True


class Subscription:
    """One caller's view of a run: iterate over `events`, and `close` it when the caller is served or gone."""

    def __init__(self, watch: Watch, follower: Follower, deadline: float) -> None:
        self._watch = watch
        self._follower = follower
        self._deadline = deadline
        self._gone = False
        self._closed = False
        self._wake: Callable[[], None] = lambda: None

    async def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events from the start of the log to its end.

        Raises DeadlineExceeded when the deadline (monotonic seconds) passes, Cancelled after `leave`.
        """
        seen = 0
        while True:
            batch = await self._next(seen)
            seen += len(batch)
            yield batch
            if isinstance(batch[-1], Answered | Failed):
                return

    async def _next(self, seen: int) -> list[Event]:
        while True:
            if self._gone:
                raise Cancelled("The caller has gone.")
            if new := self._watch.events[seen:]:
                return new
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise DeadlineExceeded("The answer did not come before the deadline of this request.", retry_after=1)
            await self._sleep(seen, remaining)

    async def _sleep(self, seen: int, seconds: float) -> None:
        """Until there is news, the caller leaves, or the time is over."""
        loop = asyncio.get_running_loop()
        news = loop.create_future()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, news)

        self._wake = wake
        if self._gone or not self._watch.sleep(seen, wake):
            return
        timer = loop.call_later(seconds, _resolve, news)
        try:
            await news
        finally:
            timer.cancel()

    def leave(self) -> None:
        """The caller has disconnected: wake whoever waits for it. Safe from any thread."""
        self._gone = True
        self._wake()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._follower.drop(self._watch)


def _resolve(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_result(None)


class Follower:
    """Serves all callers of one process. `id` names it as a follower in Redis."""

    def __init__(
        self, runs: Runs, submit: Submit, queue_empty: QueueEmpty, *, id: str, beat: float = 1.0, outage: float = OUTAGE_S
    ) -> None:
        self.id = id
        self._runs = runs
        self._submit = submit
        self._queue_empty = queue_empty
        self._beat = beat
        self._outage = outage
        self._watches: dict[tuple[str, str], Watch] = {}
        self._callers = 0
        self._dirty: set[tuple[str, str]] = set()
        self._left: list[str] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._latest_begun = 0.0  # unix seconds; when the latest run was made of which a worker has said something
        self._trusted_from = 0.0  # monotonic; until then an expired lease may be the fault of an outage

    def follow(self, key: str, epoch: str, deadline: float, log: list[Event] | None = None) -> Subscription:
        """Follow a run from the start of its log. `deadline` is monotonic seconds; `log` is all that stands in it, if known."""
        with self._lock:
            self._start()
            watch = self._watches.get((key, epoch))
            if watch is None:
                watch = self._watches[key, epoch] = Watch(key, epoch, log or [])
            watch.callers += 1
            self._callers += 1
            if watch.callers == 1 and not log:
                # What was said before the notices for this process began is read at once.
                self._dirty.add((key, epoch))
                self._wake.set()
        return Subscription(watch, self, deadline)

    def drop(self, watch: Watch) -> None:
        with self._lock:
            watch.callers -= 1
            self._callers -= 1
            if watch.callers == 0:
                self._watches.pop((watch.key, watch.epoch), None)
                if not watch.ended:
                    self._left.append(watch.key)
                    self._wake.set()

    @property
    def waiting(self) -> int:
        """Callers that wait in this process now."""
        return self._callers

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(CLOSE_S)

    def _start(self) -> None:
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._listen, name="listener", daemon=True),
                threading.Thread(target=self._read, name="reader", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    # --- the listener ---

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                self._take_notices()
            except Exception as error:  # noqa: BLE001  this thread must outlive anything: every caller here depends on it
                if not self._stop.is_set():
                    log.warning("notices_interrupted reason=%s", type(error).__name__)
                    self._stop.wait(0.2)

    def _take_notices(self) -> None:
        pubsub = self._runs.redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        try:
            pubsub.subscribe(channel(self.id))
            self._touch_all()  # notices may have been missed while there was no connection
            while not self._stop.is_set():
                message = pubsub.get_message(timeout=self._beat)
                if message is not None:
                    self._take(*parse_notice(message["data"]))
        finally:
            pubsub.close()

    def _take(self, key: str, epoch: str, start: int, news: list[Event] | None) -> None:
        watch = self._watches.get((key, epoch))
        if watch is not None and (news is None or not self._extend(watch, start, news)):
            self._touch(key, epoch)

    def _extend(self, watch: Watch, start: int, new: list[Event]) -> bool:
        known = watch.extend(start, new)
        if watch.begun:
            self._latest_begun = max(self._latest_begun, watch.accepted_at or 0.0)
        return known

    def _touch(self, key: str, epoch: str) -> None:
        """Have the reader look at this log."""
        with self._lock:
            if (key, epoch) in self._watches:
                self._dirty.add((key, epoch))
                self._wake.set()

    def _touch_all(self) -> None:
        with self._lock:
            self._dirty.update(self._watches)
            self._wake.set()

    # --- the reader ---

    def _read(self) -> None:
        next_beat = answering = time.monotonic()
        while not self._stop.is_set():
            self._wake.wait(max(0.0, next_beat - time.monotonic()))
            self._wake.clear()
            try:
                self._fetch()
                if time.monotonic() >= next_beat:
                    self._tend()
                    answering = time.monotonic()
                    next_beat = answering + self._beat
            except Exception as error:  # noqa: BLE001  as above
                if self._stop.is_set():
                    return
                log.warning("following_interrupted waiting=%d reason=%s", self.waiting, type(error).__name__)
                # After an outage every lease looks expired, since nobody could renew one.
                self._trusted_from = time.monotonic() + self._runs.times.lease
                if time.monotonic() - answering > self._outage:
                    self._give_up()
                self._stop.wait(0.2)
                self._touch_all()

    def _give_up(self) -> None:
        with self._lock:
            waiting = [watch for watch in self._watches.values() if not watch.ended]
        for watch in waiting:
            watch.end(DOWN)

    def _fetch(self) -> None:
        with self._lock:
            dirty = [watch for name in self._dirty if (watch := self._watches.get(name)) and not watch.ended]
            self._dirty.clear()
        for start in range(0, len(dirty), BATCH):
            batch = dirty[start : start + BATCH]
            cursors = [(watch.key, watch.epoch, len(watch.events)) for watch in batch]
            for watch, cursor, new in zip(batch, cursors, self._runs.read(cursors), strict=True):
                self._extend(watch, cursor[2], new)

    def _tend(self) -> None:
        self._send_leaves()
        with self._lock:
            watched = [watch for watch in self._watches.values() if not watch.ended]
        if not watched or time.monotonic() < self._trusted_from:
            return
        overtaken = {watch for watch in watched if self._overtaken(watch)}
        self._tend_all(list(overtaken), REQUEUE_EMPTY_S)
        in_turn = [watch for watch in watched if watch not in overtaken]
        self._tend_all(in_turn, REQUEUE_EMPTY_S if self._queue_empty() else REQUEUE_BUSY_S)

    def _overtaken(self, watch: Watch) -> bool:
        made = watch.accepted_at
        return made is not None and not watch.begun and made < self._latest_begun - OVERTAKEN_S

    def _tend_all(self, watched: list[Watch], requeue_after: float) -> None:
        for start in range(0, len(watched), BATCH):
            batch = watched[start : start + BATCH]
            verdicts = self._runs.tend(self.id, [(watch.key, watch.epoch) for watch in batch], requeue_after)
            for watch, (verdict, length) in zip(batch, verdicts, strict=True):
                self._obey(watch, verdict, length)

    def _obey(self, watch: Watch, verdict: str, length: int) -> None:
        if length > len(watch.events):
            self._touch(watch.key, watch.epoch)
        elif verdict == "gone":
            watch.end(LOST)
        elif verdict.startswith("requeue:"):
            log.warning("run_requeued key=%s epoch=%s", watch.key, watch.epoch)
            self._resubmit(watch, int(verdict.partition(":")[2]))

    def _resubmit(self, watch: Watch, stage: int) -> None:
        try:
            self._submit(watch.key, watch.epoch, stage)
            watch.refused_since = None
        except StoreUnavailable:
            watch.refused_since = watch.refused_since or time.monotonic()
            if time.monotonic() - watch.refused_since > self._outage:
                watch.end(DOWN)

    def _send_leaves(self) -> None:
        """Tell Redis of the runs that have no caller left here, unless one has come back meanwhile."""
        with self._lock:
            left, self._left = self._left, []
            back = {key for key, _ in self._watches}
        for key in set(left) - back:
            self._runs.leave(self.id, key)
