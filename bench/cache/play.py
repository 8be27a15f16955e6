"""Playing a stream through a cache: the exact tier first, then a way to decide by meaning; each miss is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from bench.cache.near import Near
from bench.cache.streams import Stream
from pipeline.cache.guards.never import never

PIECES = 10  # of a stream, for figures over time


class Way(Protocol):
    """One row of the report. `careful`: what pipeline.cache.guards.never rejects is neither looked up nor found."""

    careful: bool

    def look_up(self, place: int, stored: np.ndarray) -> int | None:
        """The text whose answer is served for this one, or None. `stored` is a mask of the stream's texts."""

    def about(self) -> dict[str, Any]:
        """What else the report says of this row."""


class Played(msgspec.Struct):
    """What became of the requests. `hits` and `wrong` over time count from the beginning to the end of each piece."""

    requests: int = 0
    exact: int = 0
    semantic: int = 0
    wrong: int = 0
    refused: int = 0
    hits_over_time: list[int] = []
    wrong_over_time: list[int] = []
    about: dict[str, Any] = {}

    @property
    def hits(self) -> int:
        return self.exact + self.semantic


def play(stream: Stream, way: Way, refused: Sequence[bool]) -> Played:
    """`refused`: which texts never() rejects. A stored text is found by itself from then on."""
    known, stored = np.zeros(len(stream.texts), bool), np.zeros(len(stream.texts), bool)
    played = Played(hits_over_time=[], wrong_over_time=[])
    ends = {len(stream.requests) * piece // PIECES for piece in range(1, PIECES + 1)}
    for number, place in enumerate(stream.requests, 1):
        _ask(stream, way, place, refused[place], known, stored, played)
        if number in ends:
            played.hits_over_time.append(played.hits)
            played.wrong_over_time.append(played.wrong)
    played.about = way.about()
    return played


def _ask(stream: Stream, way: Way, place: int, refused: bool, known: np.ndarray, stored: np.ndarray, played: Played) -> None:
    played.requests += 1
    if known[place]:
        played.exact += 1
        return
    if refused and way.careful:
        played.refused += 1
        known[place] = True
        return
    found = way.look_up(place, stored)
    if found is None:
        known[place] = stored[place] = True
        return
    played.semantic += 1
    played.wrong += stream.classes[found] != stream.classes[place]


class Prepared(msgspec.Struct, frozen=True):
    """A stream with what every row needs to know of it."""

    stream: Stream
    near: Near
    refused: list[bool]

    @classmethod
    def of(cls, stream: Stream, vectors: np.ndarray) -> Prepared:
        return cls(stream, Near(stream, vectors), [never(text) is not None for text in stream.texts])

    def play(self, way: Way) -> Played:
        return play(self.stream, way, self.refused)
