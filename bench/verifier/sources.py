"""Which pairs there are to train on and to validate with. All of it may ship; the sets that may not are in bench/cache."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.verifier.pairs import Pair, groups, harmful, harmless, of_group
from pipeline.semantics.minilm import MiniLm

SHARED = Path("../shared/data")
VALIDATION = 12  # every twelfth group validates
NEAREST, FARTHEST = 0.86, 0.5  # cosines between which a neighbour of another group needs another answer
NEAR_EACH = 1
FREE_PROMPTS = (
    "clinc150",
    "mt_bench",
    "vicuna_bench",
    "self_instruct_human",
    "gsm8k_test",
    "break_qdmr_high",
    "hotpotqa_comparison",
    "parallelqa",
)


def training_pairs(rng: random.Random) -> list[Pair]:
    """Written groups, mechanical changes of them and of free prompts, strangers, and PAWS-Wiki's adversarial pairs."""
    mine = [group for n, group in enumerate(groups()) if n % VALIDATION]
    found = [pair for group in mine for pair in of_group(group)]
    texts = [text for group in mine for text in (group["base"], *group["same"])]
    free = [text for text in free_prompts() if 15 < len(text) < 400]
    rng.shuffle(free)
    found += _mechanical(texts[::4] + free[:3000], rng)
    found += _strangers(mine, rng)
    found += list(_paws())
    found += neighbours([Text(group["base"], n) for n, group in enumerate(mine)] + _misses(mine), NEAR_EACH)
    found += neighbours([Text(row["text"], row["intent"]) for row in rows("clinc150")], 1)
    found += neighbours([Text(text, text) for text in free if "?" in text], 1)
    return found


def validation_pairs() -> list[Pair]:
    """Near misses and paraphrases of the groups kept back, and what stands next to them in ordinary traffic."""
    kept = [group for n, group in enumerate(groups()) if not n % VALIDATION]
    found = [pair for group in kept for pair in of_group(group) if pair.kind != "two misses"]
    return found + neighbours([Text(group["base"], n) for n, group in enumerate(kept)] + _misses(kept), NEAR_EACH)


class Text(NamedTuple):
    text: str
    owner: object  # texts of one owner may mean the same


def _misses(mine: list[dict[str, Any]]) -> list[Text]:
    return [Text(miss, n) for n, group in enumerate(mine) for _, miss in group["other"]]


def neighbours(texts: list[Text], each: int) -> list[Pair]:
    """What a cache would find for a prompt that it has no answer to: the nearest prompts of other owners, by the embedding.

    Those nearer than NEAREST may mean the same by chance and are left out, as are those farther than FARTHEST, of which
    no verifier is asked.
    """
    if not texts:
        return []
    embedder = MiniLm()
    vectors = np.stack([embedder.embed(text.text) for text in texts])
    found = []
    for start in range(0, len(texts), 512):
        near = vectors[start : start + 512] @ vectors.T
        for row, order in enumerate(np.argsort(-near, axis=1)[:, :40]):
            mine = texts[start + row]
            others = [n for n in order if FARTHEST < near[row, n] < NEAREST and texts[n].owner != mine.owner]
            found += [Pair(mine.text, texts[n].text, False, "neighbour") for n in others[:each]]
    return found


def free_prompts() -> list[str]:
    """Prompts of the free sets, one text each."""
    return [text for name in FREE_PROMPTS for row in rows(name) if (text := _prompt(row))]


def rows(name: str) -> Iterator[dict[str, Any]]:
    path = SHARED / f"{name}.jsonl"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _prompt(row: dict[str, Any]) -> str:
    if "turns" in row:
        return str(row["turns"][0])
    return str(row.get("prompt") or row.get("question") or row.get("text") or "")


def _mechanical(texts: list[str], rng: random.Random) -> Iterator[Pair]:
    for text in texts:
        yield Pair(text, harmless(text, rng), True, "harmless change")
        if changed := harmful(text, rng):
            yield Pair(text, changed, False, "harmful change")


def _strangers(mine: list[dict[str, Any]], rng: random.Random) -> Iterator[Pair]:
    """Prompts of the same field that have nothing to do with each other."""
    for group in mine:
        other = rng.choice(mine)
        if other is not group:
            yield Pair(group["base"], rng.choice(other["same"]), False, "stranger")


def _paws() -> Iterator[Pair]:
    for row in rows("paws_wiki_dev"):
        yield Pair(row["a"], row["b"], bool(row["label"]), "paws")
