"""Fit the scorer that ships, `pipeline/cache/semantic/scorer.json`: `python -m bench.verifier.calibrate`.

On pairs that the verifier has not seen (sources.validation_pairs) and that pass the guards, as the matcher would see them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from bench.verifier.pairs import Pair
from bench.verifier.sources import validation_pairs
from pipeline.cache.guards.courtesy import bare
from pipeline.cache.guards.reading import read
from pipeline.cache.guards.rules import veto
from pipeline.cache.semantic.match import FAR
from pipeline.cache.semantic.scorer import Scorer, Shipped
from pipeline.cache.semantic.threshold import cold
from pipeline.semantics.embedder import Remembering
from pipeline.semantics.features import NAMES, features
from pipeline.semantics.minilm import MiniLm
from pipeline.semantics.verifier import Verifier

OUT = Path("pipeline/cache/semantic/scorer.json")
WORTH = 300.0  # labels of a tenant's own that weigh as much as what shipped
RIDGE = 2.0
FOLDS = 5
LEVELS = [round(1 - step / 200, 3) for step in range(101)]  # 1 to 0.5
MISSES_WEIGH = 6 / 16  # a group has 6 pairs that are the same and 16 that are not: as many tries of either kind
RARE = 1 / 3  # near misses as hard as the written ones, for each paraphrase that is asked
FEWEST = 200  # pairs that say something of a level


class Table(NamedTuple):
    """Features, labels and weights of the pairs that pass the guards and are near enough to be candidates."""

    rows: np.ndarray
    same: np.ndarray
    weights: np.ndarray

    def of(self, chosen: np.ndarray) -> Table:
        return Table(self.rows[chosen], self.same[chosen], self.weights[chosen])


def table(items: list[Pair], verifier: Verifier) -> Table:
    embedder = Remembering(MiniLm(), most=1_000_000)
    rows, same, weights = [], [], []
    for pair in items:
        texts = bare(pair.one), bare(pair.other)
        one, other = map(read, texts)
        cosine = float(embedder.embed(texts[0]) @ embedder.embed(texts[1]))
        if cosine < FAR or veto(one, other):
            continue
        rows.append(features(one, other, cosine, float(verifier.logits(texts[0], [texts[1]])[0])))
        same.append(float(pair.same))
        weights.append(1.0 if pair.same or pair.kind == "neighbour" else MISSES_WEIGH)
    return Table(np.array(rows), np.array(same), np.array(weights))


def fit(known: Table) -> Scorer:
    rows, same, weights = known
    means, scales = rows.mean(axis=0), np.maximum(rows.std(axis=0), 0.02)
    count = rows.shape[1] + 1
    blank = Scorer(means.tolist(), scales.tolist(), [0.0] * count, [RIDGE] * (count - 1) + [1e-3])
    found = blank.fit(rows, same, weights)
    p = found.probabilities(rows)
    x = np.hstack([(rows - means) / scales, np.ones((len(rows), 1))])
    information = np.average(x * x * (p * (1 - p))[:, None], axis=0, weights=weights) * WORTH
    return msgspec.structs.replace(found, precision=(information + RIDGE / 10).tolist())


def curve(known: Table) -> list[tuple[float, float]]:
    """(score, the share that is wrong from that score on), from the strictest on: of scores by scorers that did not see them,
    and as if near misses were as rare as RARE says.
    """
    fold = np.arange(len(known.same)) * FOLDS // len(known.same)  # neighbours in the list are of one group
    scores = np.zeros(len(known.same))
    for number in range(FOLDS):
        scores[fold == number] = fit(known.of(fold != number)).probabilities(known.rows[fold == number])
    found, least = [], 1.0
    for level in reversed(LEVELS):
        above = known.of(scores >= level)
        if len(above.same) >= FEWEST:
            wrong = float(np.average(1 - above.same, weights=above.weights * np.where(above.same > 0, 1.0, RARE)))
            least = min(least, wrong)  # a stricter score is not wrong more often, but for chance
            found.append((level, round(least, 5)))
    return found[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verifier", help="its file, when it is not the one that ships")
    given = parser.parse_args()
    known = table(validation_pairs(), Verifier(changes=given.verifier))
    rows, same, _ = known
    scorer = fit(known)
    found = Shipped(scorer, curve(known))
    OUT.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    p = scorer.probabilities(rows)
    for budget in (0.005, 0.01, 0.02):
        level = cold(budget, found.curve).value
        shares = ((p >= level)[same == one].mean() for one in (1, 0))
        print(
            f"budget {budget:.1%}: from {level} on; served are {next(shares):.1%} of the same, {next(shares):.1%} of the others"
        )
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.95), (0.95, 1.01)):
        inside = (p >= low) & (p < high)
        said, are = p[inside].mean(), same[inside].mean()
        print(f"score {low:.2f} to {high:.2f}: {inside.sum():5d} pairs, said {said:.3f}, are the same {are:.3f}")
    for name, weight in zip([*NAMES, "constant"], scorer.weights, strict=True):
        print(f"{name:24s} {weight:+.3f}")


if __name__ == "__main__":
    main()
