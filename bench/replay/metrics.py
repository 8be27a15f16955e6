"""The figures of one play, from its outcomes and the upstream's own counts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec

from bench.replay.answers import Verdict, digest
from bench.replay.knowledge import Knowledge
from bench.replay.player import Outcome
from bench.replay.ways import Claims
from bench.replay.workload import KINDS, Workload
from pipeline.money import PICOS_PER_DOLLAR

NO_HIT = ("", "miss", "bypass", "error")  # every other tier gave an answer that was not asked for anew
CURVE_POINTS = 100
BINS = 20  # of the time of a play


class OfKind(msgspec.Struct, frozen=True):
    """Requests of one kind: how many, how many were hits, and how many answers were wrong."""

    requests: int
    hits: int
    wrong: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, dollars, counts. Times are of answered requests alone; what failed is in `failures`.

    `worth` is what the answered requests would have cost, each asked alone; `cost` is what the upstream billed; so
    `saved` = 1 - cost / worth. None stands for what was not measured.
    """

    requests: int
    answered: int
    seconds: float
    mean_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    first_p50_ms: float | None
    first_p99_ms: float | None
    late_p99_ms: float
    failures: dict[str, int]
    wrong: int
    damaged: int
    wrong_of_hits: float | None
    hits: int
    tiers: dict[str, int]
    wrong_by_tier: dict[str, int]
    kinds: dict[str, OfKind]
    calls: int
    calls_failed: int
    calls_changed: int
    calls_unknown: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    worth: float
    claims: Claims | None = None
    cpu_ms: float | None = None  # of the way's processes, a request
    others_cores: float | None = None  # that something else used meanwhile
    curve: list[float] = []  # response times at 0, 1, ... 100 percent
    hits_over_time: list[float | None] = []  # share of hits among the requests of each bin

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def saved(self) -> float:
        return 1 - self.cost / self.worth if self.worth else 0.0

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of all values does not exceed (nearest rank); None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def figures(workload: Workload, knowledge: Knowledge, outcomes: Sequence[Outcome], upstream: dict[str, int]) -> Figures:
    """All that the outcomes of one play say. `upstream` are its counts (see knowledge.Counts)."""
    answered = [outcome for outcome in outcomes if not outcome.failure]
    times = sorted(outcome.total * 1000 for outcome in answered)
    firsts = sorted(outcome.first * 1000 for outcome in answered if outcome.first is not None)
    wrong = [outcome for outcome in answered if outcome.verdict is Verdict.WRONG]
    hits = [outcome for outcome in answered if is_hit(outcome)]
    return Figures(
        requests=len(outcomes),
        answered=len(answered),
        seconds=max((outcome.at + outcome.total for outcome in outcomes), default=0.0),
        mean_ms=sum(times) / len(times) if times else None,
        p50_ms=quantile(times, 0.5),
        p99_ms=quantile(times, 0.99),
        first_p50_ms=quantile(firsts, 0.5),
        first_p99_ms=quantile(firsts, 0.99),
        late_p99_ms=(quantile(sorted(outcome.late for outcome in outcomes), 0.99) or 0.0) * 1000,
        failures=dict(Counter(outcome.failure for outcome in outcomes if outcome.failure)),
        wrong=len(wrong),
        damaged=sum(outcome.verdict is Verdict.DAMAGED for outcome in answered),
        wrong_of_hits=sum(map(is_hit, wrong)) / len(hits) if hits else None,
        hits=len(hits),
        tiers=dict(Counter(outcome.tier or "none" for outcome in answered)),
        wrong_by_tier=dict(Counter(outcome.tier or "none" for outcome in wrong)),
        kinds={kind: _of_kind([outcome for outcome in outcomes if outcome.kind == kind]) for kind in KINDS},
        calls=upstream["calls"],
        calls_failed=upstream["failed"],
        calls_changed=upstream["changed"],
        calls_unknown=upstream["unknown"],
        prompt_tokens=upstream["prompt_tokens"],
        completion_tokens=upstream["completion_tokens"],
        cost=upstream["cost"] / PICOS_PER_DOLLAR,
        worth=_worth(workload, knowledge, answered) / PICOS_PER_DOLLAR,
        curve=[round(quantile(times, point / CURVE_POINTS) or 0.0, 2) for point in range(CURVE_POINTS + 1)] if times else [],
        hits_over_time=_over_time(outcomes),
    )


def is_hit(outcome: Outcome) -> bool:
    return not outcome.failure and outcome.tier not in NO_HIT


def _of_kind(outcomes: list[Outcome]) -> OfKind:
    return OfKind(len(outcomes), sum(map(is_hit, outcomes)), sum(outcome.verdict is Verdict.WRONG for outcome in outcomes))


def _worth(workload: Workload, knowledge: Knowledge, answered: list[Outcome]) -> int:
    """Pico-dollars that these requests cost when each is asked alone."""
    total = 0
    for outcome in answered:
        request = workload.requests[outcome.number]
        prompt = knowledge.prompts[digest(workload.messages(request))].tokens
        total += knowledge.behaviour.cost(prompt, workload.answers[request.answer])
    return total


def _over_time(outcomes: Sequence[Outcome]) -> list[float | None]:
    end = max((outcome.at for outcome in outcomes), default=0.0) or 1.0
    seen, hits = [0] * BINS, [0] * BINS
    for outcome in outcomes:
        place = min(BINS - 1, int(outcome.at / end * BINS))
        seen[place] += 1
        hits[place] += is_hit(outcome)
    return [hit / count if count else None for hit, count in zip(hits, seen, strict=True)]
