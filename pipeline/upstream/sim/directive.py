"""Orders to the simulator inside a prompt: `[[sim: latency_ms=500 tokens=50 status=429]]`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_DIRECTIVE = re.compile(r"\[\[sim:([^\]]*)\]\]")


class Directive(msgspec.Struct, frozen=True):
    """What this one call shall do; None leaves it to the settings."""

    latency_ms: float | None = None
    token_ms: float | None = None
    tokens: int | None = None
    status: int | None = None
    drop_after: int | None = None  # break the stream off after so many chunks
    retry_after: float | None = None  # seconds, sent with an error status


NOTHING = Directive()


def directive_in(text: str) -> Directive:
    """The first directive in `text`. Unknown words and values that do not fit are ignored."""
    match = _DIRECTIVE.search(text)
    if match is None:
        return NOTHING
    found: dict[str, Any] = {}
    for word in match[1].split():
        name, _, value = word.partition("=")
        if name in Directive.__struct_fields__:
            try:
                found[name] = max(0, float(value) if name in ("latency_ms", "token_ms", "retry_after") else int(value))
            except ValueError:
                continue
    return Directive(**found)


def last_user_text(messages: Any) -> str:
    """The text of the last message of the role user; empty when there is none."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            return content_text(message.get("content"))
    return ""


def content_text(content: Any) -> str:
    """The text of a message's content, given as a string or as parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
