"""The part `projection`: would candidates be found as well with short vectors of small integers?

Johnson and Lindenstrauss: a random projection keeps distances about as they are. Here a sparse one (Achlioptas, JCSS 66,
2003: a third of the numbers are not 0) to 64 and 128 dimensions, in 8-bit integers; the best 50 are then scored anew with the
full vectors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from usearch.index import Index, MetricKind
from usearch.index import search as scan

from bench.cache.data import Data
from bench.cache.latency import filled, prompts
from bench.cache.models import Models
from bench.hotpath.stats import percentile
from pipeline.cache.index import CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, unit

DIMENSIONS = (64, 128)
RESCORED = 50
SPARSE = 3  # one number in so many is not 0
LARGEST = 127
SPREAD = 4.0  # standard deviations that the integers cover


def measure(data: Data, models: Models, size: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Raises MissingDataError."""
    asked, stored = prompts(data, models)
    queries = models.vectors(asked)
    full = np.concatenate(list(filled(models.vectors(stored), size))).astype(np.float16)
    exact = np.concatenate(
        [(queries[start : start + 100] @ full.T.astype(np.float32)).argmax(axis=1) for start in range(0, len(queries), 100)]
    )
    rows = []
    tell(f"projection: full vectors, {size:,} entries")
    rows += _rows("full, half precision", full, queries.astype(np.float16), full, queries, exact, 1)
    for count in DIMENSIONS:
        tell(f"projection: {count} dimensions")
        matrix = projection(full.shape[1], count)
        short, asked_short = in_bytes(full.astype(np.float32) @ matrix), in_bytes(queries @ matrix)
        rows += _rows(f"{count} dimensions, 8 bits", short, asked_short, full, queries, exact, RESCORED)
    return {"entries": size, "queries": len(queries), "rescored": RESCORED, "rows": rows}


def projection(before: int, after: int) -> np.ndarray:
    """A sparse random matrix [before, after] that keeps lengths in the mean."""
    rng = np.random.default_rng(after)
    signs = rng.choice((-1.0, 1.0), (before, after)) * (rng.random((before, after)) < 1 / SPARSE)
    return (signs * np.sqrt(SPARSE / after)).astype(np.float32)


def in_bytes(rows: np.ndarray) -> np.ndarray:
    """Unit vectors as 8-bit integers."""
    scaled = unit(rows) * (LARGEST / SPREAD * np.sqrt(rows.shape[1]))
    return np.round(scaled).clip(-LARGEST, LARGEST).astype(np.int8)


def _rows(
    name: str, kept: np.ndarray, asked: np.ndarray, full: np.ndarray, queries: np.ndarray, exact: np.ndarray, count: int
) -> list[dict[str, Any]]:
    """A scan of everything, and a graph as the gateway has it."""
    graph = Index(
        ndim=kept.shape[1],
        metric="cos" if kept.dtype == np.int8 else "ip",
        dtype="i8" if kept.dtype == np.int8 else "f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
    begun = time.perf_counter()
    graph.add(np.arange(len(kept)), kept, threads=1)
    built = time.perf_counter() - begun
    finders: dict[str, tuple[Callable[[np.ndarray], Any], float | None]] = {
        "scan": (lambda one: scan(kept, one, count, MetricKind.Cos, exact=True, threads=1).keys, None),
        "graph": (lambda one: graph.search(one, count, threads=1).keys, built),
    }
    return [
        {
            "vectors": name,
            "by": by,
            "bytes": kept.itemsize * kept.shape[1],
            "build_s": seconds,
            **_found(find, asked, full, queries, exact),
        }
        for by, (find, seconds) in finders.items()
    ]


def _found(
    find: Callable[[np.ndarray], Any], asked: np.ndarray, full: np.ndarray, queries: np.ndarray, exact: np.ndarray
) -> dict[str, float]:
    """Recall of the nearest, and milliseconds, with the candidates scored anew."""
    times, right = [], 0
    for one, query, best in zip(asked, queries, exact, strict=True):
        begun = time.perf_counter()
        places = np.asarray(find(one)).ravel().astype(np.int64)
        chosen = places[(full[places].astype(np.float32) @ query).argmax()] if len(places) > 1 else places[0]
        times.append((time.perf_counter() - begun) * 1000)
        right += bool(chosen == best)
    return {"recall": right / len(exact), "p50": percentile(times, 0.5), "p99": percentile(times, 0.99)}
