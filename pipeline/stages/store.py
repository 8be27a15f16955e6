"""Store: keep an answer for the next equal request, if it is one that may be served again."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.runs import RunRequest
from pipeline.cache.exact import ExactCache
from pipeline.chain import StageFunction, State, Work

# An answer that was cut off or filtered is not what the next caller asked for.
GOOD_ENDINGS = frozenset({"stop", "tool_calls", "function_call"})


def store(cache: ExactCache, max_bytes: int) -> StageFunction:
    """Put the answer where the next equal request looks, and note it in its tenant's catalogue.

    A run that goes by its content has stored its answer when it ended, in one step with telling its callers.
    """

    def run(state: State, work: Work) -> State:
        answer, request = state.answer, state.request
        if answer is None or state.source != "upstream":
            return state
        reason = why_not_stored(request, answer, max_bytes)
        if reason is None:
            if state.key != request.content_key:
                cache.put(request.content_key, answer)
            cache.catalogue(request.content_key, answer)
        return msgspec.structs.replace(state, decision=reason or "stored")

    return run


def why_not_stored(request: RunRequest, answer: Answer, max_bytes: int) -> str | None:
    """Why an answer must not be served again, or None when it may."""
    if not request.store:
        return "not_allowed"
    if len(answer.body) > max_bytes:
        return "too_large"
    if request.endpoint != "chat/completions":
        return None
    body = msgspec.json.decode(answer.body)
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        return "no_choices"
    return next((why for choice in choices if (why := _why_not_choice(choice))), None)


def _why_not_choice(choice: dict[str, Any]) -> str | None:
    ending = choice.get("finish_reason")
    if ending not in GOOD_ENDINGS:
        return f"finish_reason:{ending}"
    message = choice.get("message") or {}
    if message.get("refusal"):
        return "refusal"
    if not any(message.get(part) for part in ("content", "tool_calls", "function_call", "audio")):
        return "empty"
    return None
