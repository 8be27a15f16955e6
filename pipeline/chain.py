"""The chain of stages that a request goes through, and what a stage is.

A stage takes the state of a run and returns the next. The first one that has the answer ends the
work that callers wait for; stages marked `after_answer` then do what is only bookkeeping. To add a
stage, write one function in `pipeline/stages/` and one line in `pipeline/gateway.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.runs import Rider, RunRequest
from pipeline.admission.treatment import Treatment
from pipeline.cache.semantic.found import Found
from pipeline.cache.semantic.question import Question
from pipeline.upstream.cancel import CancelToken


class Gained(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a part of the question, which may answer that part by itself, or what a lookup of the part has found.

    `body` is the request that asks for the part alone, `content_key` its key.
    """

    body: bytes
    content_key: str
    question: Question | None
    answer: Answer | None = None
    found: Found | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run. `decision` says what the last stage did and why; it goes to the log.

    `lost` counts workers that died while they worked on it: each may have made a call that nobody recorded.
    """

    key: str
    run_id: str  # names this attempt of the run: unique for ever, so calls made by it can be told apart
    request: RunRequest
    lost: int = 0
    answer: Answer | None = None
    source: str = "upstream"
    found: Found | None = None  # by meaning
    sent: bytes | None = None  # the body that goes upstream, where it is not the caller's
    treatment: Treatment | None = None
    gained: tuple[Gained, ...] = ()  # beside the answer
    decision: str = ""


class Work(Protocol):
    """What a stage may use while it works."""

    cancel: CancelToken
    deadline: float  # monotonic seconds

    def deltas(self, chunks: list[bytes]) -> None:
        """Hand chunks of the answer to every caller, now."""

    def owe(self, rider: Rider) -> None:
        """Have this in Redis before the answer is: in the same round trip, if the answer comes next."""


OnDelta = Callable[[list[bytes]], None]


class Asked(NamedTuple):
    """An answer, and how many calls it took."""

    answer: Answer
    calls: int


class Ask(Protocol):
    """Asks an upstream for a run that somebody waits for; without `on_delta` the answer is not streamed. Each call is in the
    ledger; `purpose` sets their ids apart from those of other questions of the run. Raises UpstreamError, NotFound,
    DeadlineExceeded, Cancelled.
    """

    def __call__(self, state: State, work: Work, body: bytes, on_delta: OnDelta | None, *, purpose: str = "") -> Asked: ...


DEFAULT_QUEUE = "stages"  # of a chain whose stages can all run anywhere

StageFunction = Callable[[State, Work], State]


class Stage(msgspec.Struct, frozen=True):
    """One link. `queue` is where it must run, None: wherever the run is; neighbours on one queue share a hop.

    A fault in one that is `optional` ends that stage and not the run.
    """

    name: str
    run: StageFunction
    queue: str | None = None
    after_answer: bool = False
    optional: bool = False


class Chain(msgspec.Struct, frozen=True):
    """Stages in their order."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        for index, stage in enumerate(self.stages):
            if stage.after_answer and self.hop_ends_before(index):
                raise ValueError(f"stage {stage.name} runs after the answer, so it must share the hop of the stage before it")

    @property
    def queues(self) -> tuple[str, ...]:
        """Every queue that work may wait in."""
        return tuple(dict.fromkeys(self.queue_of(index) for index in range(len(self.stages))))

    def queue_of(self, index: int) -> str:
        """The queue on which the hop that starts with stage `index` runs."""
        after = (s.queue for s in self.stages[index:] if s.queue)
        before = (s.queue for s in reversed(self.stages[:index]) if s.queue)
        return next(after, None) or next(before, None) or DEFAULT_QUEUE

    def hop_ends_before(self, index: int) -> bool:
        """Whether stage `index` needs another queue than the stage before it ran on."""
        if index == 0 or self.stages[index].queue is None:
            return False
        before = [s.queue for s in self.stages[:index] if s.queue]
        return bool(before) and before[-1] != self.stages[index].queue
