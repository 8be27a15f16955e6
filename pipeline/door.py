"""The door: a request comes in, and gets a stored answer, a place at a running call, or a run of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable

import msgspec

from pipeline import ids
from pipeline.admission.answer import Answer
from pipeline.admission.events import Accepted, Answered, Event, Failed, Restarted, RunFailed
from pipeline.admission.follow import LOST, Follower, Subscription
from pipeline.admission.runs import Admission, RunRequest, Runs
from pipeline.admission.treatment import Treatment
from pipeline.cache.exact import ExactCache
from pipeline.cache.meaning import Meaning
from pipeline.errors import Cancelled, Overloaded
from pipeline.ledger.events import CacheState
from pipeline.request.controls import Controls
from pipeline.request.model import Request
from pipeline.request.plan import Plan, Policy, make_plan

log = logging.getLogger(__name__)

MAX_READMISSIONS = 3


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the tenant, the principal within it, and a digest that separates callers who bring their own provider key."""

    tenant: str
    partition: str = ""
    provider_key: str = ""
    principal: str = ""

    def __repr__(self) -> str:
        """The provider's key may not reach a log line by way of a repr."""
        return f"Caller({self.tenant!r})"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`deadline` and `max_deadline` in seconds; `waiting` callers at once in this process."""

    deadline: float
    max_deadline: float
    waiting: int


class Entry:
    """One caller's request after admission.

    `status` is how it will be answered: 'exact', 'dedup', 'miss' or 'bypass'. `answer` is set for a hit;
    all others read `events`, at whose end `status` may be 'exact' or 'semantic' after all, `not_stored` says why the
    answer was not kept, if it was not, and `meaning` what was found by meaning.
    Always `close` it.
    """

    def __init__(self, plan: Plan, admission: Admission, subscription: Subscription | None, readmit: Callable[[], Entry]) -> None:
        self.plan = plan
        self.status = _status(plan, admission)
        self.replayed = admission.verdict == "replay"
        self.answer: Answer | None = admission.answer
        self.not_stored: str | None = None
        self.meaning: Meaning | None = None
        self.treatment: Treatment | None = None
        self._subscription = subscription
        self._readmit = readmit
        self._left = False

    @property
    def from_cache(self) -> bool:
        """A stored answer, served as a new response. A repeat under an Idempotency-Key gets the old response again."""
        return self.status in ("exact", "semantic") and not self.replayed

    async def events(self) -> AsyncIterator[list[Event]]:
        """Batches of events, the last of which ends with Answered.

        Raises the run's own error, DeadlineExceeded, or Cancelled after `leave`. A run whose state was
        lost is admitted again; its callers then see Restarted and the answer from its start.
        """
        for _ in range(MAX_READMISSIONS + 1):
            subscription = self._subscription
            if subscription is None:
                if self.answer is not None:
                    yield [Answered(self.answer, "exact")]
                return
            lost = False
            async for batch in subscription.events():
                lost = batch[-1] is LOST
                if isinstance(batch[-1], Failed) and not lost:
                    raise RunFailed(batch[-1])
                if isinstance(batch[-1], Answered):
                    self._ended(batch[-1])
                yield batch[:-1] if lost else batch
            if not lost:
                return
            # Admission asks Redis and may wait for it, which no event loop should do.
            await asyncio.get_running_loop().run_in_executor(None, self._again)
            yield [Restarted()]
        raise RunFailed(LOST)

    def _ended(self, answered: Answered) -> None:
        if answered.source in ("exact", "semantic"):
            self.status = answered.source  # type: ignore[assignment]  # a stage found the answer stored: a hit after all
        self.meaning = answered.meaning
        self.treatment = answered.treatment
        self.not_stored = answered.not_stored

    def _again(self) -> None:
        log.warning("run_readmitted key=%s", self.plan.log_key)
        self.close()
        again = self._readmit()
        self._subscription, self.answer, self.status = again._subscription, again.answer, again.status
        if self._left:
            raise Cancelled("The caller has gone.")

    def leave(self) -> None:
        """The caller has disconnected. Safe from any thread."""
        self._left = True
        if self._subscription:
            self._subscription.leave()

    def close(self) -> None:
        if self._subscription:
            self._subscription.close()


class Door:
    """Admission for one front-end process. `room` says whether the queue may grow.

    `submit` raises nothing: a run that the broker does not take stands as queued, and its followers queue it again.
    """

    def __init__(
        self,
        runs: Runs,
        cache: ExactCache,
        follower: Follower,
        submit: Callable[[str, str, int], None],
        room: Callable[[], bool],
        limits: Limits,
    ) -> None:
        self._runs = runs
        self._cache = cache
        self._follower = follower
        self._submit = submit
        self._room = room
        self._limits = limits

    def enter(self, request: Request, controls: Controls, policy: Policy, caller: Caller, alone: Request | None = None) -> Entry:
        """Admit a request; `alone` is that of `make_plan`. Raises Conflict, Overloaded, StoreUnavailable."""
        partition = caller.partition
        plan = make_plan(request, controls, policy, caller.tenant, partition=partition, unique=ids.unique_key, alone=alone)
        patience = min(controls.deadline or self._limits.deadline, self._limits.max_deadline)
        return self._enter(plan, _run_request(plan, request, caller), time.monotonic() + patience)

    def _enter(self, plan: Plan, run: RunRequest, deadline: float) -> Entry:
        now = ids.unix_now()
        admission = self._admit(plan, run, max(0.0, deadline - time.monotonic()), now)
        subscription = None
        if admission.answer is None:
            # Nobody has worked on a new run yet, so what stands in its log is known.
            log: list[Event] = [Accepted(now)] if admission.verdict == "new" else []
            subscription = self._follower.follow(plan.log_key, admission.epoch, deadline, log)
        if admission.verdict == "new":
            self._submit(plan.log_key, admission.epoch, 0)
        return Entry(plan, admission, subscription, lambda: self._enter(plan, run, deadline))

    def _admit(self, plan: Plan, run: RunRequest, patience: float, now: float) -> Admission:
        if plan.lookup and plan.max_age is not None:
            stored = self._cache.get(plan.content_key, plan.max_age)
            if stored:
                return Admission("done", answer=stored)
        # A process that is full still answers what is stored; it only takes nobody more to wait.
        full = self._follower.waiting >= self._limits.waiting
        room = not full and self._room()
        admission = self._runs.admit(plan, run, self._follower.id, patience, now=now, room=room)
        if full and admission.answer is None:
            raise Overloaded(
                "This gateway process has as many callers waiting as it may have. Please try again shortly.", retry_after=1
            )
        return admission


def _run_request(plan: Plan, request: Request, caller: Caller) -> RunRequest:
    return RunRequest(
        tenant=caller.tenant,
        endpoint=request.endpoint,
        model=request.model,
        body=request.body,
        stream=request.stream,
        content_key=plan.content_key,
        lookup=plan.lookup and plan.max_age is None,
        store=plan.store,
        keep=plan.idempotent,
        caller_key=caller.provider_key,
        transparent=plan.transparent,
        author=caller.principal,
        question=plan.question,
        lent=plan.lent,
        optimize=plan.optimize,
        apart=plan.apart,
    )


def _status(plan: Plan, admission: Admission) -> CacheState:
    if admission.verdict in ("done", "replay"):
        return "exact"
    if admission.verdict == "live":
        return "dedup"
    return "bypass" if plan.bypassed else "miss"
