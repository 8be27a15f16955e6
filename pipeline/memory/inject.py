"""The block of notes in the messages of a request, and its digest for the key of the caches.

It is a system message of its own right before the last message of the user. Everything before it stays byte for byte as it was,
turn after turn, so a provider's prefix cache keeps working; the instructions at the beginning are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.memory.items import Item, digest_of
from pipeline.memory.messages import Message, last_user

HEADING = "About the user, from earlier messages (follow their wishes, use the rest only where it matters):"


def render(items: Sequence[Item]) -> str:
    """The text of the block; empty without notes. A note has one line, whatever it holds."""
    if not items:
        return ""
    return "\n".join([HEADING, *(f"- {' '.join(item.text.split())}" for item in items)])


def inject(messages: Sequence[Message], items: Sequence[Item]) -> list[Message]:
    """The messages with the block of these notes, and with no other. Without notes or a message of the user there is none."""
    bare = [message for message in messages if not is_block(message)]
    place = last_user(bare)
    if not items or place is None:
        return bare
    block: dict[str, Any] = {"role": "system", "content": render(items)}
    return [*bare[:place], block, *bare[place:]]


def is_block(message: Message) -> bool:
    """Whether a message is a block of notes that was put in here."""
    content = message.get("content")
    return message.get("role") == "system" and isinstance(content, str) and content.startswith(HEADING)


def digest(items: Sequence[Item]) -> str:
    """What an answer depends on, of the notes: their slots and texts in their order. Empty without notes.

    What changes with mere use, such as strength, is not in it: the block is the same.
    """
    if not items:
        return ""
    return digest_of(*(part for item in items for part in (item.slot.subject, item.slot.relation, item.text)))
