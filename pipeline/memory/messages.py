"""The messages of a chat request, as far as memory reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
INSTRUCTIONS = frozenset({"system", "developer"})


def text_of(message: Message) -> str:
    """The text of a message; its other parts, such as images, are left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text")
    return "\n".join(text for text in texts if isinstance(text, str))


def is_only_text(message: Message) -> bool:
    """Whether a message is from the user or the assistant and there is nothing in it but text: no image, no call of a tool."""
    if message.get("role") not in ("user", "assistant") or message.keys() - {"role", "content"}:
        return False
    content = message.get("content")
    if isinstance(content, list):
        return all(isinstance(part, dict) and part.get("type") == "text" for part in content)
    return isinstance(content, str)


def last_user(messages: Sequence[Message]) -> int | None:
    """The place of the last message of the user."""
    return next((place for place in range(len(messages) - 1, -1, -1) if messages[place].get("role") == "user"), None)


def static_prefix(messages: Sequence[Message]) -> int:
    """How many messages at the beginning are instructions, which a provider keeps in its prefix cache."""
    return next((place for place, each in enumerate(messages) if each.get("role") not in INSTRUCTIONS), len(messages))
