"""Prompt optimisation, offline: tokens saved by kind of text, what the check finds, the time it takes, whether beginnings stay.

The prose was written for the purpose and is not what the rules were made from; the real prompts are those of the data sets.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.cache.data import Data
from pipeline.optimise import linter
from pipeline.optimise.optimise import optimise
from pipeline.optimise.results import Tiers
from pipeline.upstream.simulator import Failure, SimSettings, Simulation
from pipeline.upstream.tokens import count_tokens

PROSE = Path(__file__).with_name("optimisation-prose.txt")
BOTH = Tiers(lossless=True, plain=True)
WORDS = (
    "not",
    "never",
    "only",
    "at least",
    "except",
    "17",
    "3.5 kg",
    "2024-02-30",
    "https://a.example/b?c=d",
    "`x_1`",
    '"quoted"',
)
MUTATIONS = 20_000
REQUESTS = 100
TOKENS = 2_000
RUNS = 300


def measure(data: Data, seeds: Sequence[int], mutations: int = MUTATIONS) -> dict[str, Any]:
    real = _real(data)
    return {
        "saved": {
            "verbose prose": _saved(PROSE.read_text(encoding="utf-8").splitlines(), seeds),
            "pretty-printed JSON": _saved([_pretty(seed) for seed in range(60)], seeds),
            **{f"real: {name}": _saved(texts, seeds) for name, texts in real.items()},
            **{f"real prompts of {low} to {high} tokens": _saved(_between(real, low, high), seeds) for low, high in BUCKETS},
        },
        "linter": _linted(
            [*PROSE.read_text(encoding="utf-8").splitlines(), *(text for texts in real.values() for text in texts)]
        ),
        "mutations": _mutated([text for texts in real.values() for text in texts], mutations),
        "milliseconds": _timed(real),
        "prefix": _prefix(),
    }


BUCKETS = ((0, 20), (20, 60), (60, 200), (200, 4000))


def _real(data: Data) -> dict[str, list[str]]:
    return {
        "mt_bench": [turn for row in data.rows("mt_bench") for turn in row["turns"]],
        "self_instruct": [row["prompt"] for row in data.rows("self_instruct_human")],
        "vicuna_bench": [turn for row in data.rows("vicuna_bench") for turn in row["turns"]],
        "gsm8k": [row["question"] for row in data.rows("gsm8k_test")],
    }


def _between(real: dict[str, list[str]], low: int, high: int) -> list[str]:
    return [text for texts in real.values() for text in texts if low <= count_tokens(text) < high]


def _optimised(text: str) -> str:
    found = optimise({"messages": [{"role": "user", "content": text}]}, BOTH, count_tokens)
    return str(found.body["messages"][0]["content"])


def _saved(texts: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """The share of the tokens that is saved, with a bootstrap interval over texts."""
    pairs = [(count_tokens(text), count_tokens(_optimised(text))) for text in texts if text]
    drawn = sorted(_share(random.Random(f"{seed} {run}").choices(pairs, k=len(pairs))) for seed in seeds for run in range(200))
    return {
        "n": len(pairs),
        "saved": _share(pairs),
        "interval": [drawn[int(0.025 * len(drawn))], drawn[int(0.975 * len(drawn))]],
        "changed": sum(before != after for before, after in pairs) / len(pairs),
    }


def _share(pairs: Iterable[tuple[int, int]]) -> float:
    found = list(pairs)
    return 1 - sum(after for _, after in found) / max(1, sum(before for before, _ in found))


def _pretty(seed: int) -> str:
    """A question about a record as services print it."""
    drawn = random.Random(seed)
    records = [
        {
            "id": drawn.randrange(10**6),
            "name": drawn.choice(("Kettle  deluxe", "Toaster", 'Lamp "Sun"', "Chair")),
            "price": round(drawn.uniform(1, 900), 2),
            "tags": drawn.sample(["new", "sale", "blue", "heavy", "fragile"], 3),
            "stock": {"warehouse": drawn.choice(("A", "B")), "count": drawn.randrange(50), "reserved": drawn.random() < 0.5},
        }
        for _ in range(drawn.randint(3, 12))
    ]
    return f"Which of these products costs most?\n\n{json.dumps({'products': records}, indent=drawn.choice((2, 4)))}"


def _linted(texts: Sequence[str]) -> dict[str, int]:
    """How often the check, asked about what was sent, objects."""
    found = 0
    for text in texts:
        found += bool(linter.check(text, _optimised(text)))
    return {"texts": len(texts), "violations": found}


def _mutated(texts: Sequence[str], number: int) -> dict[str, Any]:
    """A text from which something protected was taken, or into which it was put: does the check see it?"""
    drawn = random.Random(7)
    texts = [text for text in texts if len(text.split()) >= 8]
    unseen = []
    for _ in range(number):
        words = drawn.choice(texts).split()
        place, word = drawn.randrange(1, len(words)), drawn.choice(WORDS)
        having, lacking = " ".join([*words[:place], word, *words[place:]]), " ".join(words)
        before, after = (having, lacking) if drawn.random() < 0.5 else (lacking, having)
        if not linter.check(before, after):
            unseen.append(word)
    return {"mutations": number, "unseen": len(unseen), "by": {word: unseen.count(word) for word in set(unseen)}}


def _timed(real: dict[str, list[str]], clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:
    drawn, taken = random.Random(3), []
    texts = [text for found in real.values() for text in found]
    for _ in range(RUNS):
        prompt = _long(drawn, texts)
        started = clock()
        _optimised(prompt)
        taken.append((clock() - started) * 1000)
    taken.sort()
    return {"runs": RUNS, "p50": taken[RUNS // 2], "p99": taken[int(RUNS * 0.99)]}


def _long(drawn: random.Random, texts: Sequence[str]) -> str:
    pieces, tokens = [], 0
    while tokens < TOKENS:
        pieces.append(drawn.choice(texts))
        tokens += count_tokens(pieces[-1])
    return "\n\n".join(pieces)


def _prefix() -> dict[str, Any]:
    """A conversation that grows: its beginning stays the same bytes, and the provider's cache finds as much of it."""
    bodies = list(_conversation())
    before = ""
    stable = True
    for body in bodies:
        sent = json.dumps(optimise(body, BOTH, count_tokens).body["messages"], ensure_ascii=False)[:-1]
        stable, before = stable and sent.startswith(before), sent
    plain, shorter = _uncached(bodies), _uncached([dict(optimise(body, BOTH, count_tokens).body) for body in bodies])
    return {"requests": len(bodies), "stable": stable, "uncached_plain": plain, "uncached_optimised": shorter}


