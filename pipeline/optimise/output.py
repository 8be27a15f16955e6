"""The other side: fewer tokens in the answer, where a tenant wants that. Off by default, and a pure function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pipeline.optimise.segments import SYSTEM

CONCISE = "Answer concisely: no preamble, no repetition of the question, no closing remarks."
_LIMITS = ("max_completion_tokens", "max_tokens")  # the newer name first


class OutputPolicy(msgspec.Struct, frozen=True):
    """A tenant's policy. `max_tokens` 0 and `concise` empty change nothing; `concise` is the instruction that is added."""

    max_tokens: int = 0
    concise: str = ""


def restrained(body: Mapping[str, Any], policy: OutputPolicy) -> Mapping[str, Any]:
    """The body under a policy; the very same object where the policy changes nothing. The input is not changed."""
    changes: dict[str, Any] = {}
    if policy.max_tokens > 0:
        changes |= _limited(body, policy.max_tokens)
    if policy.concise:
        changes |= _instructed(body, policy.concise)
    return {**body, **changes} if changes else body


def _limited(body: Mapping[str, Any], most: int) -> dict[str, int]:
    """The caller's own limits where they are higher, or one where there is none."""
    given = {name: body[name] for name in _LIMITS if isinstance(body.get(name), int)}
    if not given:
        # A reasoning model refuses the older name, and counts its thoughts under the newer one.
        return {"max_completion_tokens" if body.get("reasoning_effort") is not None else "max_tokens": most}
    return {name: most for name, value in given.items() if value > most}


def _instructed(body: Mapping[str, Any], instruction: str) -> dict[str, Any]:
    """The messages with the instruction at the end of the leading system message, or as the first message where there is none:
    places that stay the same while a conversation grows, so its prefix does.
    """
    messages: Sequence[Any] = body.get("messages") or ()
    leading = next((place for place, message in enumerate(messages) if message.get("role") not in SYSTEM), len(messages))
    if leading == 0:
        return {"messages": [{"role": "system", "content": instruction}, *messages]}
    last = messages[leading - 1]
    content = last.get("content")
    if isinstance(content, str):
        if content.endswith(instruction):
            return {}
        told = {**last, "content": f"{content}\n\n{instruction}" if content else instruction}
        return {"messages": [*messages[: leading - 1], told, *messages[leading:]]}
    told = {"role": last["role"], "content": instruction}
    if last == told:
        return {}
    return {"messages": [*messages[:leading], told, *messages[leading:]]}
