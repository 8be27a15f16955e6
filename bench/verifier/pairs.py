"""The pairs from which the verifier learns: groups that were written for it, and mechanical changes of free prompts."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent / "pairs"


class Pair(NamedTuple):
    """Two prompts. `same`: an answer to one is an answer to the other. `kind` says where it comes from."""

    one: str
    other: str
    same: bool
    kind: str


def groups(folder: Path = HERE) -> list[dict[str, Any]]:
    """Groups as of pairs/README.md: a base, three prompts that mean the same, four near misses."""
    return [json.loads(line) for path in sorted(folder.glob("groups-*.jsonl")) for line in path.read_text().splitlines()]


def of_group(group: dict[str, Any]) -> Iterator[Pair]:
    """Pairs within a group: everybody's paraphrases, near misses against each of them, and some against each other."""
    same = [group["base"], *group["same"]]
    for one, other in combinations(same, 2):
        yield Pair(one, other, True, "paraphrase")
    for kind, miss in group["other"]:
        for one in same:
            yield Pair(one, miss, False, kind)
    for (_, one), (_, other) in zip(group["other"][::2], group["other"][1::2], strict=True):
        yield Pair(one, other, False, "two misses")


# --- mechanical changes of a prompt ---

_POLITE = (
    "Please {}",
    "Can you help me? {}",
    "{} Thanks!",
    "Hi, {}",
    "I would like to know: {}",
    "{} Thank you in advance.",
    "Quick question: {}",
)
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")


def harmless(text: str, rng: random.Random) -> str:
    """The same prompt as somebody else would type it."""
    change = rng.randrange(5)
    if change == 0:
        return rng.choice(_POLITE).format(text)
    if change == 1:
        return text.lower().rstrip("?.! ")
    if change == 2:
        return typo(text, rng)
    if change == 3:
        return text.rstrip("?.! ") + rng.choice(("?", ".", "", " ?", "!", " ..."))
    return typo(text.lower(), rng)


def typo(text: str, rng: random.Random) -> str:
    """Two letters exchanged, doubled or lost inside of one long lower-case word."""
    places = list(re.finditer(r"\b[a-z]{5,}\b", text))
    if not places:
        return text
    place = rng.choice(places)
    word, at = place.group(), rng.randrange(1, len(place.group()) - 2)
    changed = rng.choice(
        (word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:])
    )
    return text[: place.start()] + changed + text[place.end() :]


def harmful(text: str, rng: random.Random, *, more: tuple[str, ...] = ()) -> str | None:
    """A prompt that needs another answer; None when there is nothing in it to change. `more`: clauses to add."""
    changes = [_another_number, _negated]
    rng.shuffle(changes)
    for change in changes:
        if changed := change(text, rng):
            return changed
    return None


def _another_number(text: str, rng: random.Random) -> str | None:
    places = list(_NUMBER.finditer(text))
    if not places:
        return None
    place = rng.choice(places)
    value = float(place.group())
    new = value + rng.choice((1, 2, 3, 5, 10)) if rng.random() < 0.5 or value < 3 else max(1, value - rng.choice((1, 2)))
    written = str(int(new)) if new == int(new) else f"{new:g}"
    return text[: place.start()] + written + text[place.end() :]


def _negated(text: str, rng: random.Random) -> str | None:
    place = re.search(r"\b(is|are|can|should|does|do|will|would|must|has|have)\b (?!not)", text)
    return text[: place.end(1)] + " not" + text[place.end(1) :] if place else None
