"""The micro-memory, measured offline: what is recalled, what is stale, what it saves, and how follow-ups are read.

python -m bench.less.memory [--data DIR] [--seeds N] [--dialogues N] [--out FILE]
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import click

from bench.cache.stats import interval, wilson
from bench.less import memory_ageing, memory_followups
from bench.less.memory_cost import PrefixCache
from bench.less.memory_dialogues import SETS, Dialogue, Planted, contains, dialogue, templates
from bench.less.memory_pocket import Pocket
from bench.less.memory_small_talk import Exchange, exchanges
from pipeline.memory.history import Shape, shape_for
from pipeline.memory.inject import render
from pipeline.memory.items import Owner
from pipeline.memory.memory import Memory, Recalled
from pipeline.upstream.tokens import count_tokens

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OWNER = Owner("tenant", "user")
CONVERSATION = "c"
PRICES = (1.0, 0.5, 0.1)  # of a cached token
MINUTE = 60.0


class Clock:
    """A minute passes with each turn."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Played:
    """A dialogue played turn by turn, as a gateway would: recall before the call, learn after it."""

    def __init__(self, given: Dialogue, shape: Shape | None = None) -> None:
        self.clock = Clock()
        self.pocket = Pocket(self.clock)
        numbers = itertools.count()
        self.memory = Memory(self.pocket, count_tokens, self.clock, lambda: f"m{next(numbers):06}", shape=shape)
        self.full, self.short = PrefixCache(count_tokens), PrefixCache(count_tokens)
        self.requests: list[tuple[tuple[int, int], tuple[int, int]]] = []
        messages = given.messages
        for place, message in enumerate(messages):
            if message["role"] != "user":
                continue
            self.clock.now += MINUTE
            request = messages[: place + 1]
            recalled = self.memory.recall(OWNER, CONVERSATION, request)
            self.requests.append((self.full.tokens(request), self.short.tokens(recalled.messages)))
            self.memory.learn(OWNER, CONVERSATION, request)

    def ask(self, given: Dialogue, question: str) -> Recalled:
        self.clock.now += MINUTE
        return self.memory.recall(OWNER, CONVERSATION, [*given.messages, {"role": "user", "content": question}])


def measure(data_dir: Path, seeds: Sequence[int], dialogues: int = 40) -> dict[str, Any]:
    """All parts. `dialogues` are played for each seed and set of templates."""
    talk = exchanges(data_dir)
    found: dict[str, Any] = {"exchanges": len(talk), "seeds": list(seeds), "dialogues": dialogues}
    found["recall"] = {which: _recall(which, talk, seeds, dialogues) for which in SETS}
    found["tokens"] = _tokens(talk, seeds, dialogues, Shape())
    found["tokens where kept prefixes are cheap"] = _tokens(talk, seeds, dialogues, shape_for(min(PRICES)))
    ageing = [memory_ageing.measure(seed) for seed in seeds]
    found["ageing"] = {name: list(interval([each[name] for each in ageing])) for name in ageing[0]}
    found["follow-ups"] = memory_followups.measure(data_dir)
    return found


def _recall(which: str, talk: Sequence[Exchange], seeds: Sequence[int], dialogues: int) -> dict[str, Any]:
    """Whether what was planted is there when it is asked for, and nothing else is."""
    counts: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    largest = 0
    for seed in seeds:
        random = Random(f"recall {which} {seed}")
        for _ in range(dialogues):
            given = dialogue(templates(which), talk, random)
            played = Played(given)
            for one in given.planted:
                others = [each.value for each in given.planted if each.value and each is not one]
                verdict = _probed(played.ask(given, one.probe), one, given.bait, others)
                counts.update(verdict)
                largest = max(largest, verdict["tokens"])
                if "value" in verdict and "recalled" not in verdict:
                    missed[one.fact] += 1
    return {
        "facts": counts["value"],
        "recall at budget": [counts["recalled"] / counts["value"], *wilson(counts["recalled"], counts["value"])],
        "stale after an update": [counts["stale"] / counts["changed"], *wilson(counts["stale"], counts["changed"])],
        "changed": counts["changed"],
        "bait in the notes": counts["bait"],
        "probes": counts["probes"],
        "mean tokens of the block": counts["tokens"] / counts["probes"],
        "largest block": largest,
        "missed": dict(missed.most_common(12)),
    }


def _probed(recalled: Recalled, one: Planted, bait: Sequence[str], others: Sequence[str]) -> dict[str, int]:
    """`others`: values of other facts, which may be the old value of this one."""
    block = "\n".join(item.text for item in recalled.items)
    found = {"probes": 1, "bait": int(contains(block, bait)), "tokens": count_tokens(render(recalled.items))}
    if one.value is not None:
        found["value"] = 1
        if contains(block, [one.value]):
            found["recalled"] = 1
    if one.old:
        left = [
            item.text for item in recalled.items if not contains(item.text, [value for value in (one.value, *others) if value])
        ]
        found |= {"changed": 1, "stale": int(contains("\n".join(left), one.old))}
    return found


def _tokens(talk: Sequence[Exchange], seeds: Sequence[int], dialogues: int, shape: Shape) -> dict[str, Any]:
    """Input tokens and what they cost, against sending the whole history each time."""
    last, whole = [], []
    costs: dict[float, list[float]] = {price: [] for price in PRICES}
    for seed in seeds:
        random = Random(f"tokens {seed}")
        requests = [Played(dialogue(templates("all"), talk, random), shape).requests for _ in range(dialogues)]
        last.append(1 - sum(each[-1][1][0] for each in requests) / sum(each[-1][0][0] for each in requests))
        whole.append(
            1 - sum(short[0] for each in requests for _, short in each) / sum(full[0] for each in requests for full, _ in each)
        )
        for price in PRICES:
            full = sum(_cost(full, price) for each in requests for full, _ in each)
            costs[price].append(1 - sum(_cost(short, price) for each in requests for _, short in each) / full)
    return {
        "fewer in the last request": list(interval(last)),
        "fewer over the dialogue": list(interval(whole)),
        "mean tokens of the last request": mean(each[-1][0][0] for each in requests),
        **{f"cheaper over the dialogue, cached tokens at {price:g}x": list(interval(found)) for price, found in costs.items()},
    }


def _cost(tokens: tuple[int, int], price: float) -> float:
    return tokens[0] - tokens[1] * (1 - price)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=DATA, help="The evaluation data.")
@click.option("--seeds", default=5, help="How many.")
@click.option("--dialogues", default=40, help="For each seed.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="A file for the JSON.")
def main(data: Path, seeds: int, dialogues: int, out: Path | None) -> None:
    """Measure the micro-memory offline: some minutes."""
    text = json.dumps(measure(data, range(seeds), dialogues), indent=1, ensure_ascii=False)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
