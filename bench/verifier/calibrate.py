"""Fit the scorer that ships, `pipeline/cache/semantic/scorer.json`: `python -m bench.verifier.calibrate`.

On pairs that the verifier has not seen (sources.validation_pairs) and that pass the guards, as the matcher would see them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
import numpy as np

from bench.verifier.pairs import Pair
from bench.verifier.sources import validation_pairs
from pipeline.cache.guards.reading import read
from pipeline.cache.guards.rules import veto
from pipeline.cache.semantic.match import FAR
from pipeline.cache.semantic.scorer import Scorer
from pipeline.semantics.embedder import Remembering
from pipeline.semantics.features import NAMES, features
from pipeline.semantics.minilm import MiniLm
from pipeline.semantics.verifier import Verifier

OUT = Path("pipeline/cache/semantic/scorer.json")
WORTH = 300.0  # labels of a tenant's own that weigh as much as what shipped
RIDGE = 2.0


def table(items: list[Pair], verifier: Verifier) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of the pairs that pass the guards and are near enough to be candidates."""
    embedder = Remembering(MiniLm(), most=1_000_000)
    rows, same = [], []
    for pair in items:
        one, other = read(pair.one), read(pair.other)
        cosine = float(embedder.embed(pair.one) @ embedder.embed(pair.other))
        if cosine < FAR or veto(one, other):
            continue
        rows.append(features(one, other, cosine, float(verifier.logits(pair.one, [pair.other])[0])))
        same.append(float(pair.same))
    return np.array(rows), np.array(same)


def fit(rows: np.ndarray, same: np.ndarray) -> Scorer:
    means, scales = rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02)
    count = rows.shape[1] + 1
    blank = Scorer(means.tolist(), scales.tolist(), [0.0] * count, [RIDGE] * (count - 1) + [1e-3])
    found = blank.fit(rows, same, np.ones(len(same)))
    p = found.probabilities(rows)
    x = np.hstack([(rows - means) / scales, np.ones((len(rows), 1))])
    information = (x * x * (p * (1 - p))[:, None]).mean(axis=0) * WORTH
    return msgspec.structs.replace(found, precision=(information + RIDGE / 10).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verifier", help="its file, when it is not the one that ships")
    given = parser.parse_args()
    rows, same = table(validation_pairs(), Verifier(changes=given.verifier))
    scorer = fit(rows, same)
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode(scorer), indent=1) + b"\n")
    p = scorer.probabilities(rows)
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.95), (0.95, 1.01)):
        inside = (p >= low) & (p < high)
        said, are = p[inside].mean(), same[inside].mean()
        print(f"score {low:.2f} to {high:.2f}: {inside.sum():5d} pairs, said {said:.3f}, are the same {are:.3f}")
    for name, weight in zip([*NAMES, "constant"], scorer.weights, strict=True):
        print(f"{name:24s} {weight:+.3f}")


if __name__ == "__main__":
    main()
