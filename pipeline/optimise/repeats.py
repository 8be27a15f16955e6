"""A block of text that has been sent before in the same conversation, replaced by a short reference to it.

What a block becomes depends on itself and on what stands before it, never on what comes after. So a conversation that
goes on keeps the form in which its beginning was sent, and the provider's prefix cache keeps working.
"""

from __future__ import annotations

import re

LEAST = 40  # words and marks, of which no vocabulary makes fewer tokens by much
SHORTEST, LONGEST = 12, 60  # characters of a name
QUOTED = 6  # words of a block that name it
MADE = "[as above: "  # a reference, which is not referred to in turn
LONGER = 12  # as many where another block begins in the same way
_PIECE = re.compile(r"\w+|[^\w\s]")
_BETWEEN = re.compile(r"(\n[ \t]*\n\s*)")


class Seen:
    """The blocks of a conversation so far, as they were sent."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # of blocks
        self._given: set[str] = set()
        self._noted: list[str] = []  # texts that are not taken apart yet: most are never referred to

    def referred(self, text: str) -> str:
        """The text with each block that was there before replaced. Its other blocks count as seen from now on."""
        self._read()
        if self._names.get(text):
            return _reference(self._names[text])
        parts = _BETWEEN.split(text)
        parts[::2] = [self._block(block) for block in parts[::2]]
        found = "".join(parts)
        self._remember(found)
        return found

    def note(self, text: str) -> None:
        """Count the blocks of a text as seen; it is sent as it is."""
        self._noted.append(text)

    def _read(self) -> None:
        for text in self._noted:
            for block in [*_BETWEEN.split(text)[::2], text]:
                self._remember(block)
        self._noted.clear()

    def _block(self, block: str) -> str:
        if len(block) < LEAST:
            return block
        name = self._names.get(block)
        if name:
            return _reference(name)
        self._remember(block)
        return block

    def _remember(self, block: str) -> None:
        if len(block) >= LEAST and block not in self._names and not block.startswith(MADE) and _is_long(block):
            name = next((name for name in _names(block) if name not in self._given and len(name) >= SHORTEST), "")
            self._given.add(name)
            self._names[block] = name  # empty: nothing would name it alone, so it is sent again


def _is_long(block: str) -> bool:
    pieces = _PIECE.finditer(block)
    return sum(1 for _ in zip(range(LEAST), pieces, strict=False)) == LEAST


def _names(block: str) -> list[str]:
    """What may name a block: its first words, or more of them where another begins in the same way."""
    words = block[: LONGEST * 4].split()
    return [" ".join(words[:count])[:LONGEST].rstrip() for count in (QUOTED, LONGER)]


def _reference(name: str) -> str:
    mark = "`" if '"' in name else '"'
    return f"{MADE}{mark}{name} …{mark}]"
