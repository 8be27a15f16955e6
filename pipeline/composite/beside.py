"""Parts as runs of their own, worked on by any worker at the same time, and joined here.

A part's run is an ordinary one under the part's own key: whoever asks the same question meanwhile joins it, its answer is stored
like any other, it survives the death of its worker, and a message that is delivered twice changes nothing. A run that waits
for its parts holds a worker's thread. So that a pool in which all threads wait cannot stand still, whoever waits works on the
parts that nobody else has taken up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered
from pipeline.admission.follow import Follower, Subscription
from pipeline.admission.runs import RunRequest, Runs
from pipeline.admission.treatment import DEDUP, EXACT, UPSTREAM
from pipeline.chain import State, Work
from pipeline.composite.whole import Asking
from pipeline.errors import GatewayError
from pipeline.ids import unix_now
from pipeline.request.plan import Plan

log = logging.getLogger(__name__)

SOON_S, LATER_S = 0.1, 1.0  # until the first look for parts that nobody has taken up, and between the others


class Joined(NamedTuple):
    """The answer of a part's run, and its source: 'upstream' when the run was made here, 'dedup' when it was there already."""

    answer: Answer
    source: str


Take = Callable[[int, Joined], None]


class Submit(Protocol):
    def __call__(self, key: str, epoch: str, stage: int) -> None: ...


class Works(Protocol):
    """Works on a run, if nobody else does (pipeline.runner.Runner)."""

    def run(self, key: str, epoch: str, first: int) -> int | None: ...


class _Child(NamedTuple):
    key: str
    epoch: str
    source: str
    subscription: Subscription


class Beside:
    """Asks parts in runs beside the run that is being worked on. `follower` is this process's own."""

    def __init__(self, runs: Runs, works: Works, submit: Submit, follower: Follower) -> None:
        self._runs = runs
        self._works = works
        self._submit = submit
        self._follower = follower

    def ask(self, state: State, work: Work, parts: Mapping[int, Asking], take: Take) -> None:
        """Hand each answer to `take`, with its part's number, as soon as it is there; it does not come for a part whose run
        failed. Raises Cancelled when the callers of the whole have gone, and DeadlineExceeded.
        """
        children: dict[int, _Child] = {}
        try:
            for number, asking in parts.items():
                found = self._begin(state, work, asking)
                if isinstance(found, Joined):
                    take(number, found)
                elif found is not None:
                    children[number] = found
            if children:
                asyncio.run(self._join(work, children, take))
        finally:
            for child in children.values():
                child.subscription.close()

    def _begin(self, state: State, work: Work, asking: Asking) -> Joined | _Child | None:
        key = asking.content_key
        patience = max(0.0, work.deadline - time.monotonic())
        try:
            admission = self._runs.admit(_plan(key), _request(state, asking), self._follower.id, patience, now=unix_now())
            if admission.answer is not None:
                return Joined(admission.answer, EXACT)
            new = admission.verdict == "new"
            if new:
                self._submit(key, admission.epoch, 0)
        except GatewayError as error:
            log.warning("part_not_begun key=%s reason=%s", key, error.code)
            return None
        subscription = self._follower.follow(key, admission.epoch, work.deadline)
        return _Child(key, admission.epoch, UPSTREAM if new else DEDUP, subscription)

    async def _join(self, work: Work, children: Mapping[int, _Child], take: Take) -> None:
        waiting = {asyncio.create_task(_last(child)): number for number, child in children.items()}

        def leave() -> None:
            for child in children.values():
                child.subscription.leave()

        work.cancel.on_cancel(leave)
        try:
            pause = SOON_S
            while waiting:
                ended, _ = await asyncio.wait(waiting, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    number, found = waiting.pop(task), task.result()
                    if found:
                        take(number, found)
                if not ended:
                    self._help([children[number] for number in waiting.values()])
                    pause = LATER_S
        finally:
            work.cancel.remove(leave)
            for task in waiting:
                task.cancel()

    def _help(self, children: list[_Child]) -> None:
        for child in children:
            self._works.run(child.key, child.epoch, 0)


async def _last(child: _Child) -> Joined | None:
    """The answer of a run; None when it failed. Raises Cancelled and DeadlineExceeded."""
    async for batch in child.subscription.events():
        if isinstance(batch[-1], Answered):
            return Joined(batch[-1].answer, child.source)
    return None


def _plan(key: str) -> Plan:
    return Plan(log_key=key, content_key=key, lookup=True, store=True, dedup=True)


def _request(state: State, asking: Asking) -> RunRequest:
    """The part as a run. It has been looked up, so it is not again."""
    return msgspec.structs.replace(
        state.request,
        body=asking.body,
        stream=False,
        content_key=asking.content_key,
        lookup=False,
        keep=False,
        question=asking.question,
        apart=None,
    )
