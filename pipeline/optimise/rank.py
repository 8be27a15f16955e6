"""How near the pieces of a long text are to a question: by their words, and by what stands around them.

Words are weighed by BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009), pairs of neighbouring words
like words of their own. What answers a question stands around the words of the question rather than in the same sentence,
so each score spreads to its neighbourhood, ever weaker with the distance, as in positional language models (Lv and Zhai,
SIGIR 2009). An exponential kernel needs two passes, whatever its width.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

SATURATION = 1.2  # of a word that comes again and again: k1 of BM25
LENGTH = 0.75  # how much a long piece is discounted: b of BM25


def by_words(pieces: Sequence[Sequence[str]], question: Sequence[str]) -> list[float]:
    """BM25 of each piece, given and asked as terms. All 0 where no term of the question occurs."""
    asked = frozenset(question)
    pairs = frozenset(pairwise(question))
    counts: list[Counter[object]] = []
    for piece in pieces:
        found: Counter[object] = Counter(term for term in piece if term in asked)
        if len(found) > 1:
            found.update(pair for pair in pairwise(piece) if pair in pairs)
        counts.append(found)
    weights = _weights(counts)
    mean = sum(map(len, pieces)) / len(pieces) if pieces else 1.0
    return [_score(found, weights, len(piece) / (mean or 1.0)) for found, piece in zip(counts, pieces, strict=True)]


def _weights(counts: Sequence[Counter[object]]) -> dict[object, float]:
    """The rarer a term is, the more it says."""
    holding = Counter(term for found in counts for term in found)
    total = len(counts)
    return {term: math.log(1 + (total - number + 0.5) / (number + 0.5)) for term, number in holding.items()}


def _score(found: Counter[object], weights: dict[object, float], length: float) -> float:
    norm = SATURATION * (1 - LENGTH + LENGTH * length)
    return sum(weights[term] * number * (SATURATION + 1) / (number + norm) for term, number in found.items())


def spread(values: Sequence[float], places: Sequence[float], width: float) -> list[float]:
    """Each value with those around it, which count less by a factor e every `width` of `places` (ascending)."""
    ahead = _carried(values, places, width)
    back = _carried(values[::-1], [-place for place in reversed(places)], width)[::-1]
    return [one + other + value for one, other, value in zip(ahead, back, values, strict=True)]


def average(values: Sequence[float], weights: Sequence[float], places: Sequence[float], width: float) -> list[float]:
    """The weighted mean of the values around each place."""
    sums = spread([value * weight for value, weight in zip(values, weights, strict=True)], places, width)
    return [total / (weight or 1.0) for total, weight in zip(sums, spread(weights, places, width), strict=True)]


def standard(values: Sequence[float]) -> list[float]:
    """The values with a mean of 0 and a variance of 1; all 0 where they do not differ."""
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return [(value - mean) / deviation for value in values] if deviation > 1e-9 else [0.0] * len(values)


def evenness(values: Sequence[float], weights: Sequence[float]) -> float:
    """How evenly values are spread over a text, from 0 (all in one place) to 1: the participation ratio."""
    total = sum(weights)
    mean = sum(value * weight for value, weight in zip(values, weights, strict=True)) / total
    square = sum(value * value * weight for value, weight in zip(values, weights, strict=True)) / total
    return mean * mean / square if square > 0 else 1.0


def _carried(values: Sequence[float], places: Sequence[float], width: float) -> list[float]:
    """What reaches each place from those before it."""
    carried: list[float] = []
    sum_, last = 0.0, places[0] if places else 0.0
    for value, place in zip(values, places, strict=True):
        sum_ *= math.exp((last - place) / width)
        carried.append(sum_)
        sum_, last = sum_ + value, place
    return carried
