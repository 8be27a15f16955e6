"""Optimise: fewer tokens for the same prompt. What goes upstream is shortened; the key stays that of what the caller sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from pipeline.admission.treatment import Treatment
from pipeline.chain import StageFunction, State, Work
from pipeline.optimise.count import Counter
from pipeline.optimise.extract import extract
from pipeline.optimise.optimise import optimise as shorten
from pipeline.optimise.results import Tier, Tiers
from pipeline.upstream.pricing import Price

LEAST_BYTES = 400  # of a body: in shorter ones there is nothing to gain, and most prompts are
KEPT = 0.5  # of a long retrieved text
TIERS = {
    "off": Tiers(),
    "lossless": Tiers(lossless=True),
    "plain": Tiers(lossless=True, plain=True),
    "extractive": Tiers(lossless=True, plain=True, extractive=True),
}


def optimise(tiers: Tiers, counter: Counter, price: Callable[[str], Price | None]) -> StageFunction:
    """The stage before the call. `price` is a model's, by the name that the caller used."""

    def run(state: State, work: Work) -> State:
        request = state.request
        if not request.optimize or len(request.body) < LEAST_BYTES:
            return msgspec.structs.replace(state, decision="too short" if request.optimize else "not needed")
        started = time.monotonic()
        body = msgspec.json.decode(request.body)
        found = shorten(body, tiers, counter.vocabulary(request.model), _relevant)
        spared = found.tokens_before - found.tokens_after
        if found.body is body or spared <= 0:
            return msgspec.structs.replace(state, decision="nothing to spare")
        known = price(request.model)
        treatment = Treatment(
            prompt_before=found.tokens_before,
            prompt_after=found.tokens_after,
            saved=spared * known.input if known else None,
            saved_tokens=spared,
            stages_ms=(time.monotonic() - started) * 1000,
        )
        decision = f"{found.tokens_before} -> {found.tokens_after} tokens: {_by_tier(found.saved)}"
        return msgspec.structs.replace(state, sent=msgspec.json.encode(found.body), treatment=treatment, decision=decision)

    return run


def _relevant(text: str, question: str) -> str:
    return extract(text, question, KEPT).text


def _by_tier(saved: Mapping[Tier, int]) -> str:
    return ", ".join(f"{tier} {tokens}" for tier, tokens in saved.items())
