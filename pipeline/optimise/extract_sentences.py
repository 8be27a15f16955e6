"""Where sentences end."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A run of marks, what closes behind it, and a space before what may begin a sentence; or a full stop of a script without
# capitals. Nothing is tried twice: a text of nothing but full stops takes linear time.
_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+\s++(?![a-zß-öø-ÿ,;:.!?])|(?<=[.!?…])\s*+\n++|[。！？।؟۔]++[」』”’)）]*+\s*+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Hon|Rev|Gen|Col|Lt|Capt|Sen|Rep|No|Nos|Fig|Figs|Eq|Sec|Vol|pp?|vs|cf|ca|etc|al|approx|"
    r"Inc|Ltd|Co|Corp|e\.g|i\.e|z\.B|d\.h|bzw|Nr|M|Mme)|\b[A-Z])\.\s*$"
)


LONG = 600  # characters: what goes on for longer without a full stop, over several lines, is no sentence but lines


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of `text[start:end]` as slices of `text`, with the space behind each."""
    begin = start
    for found in _END.finditer(text, start, end):
        if found.end() < end and not _ABBREVIATION.search(text, max(begin, found.end() - 12), found.end()):
            yield from _lines(text, begin, found.end())
            begin = found.end()
    yield from _lines(text, begin, end)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The slice itself, or its lines when it is too long."""
    at = start
    while end - start > LONG and (line := text.find("\n", at, end) + 1) and line < end:
        yield at, line
        at = line
    if at < end:
        yield at, end
