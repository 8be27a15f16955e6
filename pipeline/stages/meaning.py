"""Meaning: is there a stored answer to a question that means the same? And, after the answer: what can be learned from it?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from pipeline.admission.answer import Answer
from pipeline.cache.exact import answer_text
from pipeline.cache.keep import why_not_stored
from pipeline.cache.semantic.found import Asker, Found
from pipeline.cache.semantic.question import Question
from pipeline.chain import Gained, StageFunction, State, Work
from pipeline.errors import GatewayError
from pipeline.upstream.types import UpstreamRequest

if TYPE_CHECKING:
    from pipeline.cache.semantic.cache import SemanticCache  # which needs numpy

log = logging.getLogger(__name__)

Aside = Callable[[State, str, UpstreamRequest], Answer | None]


def meaning(cache: Callable[[], SemanticCache | None]) -> StageFunction:
    """The stage before the call. `cache` gives None while there is none."""

    def run(state: State, work: Work) -> State:
        request = state.request
        if request.question is None or not request.lookup:
            return msgspec.structs.replace(state, decision="not needed")
        known = cache()
        if known is None:
            return msgspec.structs.replace(state, decision="not ready")
        found = known.look(_asker(state), request.question)
        state = msgspec.structs.replace(state, found=found)
        answer = found.answer
        if answer is None:
            return msgspec.structs.replace(state, decision=f"miss: {found.why}")
        decision = f"hit: score {found.meaning.score:.3f}, threshold {found.meaning.threshold:.3f}"
        return msgspec.structs.replace(state, answer=answer, source="semantic", decision=decision)

    return run


def learn(cache: Callable[[], SemanticCache | None], aside: Aside, judge_model: str, max_bytes: int) -> StageFunction:
    """The stage after the answer: keep it for others, and learn whether the best candidate was right.

    `aside` asks an upstream beside the run: for a fresh answer, when one that was served is audited, or for the opinion of
    `judge_model`; without a judge, the fresh answer is compared with the candidate's.
    """

    def run(state: State, work: Work) -> State:
        learned = [one for one in _to_learn(state) if one.question is not None]
        known = cache() if learned else None  # without a question nothing needs the models
        if known is None or state.answer is None:
            return msgspec.structs.replace(state, decision="nothing to learn")
        learner = _Learner(known, state, aside, judge_model, max_bytes)
        try:
            decisions = [decision for one in learned for decision in learner.learn(one)]
            return msgspec.structs.replace(state, decision=", ".join(decisions))
        except GatewayError as error:
            log.warning("semantic_learning_failed reason=%s", error.code)
            return msgspec.structs.replace(state, decision="failed")

    return run


class _Learner:
    """Learns from one run."""

    def __init__(self, cache: SemanticCache, state: State, aside: Aside, judge_model: str, max_bytes: int) -> None:
        self._cache = cache
        self._state = state
        self._aside = aside
        self._judge_model = judge_model
        self._max_bytes = max_bytes

    def learn(self, one: Gained) -> list[str]:
        assert one.question is not None
        decisions = [self._judged(one, one.question, one.found)] if one.found else []
        if one.answer and not why_not_stored(self._state.request, one.answer, self._max_bytes):
            cosines = one.found.cosines if one.found else None
            why = self._cache.keep(_asker(self._state), one.question, one.content_key, one.answer, cosines)
            decisions.append(f"not kept: {why}" if why else "kept")
        return decisions

    def _judged(self, one: Gained, question: Question, found: Found) -> str:
        if found.served is not None and not found.audit:
            return "not audited"
        if self._judge_model:
            asked = count(1)
            said = self._cache.ask_judge(
                question, found, self._judge_model, lambda body: self._ask_judge(f"judge{next(asked)}-", body)
            )
        else:
            fresh = self._audit(one.body) if found.served is not None else one.answer
            said = self._cache.compare(found, fresh) if fresh else None
        return f"candidate right: {said.same:.2f}" if said else "no verdict"

    def _audit(self, body: bytes) -> Answer | None:
        request = self._state.request
        again = UpstreamRequest(request.endpoint, request.model, body, request.stream, caller_key=request.caller_key)
        return self._aside(self._state, "audit", again)

    def _ask_judge(self, purpose: str, body: bytes) -> str | None:
        judged = UpstreamRequest("chat/completions", self._judge_model, body, stream=False)
        answer = self._aside(self._state, purpose, judged)
        return answer_text(answer) if answer else None


def _to_learn(state: State) -> list[Gained]:
    """The question as a whole, unless its answer is put together from stored ones, and its parts."""
    composed = state.treatment is not None and not state.treatment.fresh
    fresh = state.answer if state.source == "upstream" and not state.request.lent else None
    request = state.request
    whole = Gained(body=request.body, content_key=request.content_key, question=request.question, answer=fresh, found=state.found)
    return [*([] if composed else [whole]), *state.gained]


def _asker(state: State) -> Asker:
    return Asker(state.request.tenant, state.request.author)
