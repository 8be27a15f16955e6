"""What prompts cost, at a provider that keeps prefixes: a prefix that was sent before is cheaper, if it is long enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

LEAST, STEP = 1_024, 128  # tokens: from which on, and in which steps, a prefix is kept (OpenAI's rule)
PER_MESSAGE = 4  # tokens around each message
Message = Mapping[str, Any]


class PrefixCache:
    """The prefixes of one conversation, never forgotten."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._seen: list[list[tuple[str, str]]] = []

    def tokens(self, messages: Sequence[Message]) -> tuple[int, int]:
        """(all, cached) tokens of a prompt, which is kept from now on."""
        prompt = [(str(message["role"]), str(message["content"])) for message in messages]
        sizes = [self._count(text) + PER_MESSAGE for _, text in prompt]
        shared = max((_common(prompt, seen) for seen in self._seen), default=0)
        self._seen.append(prompt)
        prefix = sum(sizes[:shared])
        return sum(sizes), prefix // STEP * STEP if prefix >= LEAST else 0


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many messages two prompts begin with alike. Of one that differs nothing counts, though its beginning may be kept."""
    return next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
