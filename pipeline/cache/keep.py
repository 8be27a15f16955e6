"""Keeping answers for the next equal request: which of them may be served again, and what is written for that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.runs import RunRequest
from pipeline.cache.exact import ExactCache

# An answer that was cut off or filtered is not what the next caller asked for.
GOOD_ENDINGS = frozenset({"stop", "tool_calls", "function_call"})


def keep(cache: ExactCache, run: str, key: str, answer: Answer) -> list[Callable[[Any], None]]:
    """Commands for a Redis pipeline that put an answer where the next equal request looks, and into its tenant's catalogue.

    A run that goes by its content (`run` is its key) stores its answer when it ends, in one step with telling its callers.
    """
    commands: list[Callable[[Any], None]] = [lambda pipe: cache.catalogue(key, answer, pipe)]
    if run != key:
        commands.insert(0, lambda pipe: cache.put(key, answer, pipe))
    return commands


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
