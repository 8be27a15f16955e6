"""What is asked: questions, each in all its known wordings, and the near misses of each.

Labelled pairs say which wordings share an answer: duplicates are one question (by connected components), and a pair that
is labelled different is a trap in both directions. Sets without labels give questions with one wording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bench.replay.traces import rows

PAIRS = ("qqp_test", "paws_wiki_dev", "qqp_train", "paws_qqp_train")
SINGLES = {
    "mt_bench": "turns",
    "vicuna_bench": "turns",
    "self_instruct_human": "prompt",
    "gsm8k_test": "question",
    "hotpotqa_comparison": "question",
    "parallelqa": "question",
}
DEFAULT = ("qqp_test", "paws_wiki_dev", *SINGLES)
MAX_WORDINGS = 8  # longer chains of "duplicate" are mostly noise in the labels: their two ends ask different things
MAX_CHARACTERS = 2000


class Trap(msgspec.Struct, frozen=True):
    """Beside `near`, a wording of its question, `text` looks alike; it belongs to another question."""

    near: str
    question: int
    text: str


class Question(msgspec.Struct, frozen=True):
    """All wordings that share an answer, and what looks like them."""

    texts: tuple[str, ...]
    traps: tuple[Trap, ...] = ()


Pair = tuple[str, str, bool]  # two wordings, and whether they share an answer


def load(names: Iterable[str], data: Path) -> list[Question]:
    """The questions of the named sets, in an order that depends on the files alone. Raises MissingDataError."""
    pairs: list[Pair] = []
    singles: list[str] = []
    for name in names:
        if name in SINGLES:
            singles += _singles(name, data)
        else:
            pairs += [(row["a"], row["b"], bool(row["label"])) for row in rows(data, name) if not row.get("suspect")]
    return questions(pairs, singles)


def questions(pairs: Iterable[Pair], singles: Iterable[str] = ()) -> list[Question]:
    """Group wordings into questions. Wordings that differ in case and spaces only are one."""
    groups = _Groups()
    different: list[tuple[str, str]] = []
    for a, b, same in pairs:
        first, second = groups.add(a), groups.add(b)
        if same:
            groups.join(first, second)
        else:
            different.append((first, second))
    for text in singles:
        groups.add(text)
    return _with_traps(groups, different)


def _with_traps(groups: _Groups, different: list[tuple[str, str]]) -> list[Question]:
    members = {root: texts for root, texts in groups.members().items() if len(texts) <= MAX_WORDINGS}
    index = {root: number for number, root in enumerate(members)}
    traps: dict[int, dict[Trap, None]] = defaultdict(dict)  # a dict keeps the order and drops doubles
    for first, second in different:
        one, other = index.get(groups.root(first)), index.get(groups.root(second))
        # Two wordings that the positives join and a negative parts: the labels contradict each other, so it is no trap.
        if one is not None and other is not None and one != other:
            traps[one][Trap(groups.text[first], other, groups.text[second])] = None
            traps[other][Trap(groups.text[second], one, groups.text[first])] = None
    return [Question(tuple(texts), tuple(traps[number])) for number, texts in enumerate(members.values())]


def _singles(name: str, data: Path) -> Iterator[str]:
    for row in rows(data, name):
        value = row[SINGLES[name]]
        text = value[0] if isinstance(value, list) else value
        if len(text) <= MAX_CHARACTERS:
            yield text


class _Groups:
    """Union-find over wordings; a wording is known by its form without case and superfluous spaces."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        self._parent: dict[str, str] = {}

    def add(self, text: str) -> str:
        shown = " ".join(text.replace('""', '"').split())
        key = shown.casefold()
        self.text.setdefault(key, shown)
        self._parent.setdefault(key, key)
        return key

    def root(self, key: str) -> str:
        while self._parent[key] != key:
            self._parent[key] = self._parent[self._parent[key]]
            key = self._parent[key]
        return key

    def join(self, a: str, b: str) -> None:
        self._parent[self.root(b)] = self.root(a)

    def members(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for key, text in self.text.items():
            found[self.root(key)].append(text)
        return found
