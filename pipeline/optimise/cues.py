"""Cues: words that say what a text is about. They are looked for only where a word begins as one of them does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from pipeline.optimise.english import lowered

HEAD = 4  # letters by which a word is looked up
_WORD = re.compile(r"(?<![a-z])[a-z]{1,4}")


class Cue(NamedTuple):
    """A pattern over a text in lower case, which begins with a word. `heads`: the first letters that this word may have."""

    heads: frozenset[str]
    pattern: re.Pattern[str]

    def search(self, text: str) -> re.Match[str] | None:
        """Where it stands first. Costs next to nothing where none of its words does."""
        places = heads(text)
        low = lowered(text)
        starts = sorted(place for head in self.heads & places.keys() for place in places[head])
        return next((match for start in starts if (match := self.pattern.match(low, start))), None)


@lru_cache(maxsize=8)
def heads(text: str) -> Mapping[str, Sequence[int]]:
    """Where words stand, by their first letters. Several cues are looked for in one text, one after another."""
    found: dict[str, list[int]] = {}
    for word in _WORD.finditer(lowered(text)):
        found.setdefault(word[0], []).append(word.start())
    return found
