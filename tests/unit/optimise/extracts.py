"""What the tests of extraction go by: whether an extract says nothing but what the text says, in its order and in its words."""

from __future__ import annotations

from pipeline.optimise.extract import MARK
from pipeline.optimise.extract_tidy import tidy


def is_extract(short: str, text: str) -> bool:
    """Whether `short` is `text` with pieces left out, each behind a mark, or the same of `text` without its sounds.

    It looks at the words themselves. Counting numbers or negations before and after would go wrong where a quotation mark
    is left out and what stood in quotes does no longer.
    """
    return any(_stands_in(short.split(MARK), whole) for whole in (text, tidy(text, "")))


def _stands_in(pieces: list[str], text: str) -> bool:
    place = 0
    for piece in map(str.strip, pieces):
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True
