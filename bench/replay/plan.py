"""What is played: everything that decides the figures, in one value, and the workloads that come of it."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from random import Random

import msgspec

from bench.replay import prompts, tiny, traces
from bench.replay.context import Contexts
from bench.replay.knowledge import Behaviour
from bench.replay.leo import Leo, Variant
from bench.replay.litellm import LiteLLM
from bench.replay.prompts import Question
from bench.replay.traces import Arrival
from bench.replay.ways import Direct, Way
from bench.replay.workload import KINDS, Mix, Workload, generate

TINY = "tiny"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`speed` divides the gaps between arrivals, `max_context` bounds tokens before a question, seconds for `timeout`."""

    traces: tuple[str, ...] = ("azure-conv",)
    prompts: tuple[str, ...] = prompts.DEFAULT
    seeds: tuple[int, ...] = (1, 2, 3)
    requests: int = 500
    speed: float = 5.0
    max_context: int = 1024
    context: str = "system"
    mix: Mix = Mix()
    behaviour: Behaviour = Behaviour()
    ways: tuple[str, ...] = ("direct", "leo", "litellm")
    variants: tuple[Variant, ...] = ()
    timeout: float = 60.0
    in_flight: int = 2048

    def fingerprint(self, commit: str) -> str:
        """Two runs with the same one may be put together."""
        return blake2b(msgspec.json.encode([commit, self]), digest_size=5).hexdigest()

    def parts(self) -> list[tuple[str, int, str]]:
        """(trace, seed, way), ways next to each other: what else the machine does falls on all of them."""
        rows = [*self.ways, *(variant.name for variant in self.variants)]
        return [(trace, seed, way) for trace in self.traces for seed in self.seeds for way in rows]

    def make_ways(self) -> dict[str, Way]:
        known = {"direct": Direct, "leo": lambda: Leo(Variant("leo")), "litellm": LiteLLM}
        made: dict[str, Way] = {name: known[name]() for name in self.ways}
        return made | {variant.name: Leo(variant) for variant in self.variants}


class Summary(msgspec.Struct, frozen=True):
    """What a workload is made of."""

    requests: int
    seconds: float
    answers: int
    kinds: dict[str, int]
    streams: int

    @classmethod
    def of(cls, workload: Workload) -> Summary:
        kinds = {kind: sum(request.kind == kind for request in workload.requests) for kind in KINDS}
        streams = sum(request.stream for request in workload.requests)
        return cls(len(workload.requests), workload.requests[-1].at, len(workload.answers), kinds, streams)


class Library:
    """Reads traces and prompt sets once each, and makes workloads of them."""

    def __init__(self, plan: Plan, data: Path) -> None:
        self._plan = plan
        self._data = data
        self._questions: list[Question] | None = None
        self._arrivals: dict[str, list[Arrival]] = {}

    def workload(self, trace: str, seed: int) -> Workload:
        """Raises MissingDataError, and ValueError when the prompts do not suffice."""
        plan = self._plan
        contexts = Contexts(seed, plan.max_context, plan.context)
        return generate(self._window(trace, seed), self._all_questions(), contexts, plan.mix, seed)

    def _window(self, trace: str, seed: int) -> list[Arrival]:
        if trace == TINY:
            return tiny.arrivals(self._plan.requests, self._plan.speed, seed)
        if trace not in self._arrivals:
            self._arrivals[trace] = traces.load(trace, self._data)
        return traces.window(self._arrivals[trace], self._plan.requests, self._plan.speed, Random(f"{seed}:window"))

    def _all_questions(self) -> list[Question]:
        if self._questions is None:
            names = self._plan.prompts
            self._questions = tiny.questions() if names == (TINY,) else prompts.load(names, self._data)
        return self._questions
