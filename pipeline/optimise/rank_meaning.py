"""How near the pieces of a long text are to a question by meaning: for what says it in other words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from pipeline.optimise.rank import average

if TYPE_CHECKING:
    import numpy as np

Embed = Callable[[str], "np.ndarray"]  # a unit vector; ValueError for a text that is too long for it

WINDOW = 480  # bytes, about 120 tokens: enough to have a topic, few enough to have only one
MOST = 128  # windows that are looked at, 7 to 15 ms each; of a text with more, evenly many are left out
WIDTH = 3_200  # bytes: how far a topic reaches
TRIES = 6  # times that a text too long for the embedder is halved


class Window(msgspec.Struct, frozen=True):
    """Pieces in a row that are embedded as one text."""

    first: int
    last: int
    text: str


def by_meaning(pieces: Sequence[str], sizes: Sequence[int], places: Sequence[float], question: str, embed: Embed) -> list[float]:
    """The mean cosine of the windows around each piece to the question; empty when the embedder takes none of it.

    `sizes` are in bytes. Raises what `embed` raises, but for ValueError.
    """
    asked = _embedded(question, embed)
    if asked is None:
        return []
    windows = _windows(pieces, sizes)
    step = -(-len(windows) // MOST)
    seen = [(window, _embedded(window.text, embed)) for window in windows[::step]]
    known = [(window, float(vector @ asked)) for window, vector in seen if vector is not None]
    if not known:
        return []
    centres = [(places[window.first] + places[window.last]) / 2 for window, _ in known]
    weights = [float(sum(sizes[window.first : window.last + 1])) for window, _ in known]
    cosines = average([cosine for _, cosine in known], weights, centres, WIDTH)
    return _nearest(places, centres, cosines)


def _windows(pieces: Sequence[str], sizes: Sequence[int]) -> list[Window]:
    number, filled, numbers = 0, 0, []
    for size in sizes:
        if filled and filled + size > WINDOW:
            number, filled = number + 1, 0
        filled += size
        numbers.append(number)
    runs = (list(run) for _, run in groupby(range(len(pieces)), key=numbers.__getitem__))
    return [Window(run[0], run[-1], "".join(pieces[run[0] : run[-1] + 1])) for run in runs]


def _embedded(text: str, embed: Embed) -> np.ndarray | None:
    text = text[: 2 * WINDOW]
    for _ in range(TRIES):
        try:
            return embed(text) if text.strip() else None
        except ValueError:
            text = text[: len(text) // 2]
    return None


def _nearest(places: Sequence[float], centres: Sequence[float], values: Sequence[float]) -> list[float]:
    """For each place the value of the nearest centre. Both ascend."""
    found, at = [], 0
    for place in places:
        while at + 1 < len(centres) and abs(centres[at + 1] - place) <= abs(centres[at] - place):
            at += 1
        found.append(values[at])
    return found
