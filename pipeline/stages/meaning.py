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
from pipeline.chain import StageFunction, State, Work
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
        question = state.request.question
        known = cache() if question is not None else None  # without a question nothing needs the models
        if known is None or question is None or state.answer is None:
            return msgspec.structs.replace(state, decision="nothing to learn")
        try:
            decisions = [_judged(known, state, question, state.found)] if state.found else []
            if state.source == "upstream" and not why_not_stored(state.request, state.answer, max_bytes):
                cosines = state.found.cosines if state.found else None
                why = known.keep(_asker(state), question, state.request.content_key, state.answer, cosines)
                decisions.append(f"not kept: {why}" if why else "kept")
            return msgspec.structs.replace(state, decision=", ".join(decisions))
        except GatewayError as error:
            log.warning("semantic_learning_failed reason=%s", error.code)
            return msgspec.structs.replace(state, decision="failed")

    def _judged(known: SemanticCache, state: State, question: Question, found: Found) -> str:
        if found.served is not None and not found.audit:
            return "not audited"
        if judge_model:
            asked = count(1)
            said = known.ask_judge(
                question, found, judge_model, lambda body: _text(_ask_judge(state, f"judge{next(asked)}-", body))
            )
        else:
            fresh = _audit(state) if found.served is not None else state.answer
            said = known.compare(found, fresh) if fresh else None
        return f"candidate right: {said.same:.2f}" if said else "no verdict"

    def _audit(state: State) -> Answer | None:
        request = state.request
        again = UpstreamRequest(request.endpoint, request.model, request.body, request.stream, caller_key=request.caller_key)
        return aside(state, "audit", again)

    def _ask_judge(state: State, purpose: str, body: bytes) -> Answer | None:
        return aside(state, purpose, UpstreamRequest("chat/completions", judge_model, body, stream=False))

    return run


def _text(answer: Answer | None) -> str | None:
    return answer_text(answer) if answer else None


def _asker(state: State) -> Asker:
    return Asker(state.request.tenant, state.request.author)
