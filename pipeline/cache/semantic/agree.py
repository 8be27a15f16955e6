"""Do two answers say the same? What the local judge goes by, when a question was answered afresh beside a stored answer."""

from __future__ import annotations

import re
from typing import Protocol

import msgspec
import numpy as np

from pipeline.cache.guards.reading import read

SHORT = 12  # words: such answers are compared word by word as well
ALIKE, UNLIKE = 0.85, 0.55  # cosines from which answers surely agree, and below which they surely do not
TELLING = 5  # words from which equal answers are no coincidence
CERTAIN, LIKELY, VAGUE = 1.0, 0.6, 0.3  # how much a verdict is believed
COMPARED = 500  # characters of each answer that are embedded: the beginning, where an answer is given
_MARKUP = re.compile(r"[*_`#>\s]+")


class Texts(Protocol):
    """What is needed of an embedder."""

    def embed(self, text: str) -> np.ndarray: ...


class Opinion(msgspec.Struct, frozen=True):
    """`same` from 0 to 1, and how much that is worth, up to 1."""

    same: float
    trust: float


def agree(one: str, other: str, texts: Texts) -> Opinion | None:
    """Whether two answers to what may be the same question agree; None when it cannot be told."""
    one, other = _MARKUP.sub(" ", one).strip().lower(), _MARKUP.sub(" ", other).strip().lower()
    if not one or not other:
        return None
    mine, theirs = read(one), read(other)
    if one.rstrip(".!") == other.rstrip(".!"):
        # "Yes" is the answer to many a question.
        return Opinion(1.0, CERTAIN if len(mine.words) >= TELLING else VAGUE)
    if min(len(mine.words), len(theirs.words)) <= SHORT and mine.numbers != theirs.numbers:
        return Opinion(0.0, LIKELY)
    try:
        cosine = float(texts.embed(one[:COMPARED]) @ texts.embed(other[:COMPARED]))
    except ValueError:
        return None
    if cosine >= ALIKE:
        return Opinion(1.0, LIKELY)
    return Opinion(0.0, LIKELY) if cosine < UNLIKE else None
