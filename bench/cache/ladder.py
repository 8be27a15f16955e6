"""The part `streams`: every stream, every seed, every row; figures pooled over the seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from bench.cache import ways
from bench.cache.data import Data, MissingDataError
from bench.cache.models import Models
from bench.cache.play import Played, Prepared, Way
from bench.cache.stats import interval, wilson
from bench.cache.streams import STREAMS, Stream
from pipeline.cache.semantic.match import Matcher

BUDGETS = (0.005, 0.01, 0.02)
PLAIN = 0.9  # the cosine of the rows without a scorer
ORIGINAL = 0.7  # the rule of the project that this one began as
# init_similar_cache of GPTCache 0.1: SearchDistanceEvaluation with 4.0 as its largest distance and a threshold of 0.8 serves
# from 3.2 = 4 - 0.8 on. FAISS's distance is the square of the Euclidean one: 2 - 2 cos <= 0.8.
GPTCACHE = 0.6
LEVELS = tuple(level / 100 for level in range(70, 100))
SCORES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
Make = Callable[[Prepared, int], Way]


def measure(data: Data, models: Models, requests: int, seeds: Sequence[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Rows, sweeps and figures over time of each stream; one that lacks its data says so."""
    found: dict[str, Any] = {}
    for name, make in STREAMS.items():
        try:
            found[name] = _stream(name, lambda seed, make=make: make(data, requests, seed), models, seeds, tell)
        except MissingDataError as error:
            found[name] = {"skipped": str(error)}
    return found


def makers(models: Models) -> dict[str, Make]:
    """All rows by name, in the report's order."""
    matcher = Matcher(models)
    rows: dict[str, Make] = {
        "exact only": lambda of, seed: ways.Exact(),
        "+ semantic": lambda of, seed: ways.Fixed(of.near, PLAIN, careful=True),
        "+ guards": lambda of, seed: ways.Guarded(of.stream, of.near, PLAIN),
    }
    for budget in BUDGETS:
        rows[f"+ verifier {budget:.1%}"] = _scored(matcher, budget)
    for budget in BUDGETS:
        rows[f"+ learning {budget:.1%}"] = learning(matcher, budget)
    fixed = {"GPTCache's default": GPTCACHE, "original rule": ORIGINAL, "cosine 0.80": 0.8, "cosine 0.90": 0.9}
    return rows | {name: _fixed(level) for name, level in fixed.items()}


def learning(matcher: Matcher, budget: float) -> Make:
    """The gateway with all it has."""
    return lambda of, seed: ways.Learning(of.stream, of.near, matcher, ways.cold(budget), seed)


def _scored(matcher: Matcher, budget: float) -> Make:
    return lambda of, seed: ways.Scored(of.stream, of.near, matcher, ways.cold(budget))


def _from(matcher: Matcher, level: float) -> Make:
    """The scorer that ships, from a score on."""

    def make(of: Prepared, seed: int) -> Way:
        policy = ways.cold(BUDGETS[0])
        threshold = msgspec.structs.replace(policy.threshold, value=level)
        return ways.Scored(of.stream, of.near, matcher, msgspec.structs.replace(policy, threshold=threshold))

    return make


def _fixed(level: float) -> Make:
    return lambda of, seed: ways.Fixed(of.near, level)


def _stream(
    name: str, make: Callable[[int], Stream], models: Models, seeds: Sequence[int], tell: Callable[[str], None]
) -> dict[str, Any]:
    matcher = Matcher(models)
    kinds: dict[str, dict[str, Make]] = {
        "rows": makers(models),
        "cosines": {f"{level:.2f}": _fixed(level) for level in LEVELS},
        "scores": {f"{level:g}": _from(matcher, level) for level in SCORES},
    }
    played: dict[str, dict[str, list[Played]]] = {kind: {row: [] for row in rows} for kind, rows in kinds.items()}
    about = []
    for seed in seeds:
        tell(f"streams: {name}, seed {seed}")
        stream = make(seed)
        of = Prepared.of(stream, models.vectors(stream.texts))
        about.append(_about(of))
        for kind, row, way in _every(kinds):
            played[kind][row].append(of.play(way(of, seed)))
    return {
        "about": {key: sum(one[key] for one in about) / len(about) for key in about[0]},
        **{kind: {row: summary(found) for row, found in rows.items()} for kind, rows in played.items()},
    }


def _every(kinds: Mapping[str, Mapping[str, Make]]) -> Iterator[tuple[str, str, Make]]:
    for kind, rows in kinds.items():
        for row, way in rows.items():
            yield kind, row, way


def _about(of: Prepared) -> dict[str, float]:
    stream = of.stream
    return {
        "requests": len(stream.requests),
        "texts": len(stream.texts),
        "ceiling": stream.ceiling,
        "repeats": stream.repeats,
        "never": sum(of.refused[place] for place in stream.requests) / len(stream.requests),
    }


def summary(found: Sequence[Played]) -> dict[str, Any]:
    """One row over its seeds: shares of requests, with the mean's interval and the pooled share's upper bound."""
    requests, wrong = sum(one.requests for one in found), sum(one.wrong for one in found)
    semantic = sum(one.semantic for one in found)
    return {
        "requests": requests,
        "hits": interval([one.hits / one.requests for one in found]),
        "right": interval([(one.hits - one.wrong) / one.requests for one in found]),
        "semantic": interval([one.semantic / one.requests for one in found]),
        "wrong": interval([one.wrong / one.requests for one in found]),
        "wrong_count": wrong,
        "wrong_upper": wilson(wrong, requests)[1],
        "wrong_of_semantic": wrong / semantic if semantic else 0.0,
        "wrong_of_semantic_upper": wilson(wrong, semantic)[1],
        "worst_seed": max(one.wrong / one.requests for one in found),
        "hits_over_time": _mean([one.hits_over_time for one in found]),
        "wrong_over_time": _mean([one.wrong_over_time for one in found]),
        "seeds": [one.about for one in found],
    }


def _mean(curves: Sequence[Sequence[int]]) -> list[float]:
    return [sum(values) / len(values) for values in zip(*curves, strict=True)]
