"""Decompose: is the question several questions, some of which are answered already? Then only the others are asked."""

from __future__ import annotations

import msgspec

from pipeline.chain import StageFunction, State, Work
from pipeline.composite.compose import Composed, Composer
from pipeline.composite.whole import whole
from pipeline.decompose.split import plan as split
from pipeline.earns import Earns

STAGE = "decompose"


def decompose(composer: Composer, earns: Earns) -> StageFunction:
    """The stage before the call. What it does not answer goes on as it came."""

    def run(state: State, work: Work) -> State:
        request = state.request
        if request.apart is None:
            return msgspec.structs.replace(state, decision="not needed")
        if not earns.runs(request.tenant, STAGE):
            return msgspec.structs.replace(state, decision="left out: it does not pay here")
        found = whole(request, request.apart)
        plan = found if isinstance(found, str) else split(found.text)
        if isinstance(found, str) or isinstance(plan, str):
            return msgspec.structs.replace(state, decision=f"one question: {plan}")
        made = composer.compose(state, work, found, plan)
        if made.saved is not None:  # where prices are not known, it cannot be known whether it pays
            earns.add(request.tenant, STAGE, saved=made.saved, cost=0, ms=made.ms)
        return _after(state, made, len(plan.parts))

    return run


def _after(state: State, made: Composed, parts: int) -> State:
    if made.answer is None or made.treatment is None:
        return msgspec.structs.replace(state, gained=made.gained, decision=f"{parts} parts, asked directly: {made.why}")
    return msgspec.structs.replace(
        state,
        answer=made.answer,
        source=made.source,
        treatment=made.treatment,
        gained=made.gained,
        decision=f"{parts} parts: {', '.join(part.source for part in made.treatment.parts)}",
    )
