"""Stretches of a text that are made of courteous words alone."""

from __future__ import annotations

import re

from pipeline.optimise.english import words
from pipeline.optimise.phrases import COURTEOUS

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[^\sa-z]")
_MARKS = frozenset(",.!;:?-–—…'’")
_OTHER = re.compile(r"[^a-z\s,.!;:?–—…'-]")


def is_courteous(low: str) -> bool:
    """Whether a text in lower case says nothing but courtesies."""
    return words(low) <= COURTEOUS and _OTHER.search(low) is None


def courteous_from(low: str, end: int) -> int:
    """How far back from `end` a text in lower case is made of courteous words alone."""
    start = end
    for word in reversed(list(_WORD.finditer(low, 0, end))):
        if not (word[0] in COURTEOUS or word[0] in _MARKS):
            break
        start = word.start()
    return start
