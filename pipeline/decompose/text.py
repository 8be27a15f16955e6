"""A text beside its mask: the same text in which whatever stands in quotes or brackets is one capitalised word.

The rules look at the mask, so that no question mark in a title ends a sentence, and cut the text itself at the same places.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Bounded, and none can run over what opens another: linear for any text.
_QUOTED = re.compile(
    r"\"[^\"\n]{1,300}\"|“[^“”\n]{1,300}”|«[^«»\n]{1,300}»|(?<!\w)'[^'\n]{1,200}'(?!\w)|`[^`\n]{1,300}`"
    r"|\((?!\w{1,2}\))[^()\n]{1,300}\)|https?://[^\s<>\"']{1,300}"
)
_PLAIN = str.maketrans("‘’ʼ＇′？！；：", "'''''?!;:")


class Piece(NamedTuple):
    """A stretch of the prompt. Both texts are equally long."""

    raw: str
    masked: str

    def cut(self, start: int, end: int | None = None) -> Piece:
        """Part of it, without white space at its ends."""
        raw = self.raw[start:end]
        lead = len(raw) - len(raw.lstrip())
        kept = slice(lead, len(raw.rstrip()))
        return Piece(raw[kept], self.masked[start:end][kept])

    def group(self, match: re.Match[str], name: str | int) -> Piece:
        """What a match over the mask found, as it was written."""
        start, end = match.span(name)
        return self.cut(start, end) if start >= 0 else Piece("", "")


def piece(text: str) -> Piece:
    """The text with its mask."""
    plain = text.translate(_PLAIN)
    return Piece(text, _QUOTED.sub(_cover, plain)).cut(0)


def _cover(match: re.Match[str]) -> str:
    found = match.group()
    return found[0] + "Q" * (len(found) - 2) + found[-1]
