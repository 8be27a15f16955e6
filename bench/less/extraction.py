"""How much T2 leaves out of long texts, and how much of what matters it keeps.

    python -m bench.less.extraction --data ../shared/data

Meetings (QMSum) have questions with the turns that matter for them; in the second set facts are planted into long contexts of
other passages, as HotpotQA does. Tokens are those of the current OpenAI models.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, NamedTuple

import click

from bench.cache.data import Data
from bench.cache.stats import interval, wilson
from pipeline.optimise import extract as t2
from pipeline.optimise.extract_tidy import tidy
from pipeline.semantics.embedder import Remembering
from pipeline.semantics.minilm import MiniLm
from pipeline.upstream.tokens import count_tokens

HALVES = ("developed on", "held out")  # of the meetings, by a hash of their text
PASSAGES = 120  # of a context with planted facts
SENTENCES = 4  # of a passage
QUESTIONS = 40  # for each seed and kind
SHARES = (t2.KEEP, 0.3, 0.15)
_SOUNDS = re.compile(r"\{\w+\}|\b(?:uh|um|uhm|erm)\b(?!\s?-)", re.IGNORECASE)

Embed = Callable[[str], Any]


class Way(NamedTuple):
    """One way to score: the weight of words, None for no embedder at all."""

    name: str
    words: float | None


class Size(NamedTuple):
    """`questions` for each seed and kind, each with a context of so many passages."""

    questions: int
    passages: int


class Planted(NamedTuple):
    context: str
    question: str
    facts: tuple[str, ...]


WAYS = (Way("words", None), Way("meaning", 0.0), Way("both", t2.WORDS))


def measure(
    data_dir: Path, seeds: Sequence[int], *, ways: Sequence[Way] = WAYS, questions: int = QUESTIONS, passages: int = PASSAGES
) -> dict[str, Any]:
    """Both sets. Raises MissingDataError."""
    data = Data(data_dir)
    embed = Remembering(MiniLm(), most=50_000).embed if any(way.words is not None for way in ways) else None
    size = Size(questions, passages)
    return {
        "sounds": _sounds(data.rows("qmsum_test")),
        "meetings": {way.name: _meetings(data.rows("qmsum_test"), way, embed) for way in ways},
        "planted": {way.name: _planted_facts(data, seeds, way, embed, size) for way in ways if way.words != 0},
    }


def _extract(text: str, question: str, keep: float, way: Way, embed: Embed | None) -> t2.Extracted:
    if way.words is None:
        return t2.extract(text, question, keep)
    return t2.extract(text, question, keep, embed, words=way.words)


# --- meetings ---


def _meetings(rows: Sequence[dict[str, Any]], way: Way, embed: Embed | None) -> dict[str, Any]:
    """By half, and all of them."""
    found: dict[str, list[dict[str, float]]] = {half: [] for half in HALVES}
    for row in rows:
        half = HALVES[hashlib.sha256(row["meeting"].encode()).digest()[0] % 2]
        found[half] += [_meeting(row["meeting"], query, way, embed) for query in row["queries"]]
    return {name: _summed(queries) for name, queries in [*found.items(), ("all", [*chain(*found.values())])] if queries}


def _sounds(rows: Sequence[dict[str, Any]]) -> float:
    """The share of tokens that leaving out sounds alone saves."""
    before, after = sum(_tokens(row["meeting"]) for row in rows), sum(count_tokens(tidy(row["meeting"], "")) for row in rows)
    return round(1 - after / before, 4)


def _meeting(meeting: str, query: dict[str, Any], way: Way, embed: Embed | None) -> dict[str, float]:
    turns = meeting.split("\n")
    spans = [range(int(first), min(int(last) + 1, len(turns))) for first, last in query["spans"]]
    wanted = {number for span in spans for number in span if _words(turns[number].partition(":")[2])}
    started = time.perf_counter()
    short = _extract(meeting, query["query"], t2.KEEP, way, embed)
    took = time.perf_counter() - started
    lines = Counter(_words(line) for line in short.text.split("\n"))
    kept = sum(lines[_words(turns[number])] > 0 for number in wanted)
    return {"before": _tokens(meeting), "after": count_tokens(short.text), "wanted": len(wanted), "kept": kept, "ms": took * 1000}


def _words(turn: str) -> str:
    """What is said in a turn: a turn of nothing but sounds says nothing, and one without its sounds is still there."""
    return " ".join(re.findall(r"\w+", _SOUNDS.sub(" ", turn).lower()))


@cache
def _tokens(text: str) -> int:
    return count_tokens(text)


def _summed(queries: Sequence[dict[str, float]]) -> dict[str, Any]:
    wanted, kept = sum(query["wanted"] for query in queries), sum(query["kept"] for query in queries)
    whole = sum(query["kept"] == query["wanted"] for query in queries)
    return {
        "queries": len(queries),
        "fewer tokens": round(1 - sum(query["after"] for query in queries) / sum(query["before"] for query in queries), 4),
        "turns kept": round(kept / wanted, 4),
        "turns kept of a query": round(mean(query["kept"] / query["wanted"] for query in queries), 4),
        "queries with all turns": round(whole / len(queries), 4),
        "of them 95 %": [round(end, 3) for end in wilson(whole, len(queries))],
        "ms p50 p95": [round(quantiles([query["ms"] for query in queries], n=20)[at]) for at in (9, 18)],
    }


# --- planted facts ---


def _planted_facts(data: Data, seeds: Sequence[int], way: Way, embed: Embed | None, size: Size) -> dict[str, Any]:
    texts = _Texts(data, size.passages)
    kinds = {"one fact": texts.one_fact, "two facts": texts.two_facts, "a problem": texts.problem}
    return {
        f"{kind}, {keep}": _over_seeds([_seed(_drawn(make, seed, size), keep, way, embed) for seed in seeds])
        for kind, make in kinds.items()
        for keep in SHARES
    }


def _drawn(make: Callable[[random.Random], Planted], seed: int, size: Size) -> list[Planted]:
    drawn = random.Random(seed)
    return [make(drawn) for _ in range(size.questions)]


def _seed(asked: Sequence[Planted], keep: float, way: Way, embed: Embed | None) -> tuple[float, float]:
    """The share of facts that are kept word for word, and of tokens that are left out."""
    kept: list[bool] = []
    before = after = 0
    for planted in asked:
        short = _extract(planted.context, planted.question, keep, way, embed)
        kept += [fact in short.text for fact in planted.facts]
        before, after = before + count_tokens(planted.context), after + count_tokens(short.text)
    return sum(kept) / len(kept), 1 - after / before


def _over_seeds(found: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    kept, fewer = ([round(part, 4) for part in interval(values)] for values in zip(*found, strict=True))
    return {"facts kept": kept, "fewer tokens": fewer}


class _Texts:
    """Contexts of passages from Wikipedia and of word problems."""

    def __init__(self, data: Data, passages: int) -> None:
        rows = data.rows("paws_wiki_dev")
        self._pairs = [(row["a"], row["b"].rstrip(" .")) for row in rows if row["label"]]
        self._others = list(dict.fromkeys(row["a"] for row in rows if not row["label"]))
        problems = (re.split(r"(?<=[.?!])\s+", row["question"].strip()) for row in data.rows("gsm8k_test"))
        self._problems = [sentences for sentences in problems if len(sentences) > 1]
        self._passages = passages

    def one_fact(self, drawn: random.Random) -> Planted:
        return self._among_sentences(drawn, 1)

    def two_facts(self, drawn: random.Random) -> Planted:
        return self._among_sentences(drawn, 2)

    def _among_sentences(self, drawn: random.Random, number: int) -> Planted:
        """The question is asked in the words of a paraphrase."""
        chosen = drawn.sample(self._pairs, number)
        facts = tuple(fact for fact, _ in chosen)
        sentences = [*facts, *(other for other in drawn.sample(self._others, self._passages * SENTENCES) if other not in facts)]
        drawn.shuffle(sentences)
        passages = (" ".join(sentences[at : at + SENTENCES]) for at in range(0, len(sentences), SENTENCES))
        return Planted("\n\n".join(passages), f"Is it true that {' and that '.join(asked for _, asked in chosen)}?", facts)

    def problem(self, drawn: random.Random) -> Planted:
        """The question is the last sentence of one problem, the facts are its other sentences."""
        problems = drawn.sample(self._problems, self._passages)
        passages = [" ".join(problem[:-1]) for problem in problems]
        drawn.shuffle(passages)
        return Planted("\n\n".join(passages), problems[0][-1], tuple(problems[0][:-1]))


@click.command()
@click.option("--data", "folder", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
def main(folder: Path, seeds: int) -> None:
    """Print the figures as JSON."""
    click.echo(json.dumps(measure(folder, range(seeds)), indent=1))


if __name__ == "__main__":
    main()
