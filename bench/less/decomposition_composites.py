"""Prompts joined from questions that have nothing to do with one another, so that the right split is known.

The questions are those of the prompt sets which are one sentence and stand alone by a crude test that knows nothing of the
planner: they begin as a question, and hold neither a pronoun of the third person nor a demonstrative nor a second question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from bench.cache.data import Data

EACH = 40  # composites of each way and seed

_ASKS = re.compile(r"(?:what|who|where|when|why|which|how|is|are|do|does|did|can|could|should|will)\b(?! you\b)", re.IGNORECASE)
_LEANS = re.compile(r"\b(?:this|that|these|those|it|its|he|she|him|her|his|they|them|their|please)\b", re.IGNORECASE)
_TWO = re.compile(r"[?.!;:].|\b(?:and|&)\b.*\b(?:what|who|when|where|why|how|which|whom|is|are|do|does|can)\b", re.IGNORECASE)
_KEEPS_CAPITAL = re.compile(r"I\b|[A-Z]{2}")


class Composite(NamedTuple):
    way: str
    text: str
    parts: tuple[str, ...]


def questions(data: Data) -> list[str]:
    """What is joined. Raises MissingDataError."""
    texts = [row["a"] for row in data.rows("qqp_test")]
    texts += [row["text"] for row in data.rows("clinc150")]
    texts += [row["turns"][0] for row in data.rows("vicuna_bench")]
    texts += [row["prompt"] for row in data.rows("self_instruct_human")]
    plain = (text.strip().replace('""', '"') for text in texts)
    return sorted({text for text in plain if _stands_alone(text)})


def composites(among: Sequence[str], seed: int, each: int = EACH) -> list[Composite]:
    """The same seed gives the same prompts: two to four questions, joined in every way."""
    rng = Random(seed)
    found = []
    for way, join in WAYS.items():
        for _ in range(each):
            parts = rng.sample(among, rng.choice((2, 3, 4)))
            found.append(Composite(way, join(parts), tuple(parts)))
    return found


def _stands_alone(text: str) -> bool:
    if not 15 <= len(text) <= 200 or "\n" in text:
        return False
    return bool(_ASKS.match(text)) and not _LEANS.search(text) and not _TWO.search(text)


def bare(text: str) -> str:
    """Without the mark at its end."""
    return text.rstrip(" ?.!")


def _low(text: str) -> str:
    """As it stands in the middle of a sentence."""
    return text if _KEEPS_CAPITAL.match(text) else text[:1].lower() + text[1:]


def _asked(parts: Sequence[str]) -> str:
    return " ".join(f"{bare(part)}?" for part in parts)


def _then(parts: Sequence[str]) -> str:
    return f"First, {_low(bare(parts[0]))}? " + " ".join(f"Then, {_low(bare(part))}?" for part in parts[1:])


def _also(parts: Sequence[str]) -> str:
    return f"{bare(parts[0])}? " + " ".join(f"Also, {_low(bare(part))}?" for part in parts[1:])


def _lettered(parts: Sequence[str]) -> str:
    return " ".join(f"({letter}) {bare(part)}?" for letter, part in zip("abcd", parts, strict=False))


def _numbered(parts: Sequence[str], mark: str = ".") -> str:
    return "\n".join(f"{number}{mark} {part}" for number, part in enumerate(parts, 1))


WAYS: dict[str, Callable[[Sequence[str]], str]] = {
    "one after another": _asked,
    "also": _also,
    "semicolons": lambda parts: "; ".join(map(bare, parts)),
    "numbered": _numbered,
    "announced and numbered": lambda parts: f"Answer these questions:\n{_numbered(parts, ')')}",
    "bulleted": lambda parts: "\n".join(f"- {part}" for part in parts),
    "lettered in one line": _lettered,
    "and": lambda parts: " and ".join(_low(bare(part)) for part in parts),
    "comma and": lambda parts: f"{', and '.join(_low(bare(part)) for part in parts)}?",
    "lines": "\n".join,
    "first, then": _then,
    "another question": lambda parts: f"{'? Another question: '.join(map(bare, parts))}?",
    "greeting and thanks": lambda parts: f"Hi, I have a few questions. {_asked(parts)} Thanks!",
    "with a language": lambda parts: f"{_asked(parts)} Please answer in French.",
}
