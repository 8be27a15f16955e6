"""What of a request is compared by meaning, and what has to be equal: the partition and the question."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.cache.guards.never import never
from pipeline.request import canonical
from pipeline.request.key import derive, keyed_parameters
from pipeline.request.model import Request

VERSION = "s1"
LONGEST = 1000  # characters; the embedder sees 256 tokens, and two long prompts with one beginning would look equal
PLACEHOLDER = {"role": "user", "content": "\x00question"}


class Question(msgspec.Struct, frozen=True, array_like=True):
    """`text` is the last user message, `partition` a digest of all else that makes the answer what it is."""

    partition: str
    text: str


def question(request: Request, tenant: str, *, partition: str = "", per_user: bool = False) -> Question | str:
    """The question of a request, or the reason why there is none.

    `partition` and `per_user` are those of pipeline.request.key.content_key, and mean the same here.
    """
    if request.endpoint != "chat/completions":
        return "endpoint"
    messages = request.params["messages"]
    last = messages[-1]
    if last.get("role") != "user" or set(last) - {"role", "content"}:
        return "last_message"
    text = plain_text(last.get("content"))
    if text is None or "\x00" in text:  # PostgreSQL keeps no text with a NUL
        return "last_message"
    if len(text) > LONGEST:
        return "too_long"
    reason = never(text)
    if reason:
        return reason
    rest = keyed_parameters(request, per_user) | {"messages": [*messages[:-1], PLACEHOLDER]}
    return Question(derive(VERSION, tenant, partition, request.endpoint, canonical.encode(rest)), text)


def plain_text(content: Any) -> str | None:
    """The text of a message's content; None when there is anything in it but text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(
        part.get("type") == "text" and set(part) == {"type", "text"} and isinstance(part["text"], str) for part in content
    ):
        return "\n".join(part["text"] for part in content)
    return None
