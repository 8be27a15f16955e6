"""Sentences of a prompt, as people write them: without capitals, without full stops, one to a line."""

from __future__ import annotations

import re

from pipeline.decompose.text import Piece

_END = re.compile(r"[.!…]+[\"')\]]*(?=\s|$)|\?+[\"')\]]*|\n\s*|;(?=\s)")
_SHORT = re.compile(
    r"(?:(?:^|[\s(])[A-Za-z]|\b(?:mr|mrs|ms|dr|prof|st|mt|no|vs?|jr|sr|inc|co|ltd|corp|etc|approx|"
    r"gen|sen|rep|capt|e\.g|i\.e|a\.m|p\.m|fig|"
    r"dept|est|vol|u\.[sk]|u\.s\.a|ph\.d|[a-z]\.[a-z]))$",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"\s*(?:or|and|&|,|:|\)|-|–)(?!\w)")


def sentences(text: Piece) -> list[Piece]:
    """Each with the mark that ends it, if it has one; semicolons and new lines end one too."""
    found, start = [], 0
    for match in _END.finditer(text.masked):
        if _ends(text.masked, match):
            found.append(text.cut(start, match.end()))
            start = match.end()
    found.append(text.cut(start))
    return [one for one in found if any(char.isalnum() for char in one.raw)]


def _ends(masked: str, match: re.Match[str]) -> bool:
    mark = match.group()[0]
    if mark == ".":
        return not _SHORT.search(masked[max(0, match.start() - 12) : match.start()])
    if mark == "!":  # "That Darn Cat! or Perri"
        return not _GOES_ON.match(masked, match.end())
    return True
