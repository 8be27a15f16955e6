"""The part `latency`: the vector index at growing sizes, and the whole lookup with the embedder and the verifier.

Each size has a process of its own, so that its memory is its own as well.
"""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.cache.data import Data, MissingDataError
from bench.cache.models import Models
from bench.cache.streams import QQP
from bench.cache.ways import Entry, cold
from bench.hotpath.stats import percentile
from pipeline.cache.guards.never import never
from pipeline.cache.index import VectorIndex
from pipeline.cache.semantic.match import CANDIDATES, Matcher, Reader

QUERIES = 1_000
PROMPTS = 60_000  # of the data, at most
CHUNK = 10_000
TURN = 0.45  # length of the random step before normalising again: a cosine of about 0.91 to the prompt it began at
AS_NEAR = 5e-4  # of a cosine: what half precision cannot tell apart
WARM_UP = 50
BUDGET = 0.01
PARTITION = "bench"
SIZES = 3  # that are searched by graph: through two points every line fits


def measure(data: Data, models: Models, sizes: Sequence[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Raises MissingDataError."""
    asked, stored = prompts(data, models)
    with TemporaryDirectory() as folder:
        path = Path(folder)
        np.save(path / "asked.npy", models.vectors(asked))
        np.save(path / "stored.npy", models.vectors(stored))
        points = []
        for size in sizes:
            tell(f"latency: {size:,} entries")
            with get_context("spawn").Pool(1) as pool:
                points.append(pool.apply(_point, (path, size, asked, stored)))
    return {"queries": len(asked), "prompts": len(stored), "points": points, "growth": growth(points)}


def prompts(data: Data, models: Models) -> tuple[list[str], list[str]]:
    """Prompts to ask and prompts to store, none in both. Raises MissingDataError."""
    texts = dict.fromkeys(text for one, other, _ in data.pairs(*QQP) for text in (one, other))
    with suppress(MissingDataError):
        texts |= dict.fromkeys(data.prompts("clinc150"))
    usable = [text for text in texts if never(text) is None]
    Random("latency").shuffle(usable)
    usable = models.readable(usable[: PROMPTS + QUERIES])
    return usable[:QUERIES], usable[QUERIES:]


def filled(stored: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Unit vectors in chunks: the prompts' own, then prompts' turned by a little in a random direction."""
    rng = np.random.default_rng(1)
    for start in range(0, size, CHUNK):
        places = np.arange(start, min(start + CHUNK, size))
        rows = stored[places % len(stored)].astype(np.float32)
        turned = places >= len(stored)
        step = rng.standard_normal((int(turned.sum()), rows.shape[1])).astype(np.float32)
        rows[turned] += TURN * step / np.linalg.norm(step, axis=1, keepdims=True)
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _point(folder: Path, size: int, asked: list[str], stored: list[str]) -> dict[str, Any]:
    """One size, in a process of its own."""
    queries, vectors = np.load(folder / "asked.npy"), np.load(folder / "stored.npy", mmap_mode="r")
    best = _exact(queries, vectors, size)
    index, memory, seconds = _built(vectors, size)
    searched = [_timed(lambda query=query: index.search(PARTITION, query, CANDIDATES)) for query in queries]
    found = [neighbours[0] for _, neighbours in searched]
    same = [neighbour.seq == place for neighbour, (place, _) in zip(found, best, strict=True)]
    as_near = [neighbour.cosine >= cosine - AS_NEAR for neighbour, (_, cosine) in zip(found, best, strict=True)]
    return {
        "entries": size,
        "recall": sum(map(bool.__or__, same, as_near)) / len(same),
        "same_neighbour": sum(same) / len(same),
        "search": _times([took for took, _ in searched]),
        **_whole(index, asked, stored),
        "bytes_per_entry": memory / size,
        "build_s": seconds,
    }


def _exact(queries: np.ndarray, vectors: np.ndarray, size: int) -> list[tuple[int, float]]:
    """The nearest of all for each query, by looking at all."""
    places, cosines = np.zeros(len(queries), np.int64), np.full(len(queries), -2.0)
    start = 0
    for rows in filled(vectors, size):
        found = queries @ rows.T
        best = found.argmax(axis=1)
        value = found[np.arange(len(found)), best]
        better = value > cosines
        places[better], cosines[better] = best[better] + start, value[better]
        start += len(rows)
    return [(int(place), float(cosine)) for place, cosine in zip(places, cosines, strict=True)]


def _built(vectors: np.ndarray, size: int) -> tuple[VectorIndex, int, float]:
    """The index, how much more memory the process has with it, and the seconds that adding one by one took."""
    gc.collect()
    before, seconds = _resident(), 0.0
    index = VectorIndex(vectors.shape[1])
    seq = 0
    for rows in filled(vectors, size):
        begun = time.perf_counter()
        for row in rows:
            index.add(PARTITION, seq, row)
            seq += 1
        seconds += time.perf_counter() - begun
        del rows, row
    gc.collect()
    return index, _resident() - before, seconds


def _whole(index: VectorIndex, asked: list[str], stored: list[str]) -> dict[str, Any]:
    """Embedding and search; and all of a lookup, with guards, verifier and scorer."""
    from pipeline.semantics.minilm import MiniLm
    from pipeline.semantics.verifier import Verifier

    embedder, reader, policy = MiniLm(), _Counting(Verifier()), cold(BUDGET)
    matcher = Matcher(reader)

    def search(text: str) -> Any:
        return index.search(PARTITION, embedder.embed(text), CANDIDATES)

    def look_up(text: str) -> Any:
        found = search(text)
        entries = [Entry(stored[neighbour.seq % len(stored)]) for neighbour in found]
        return matcher.match(text, entries, [neighbour.cosine for neighbour in found], policy.scorer, policy.threshold.value)

    for text in asked[:WARM_UP]:
        look_up(text)
    reader.pairs = 0
    whole = _times([_timed(lambda text=text: look_up(text))[0] for text in asked])
    return {
        "whole": whole,
        "pairs_read": reader.pairs / len(asked),
        "embed_and_search": _times([_timed(lambda text=text: search(text))[0] for text in asked]),
    }


class _Counting:
    """A reader that counts the pairs it reads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.pairs = 0

    def logits(self, prompt: str, others: Sequence[str]) -> np.ndarray:
        self.pairs += len(others)
        return self._reader.logits(prompt, others)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what it returned."""
    begun = time.perf_counter()
    found = call()
    return (time.perf_counter() - begun) * 1000, found


def _times(values: Sequence[float]) -> dict[str, float]:
    return {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(points: Sequence[dict[str, Any]]) -> dict[str, float] | None:
    """How the median search grows with the entries: milliseconds for ten times as many, how well a line through the
    logarithm fits, and the exponent if it were a power. Sizes that are searched exactly are left out.
    """
    from pipeline.cache.index import EXACT_UP_TO

    found = [(point["entries"], point["search"]["p50"]) for point in points if point["entries"] > EXACT_UP_TO]
    if len(found) < SIZES:
        return None
    x, y = np.array([math.log10(size) for size, _ in found]), np.array([took for _, took in found])
    slope, constant = np.polyfit(x, y, 1)
    rest, spread = float(((y - slope * x - constant) ** 2).sum()), float(((y - y.mean()) ** 2).sum())
    return {
        "ms_for_ten_times": float(slope),
        "r_squared": 1 - rest / spread if spread else 1.0,
        "exponent": float(np.polyfit(x, np.log10(y), 1)[0]),
    }