def _conversation() -> Iterator[dict[str, Any]]:
    messages = [{"role": "system", "content": "You are a helpful clerk.  \n\n\n\n" + "Rule: never guess a price. " * 250}]
    for turn in range(REQUESTS):
        messages = [
            *messages,
            {"role": "user", "content": f"Hello! Could you please tell me what item {turn} costs? Thanks!\n\n\n\n"},
        ]
        yield {"model": "m", "messages": messages}
        messages = [*messages, {"role": "assistant", "content": f"Item {turn} costs {turn * 3} euros."}]


def _uncached(bodies: Sequence[dict[str, Any]]) -> int:
    """Prompt tokens that the provider's cache did not have."""
    simulation = Simulation(SimSettings())
    uncached = 0
    for body in bodies:
        answer = simulation.chat(json.dumps(body).encode(), "account")
        assert not isinstance(answer, Failure)
        uncached += answer.usage.prompt_tokens - answer.usage.cached_tokens
    return uncached


def table(figures: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    lines = ["| text | n | tokens saved | 95 % interval | changed |", "|---|---|---|---|---|"]
    for name, row in figures["saved"].items():
        low, high = row["interval"]
        lines.append(f"| {name} | {row['n']} | {row['saved']:.1%} | {low:.1%} to {high:.1%} | {row['changed']:.0%} |")
    mutated, timed, prefix = figures["mutations"], figures["milliseconds"], figures["prefix"]
    return "\n".join(
        [
            *lines,
            "",
            f"- the check objects to {figures['linter']['violations']} of {figures['linter']['texts']} texts that were sent",
            f"- of {mutated['mutations']} mutations it does not see {mutated['unseen']} {mutated['by'] or ''}",
            f"- T0 and T1 at {TOKENS} tokens: p50 {timed['p50']:.2f} ms, p99 {timed['p99']:.2f} ms of {timed['runs']} runs",
            f"- {prefix['requests']} requests of a growing conversation: beginnings {'stay' if prefix['stable'] else 'CHANGE'}",
            f"- prompt tokens that the provider's cache did not have: {prefix['uncached_plain']} as they came, "
            f"{prefix['uncached_optimised']} shortened",
        ]
    )
