"""Which stored question means the same as this one: candidates, guards, verifier, score. No threshold is applied here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import msgspec
import numpy as np

from pipeline.cache.guards.courtesy import bare
from pipeline.cache.guards.reading import Reading, read
from pipeline.cache.guards.rules import veto
from pipeline.cache.semantic.scorer import Scorer
from pipeline.semantics.features import features

CANDIDATES = 8  # neighbours that are looked up
READ_CLOSELY = 3  # of those that pass the guards, how many the verifier reads
FAR = 0.6  # cosine below which no candidate is read: of the same questions, 1 to 15 % were so far apart, and those scored low
ALSO = 0.75  # cosine from which a second and a third one are read as well
OWN_EXPERIENCE = 6.0  # how many labels of an entry's own weigh as much as the pooled score

ALL_BUT_EQUAL = 0.999  # the score of prompts that differ in case, white space and their last mark only

_read = lru_cache(maxsize=20_000)(read)


class Reader(Protocol):
    """What is needed of pipeline.semantics.verifier.Verifier."""

    def logits(self, prompt: str, others: Sequence[str]) -> np.ndarray: ...


class Stored(Protocol):
    """What is needed of a stored question; pipeline.cache.semantic.entries.Entry is one."""

    @property
    def text(self) -> str: ...

    @property
    def right(self) -> float: ...

    @property
    def wrong(self) -> float: ...


class Candidate(msgspec.Struct, frozen=True):
    """A stored question beside the one that was asked. Without a score when a guard ruled it out, or it was not read."""

    place: int  # in the list that was given
    cosine: float
    veto: str | None = None
    features: np.ndarray | None = None
    score: float = 0.0


class Matcher:
    """`reader` None: the guards and the lexical features alone decide, with a verifier's logit of 0."""

    def __init__(self, reader: Reader | None, *, guards: bool = True) -> None:
        self._reader = reader
        self._guards = guards

    def match(
        self, text: str, stored: Sequence[Stored], cosines: Sequence[float], scorer: Scorer, enough: float
    ) -> list[Candidate]:
        """The candidates, best score first. Stops reading at the first whose score is `enough`. Courtesies are not read.

        `cosines` are those of `stored`, largest first.
        """
        found: list[Candidate] = []
        as_asked, text, close = folded(text), bare(text), 0
        mine = _read(text)
        for place, (other, cosine) in enumerate(zip(stored, cosines, strict=True)):
            if cosine < (ALSO if close else FAR) or close == READ_CLOSELY:
                break
            asked = bare(other.text)
            theirs = _read(asked)
            why = veto(mine, theirs) if self._guards else None
            if why:
                found.append(Candidate(place, cosine, why))
                continue
            close += 1
            row = self._row(text, asked, mine, theirs, cosine)
            pooled = ALL_BUT_EQUAL if as_asked == folded(other.text) else scorer.probability(row)
            score = experienced(pooled, other.right, other.wrong)
            found.append(Candidate(place, cosine, None, row, score))
            if score >= enough:
                break
        return sorted(found, key=lambda candidate: -candidate.score)

    def _row(self, text: str, other: str, mine: Reading, theirs: Reading, cosine: float) -> np.ndarray:
        logit = float(self._reader.logits(text, [other])[0]) if self._reader else 0.0
        return features(mine, theirs, cosine, logit)


def folded(text: str) -> str:
    """A prompt without what nobody means by it: case, white space, and the mark at its end."""
    return " ".join(text.casefold().split()).rstrip(".?! ")


def experienced(score: float, right: float, wrong: float) -> float:
    """A pooled score, moved by what was said of this entry: as if the score were `OWN_EXPERIENCE` labels."""
    return (OWN_EXPERIENCE * score + right) / (OWN_EXPERIENCE + right + wrong)
