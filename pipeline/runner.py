"""Running a hop of the chain: claim, work, write to the log, finish. Any worker can take over at any point."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from pipeline.admission import leases
from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered, Delta, Event, StageDone, failure
from pipeline.admission.leases import LeaseKeeper
from pipeline.admission.runs import Claim, Rider, Runs
from pipeline.chain import Chain, Stage, State
from pipeline.errors import Cancelled, DeadlineExceeded, GatewayError, StoreUnavailable, internal_error
from pipeline.upstream.cancel import CancelToken

log = logging.getLogger(__name__)

RETRY_S = 0.2
OUTAGE_S = 15.0
T = TypeVar("T")
Keep = Callable[[str, str, Answer], Sequence[Callable[[Any], None]]]


class Writer:
    """Writes to the log of one claimed run, with what the stages decided on the way. It is their `Work`."""

    def __init__(self, runs: Runs, claim: Claim, cancel: CancelToken, deadline: float) -> None:
        self.cancel = cancel
        self.deadline = deadline
        self._runs = runs
        self._claim = claim
        self._pending: list[Event] = []
        self._owed: list[Rider] = []
        self._length = claim.length

    def decided(self, stage: str, decision: str, started: float) -> None:
        self._pending.append(StageDone(stage, decision, round((time.monotonic() - started) * 1000, 3)))

    def deltas(self, chunks: list[bytes]) -> None:
        new, self._pending = [*self._pending, Delta(chunks)], []
        length = self._persist(lambda: self._runs.append(self._claim, new, self._length))
        if length == -1:
            self.cancel.cancel(leases.LOST)
            raise Cancelled("Another worker has taken over this run.")
        self._length = length

    def owe(self, rider: Rider) -> None:
        self._owed.append(rider)

    def finish(self, last: Event, store: Answer | None = None, after: Sequence[Callable[[Any], None]] = ()) -> str:
        new, self._pending = [*self._pending, last], []
        verdict = self._persist(lambda: self._runs.finish(self._claim, new, store=store, before=self._owed, after=after))
        self._owed = []
        return verdict

    def abandon(self) -> str:
        return self._persist(lambda: self._runs.abandon(self._claim))

    def settle(self) -> None:
        """Send what is still owed by itself."""
        owed, self._owed = self._owed, []
        for rider in owed:
            rider.go()

    def _persist(self, write: Callable[[], T]) -> T:
        """Repeat a write while Redis is away: an answer that was paid for is not thrown away for an outage."""
        while True:
            try:
                return write()
            except StoreUnavailable:
                if time.monotonic() > self.deadline:
                    raise
                self.cancel.wait(RETRY_S)


class Runner:
    """Runs hops. `patience` bounds any one of them, in seconds; callers' deadlines usually end it earlier.

    `keep` tells, of a run's key, a content key and an answer for it that may be served again, what is written along with the end
    of the run (see `Runs.finish`).
    """

    def __init__(
        self,
        runs: Runs,
        chain: Chain,
        keeper: LeaseKeeper,
        why_not_stored: Callable[[State], str | None],
        patience: float,
        keep: Keep = lambda run, key, answer: (),
    ) -> None:
        self._runs = runs
        self._chain = chain
        self._keeper = keeper
        self._why_not_stored = why_not_stored
        self._patience = patience
        self._keep = keep

    def run(self, key: str, epoch: str, first: int) -> int | None:
        """Claim a run and work on it: the stage to submit next, if there is one."""
        for claim in self.claim([(key, epoch)], first):
            return self.work(claim, first)
        return None

    def claim(self, wanted: Sequence[tuple[str, str]], first: int) -> list[Claim]:
        """Those runs of (key, epoch) that are to be worked on here, from stage `first` on; work on them at once.

        A message that is stale, or whose run another live worker holds, changes nothing. Waits out a short outage,
        for a message that is given up is not sent again soon; raises StoreUnavailable after a longer one.
        """
        give_up = time.monotonic() + OUTAGE_S
        while True:
            try:
                return [claim for claim in self._runs.claim_many(wanted, first) if claim is not None]
            except StoreUnavailable:
                if time.monotonic() > give_up:
                    raise
                time.sleep(RETRY_S)

    def work(self, claim: Claim, first: int) -> int | None:
        """Run the hop that starts with stage `first`; the stage to submit next, if there is one."""
        with self._keeper.holding(claim) as cancel:
            writer = Writer(self._runs, claim, cancel, time.monotonic() + self._patience)
            state = State(key=claim.key, run_id=f"{claim.key}:{claim.token}", request=claim.request, lost=claim.lost)
            try:
                return self._stages(claim, state, writer, first)
            except Cancelled:
                return self._cancelled(writer, cancel)
            except GatewayError as error:
                writer.finish(failure(error))
            except Exception as error:  # noqa: BLE001  callers wait for this run, whatever happened to it
                _log_crash(claim.key, error)
                writer.finish(failure(internal_error()))
            finally:
                writer.settle()
        return None

    def _stages(self, claim: Claim, state: State, writer: Writer, first: int) -> int | None:
        finished = False
        for index in range(first, len(self._chain.stages)):
            stage = self._chain.stages[index]
            if state.answer is not None and not stage.after_answer:
                continue
            if stage.after_answer and not finished:
                finished = True
                if self._finish(writer, state) == "stale":
                    return None
            if index > first and self._chain.hop_ends_before(index):
                writer.settle()
                return index if self._runs.advance(claim, index) else None
            state = self._stage(stage, state, writer)
        if not finished:
            self._finish(writer, state)
        return None

    @staticmethod
    def _stage(stage: Stage, state: State, writer: Writer) -> State:
        started = time.monotonic()
        state = msgspec.structs.replace(state, decision="")
        try:
            state = stage.run(state, writer)
        except GatewayError:
            raise
        except Exception as error:  # whatever it was: the caller gets an answer without this stage as well
            if not stage.optional:
                raise
            _log_crash(state.key, error)
            state = msgspec.structs.replace(state, decision="crashed")
        writer.decided(stage.name, state.decision, started)
        return state

    def _finish(self, writer: Writer, state: State) -> str:
        if state.answer is None:
            raise internal_error()
        started = time.monotonic()
        reason = self._why_not_stored(state)
        writer.decided("admit", reason or "stored", started)
        # What was found by meaning stays the entry that it is: a copy would outlive its removal.
        stores = reason is None and state.key == state.request.content_key and state.source != "semantic"
        kept = [(state.request.content_key, state.answer)] if reason is None and state.source == "upstream" else []
        kept += [(one.content_key, one.answer) for one in state.gained if one.answer and self._storable(state, one.answer)]
        after = [command for key, answer in kept for command in self._keep(state.key, key, answer)]
        meaning = state.found.meaning if state.found else None
        answered = Answered(state.answer, state.source, reason, meaning, state.treatment)
        return writer.finish(answered, state.answer if stores else None, after)

    def _storable(self, state: State, part: Answer) -> bool:
        return self._why_not_stored(msgspec.structs.replace(state, answer=part, treatment=None)) is None

    @staticmethod
    def _cancelled(writer: Writer, cancel: CancelToken) -> int | None:
        if cancel.reason == leases.ABANDONED:
            return 0 if writer.abandon() == "requeue" else None
        if cancel.reason == leases.EXPIRED:
            writer.finish(failure(DeadlineExceeded("The upstream did not answer before the deadline.", retry_after=1)))
        return None


def _log_crash(key: str, error: Exception) -> None:
    """The message of an unforeseen exception may quote a prompt, so only its type and place are logged."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("stage_crashed key=%s error=%s\n%s", key, type(error).__name__, where)
