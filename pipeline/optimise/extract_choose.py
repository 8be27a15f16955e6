"""Which parts of a text are kept, within a budget: the best ones, with what they need beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.optimise.extract_units import NO_HEAD, Unit

NEIGHBOURS = 1  # of a kept part that are kept with it
BINDING = 2  # so far from a kept part, what limits or measures something is kept with it
BRIDGED = 120  # bytes: a gap that is smaller saves less than it breaks
SHINGLE = 4  # words in a row
FEWEST_WORDS = 8  # of a part that can be a repetition

_WORD = re.compile(r"\w+")
# Numbers, negation, and what one must, may or must not: without them a rule becomes another rule.
_BINDING = re.compile(
    r"\d|n['’]t\b|\b(?:not|no|never|none|nothing|neither|nor|without|except|unless|only|cannot|must|shall|should|may not|"
    r"required?|mandatory|forbidden|prohibited|at least|at most|more than|less than|no later|until|unlike|however)\b"
    r"|\b(?:nicht|kein\w*|nie|muss|darf|ohne|nur|ne|pas|jamais|sans|doit|sauf|non|mai|senza|deve|nunca|sin|debe|solo|salvo|não|"
    r"sem|niet|geen|nooit|zonder|moet)\b|[不未无無没沒]|必須|必须|ない|не\b|нет|нельзя|没有|않|없|안 ",
    re.IGNORECASE,
)


class Chooser:
    """Chooses among parts of one text. `sizes` are in bytes."""

    def __init__(self, text: str, units: Sequence[Unit], sizes: Sequence[int]) -> None:
        self._units = units
        self._sizes = sizes
        self._shingles = [_shingles(text[unit.start : unit.end]) for unit in units]
        self._binding = [bool(_BINDING.search(text, unit.start, unit.end)) for unit in units]
        self._kept = [False] * len(units)
        self._seen: set[int] = set()
        self._used = 0

    def choose(self, scores: Sequence[float], always: Sequence[int], budget: float) -> list[bool]:
        """Which parts are kept. The budget, in bytes, is passed by one part at most, and by bridged gaps."""
        for number in always:
            self._keep(self._needed_by(number))
        order = sorted(range(len(scores)), key=lambda number: (-scores[number], number))
        postponed = [number for number in order if not self._try(number, budget, fresh=True)]
        for number in postponed:
            self._try(number, budget, fresh=False)
        self._bridge()
        return self._kept

    def _try(self, number: int, budget: float, *, fresh: bool) -> bool:
        """Keep this part if there is room for it. False when it may come again later, because it only repeats others."""
        if fresh and self._repeats(number):
            return False
        needed = self._needed_by(number)
        cost = sum(self._sizes[one] for one in needed)
        # The best parts are kept whatever they need: half a budget unused would be worse.
        if self._used + cost <= budget or self._used < budget / 2:
            self._keep(needed)
        return True

    def _keep(self, numbers: set[int]) -> None:
        for number in numbers:
            self._kept[number] = True
            self._used += self._sizes[number]
            self._seen |= self._shingles[number]

    def _needed_by(self, number: int) -> set[int]:
        """This part and what it needs, as far as it is not kept yet."""
        block = self._units[number].block
        near = range(max(0, number - BINDING), min(len(self._units), number + BINDING + 1))
        beside = {one for one in near if abs(one - number) <= NEIGHBOURS or self._binding[one]}
        together = {number, *(one for one in beside if self._units[one].block == block and not self._repeats(one))}
        return {one for part in together for one in self._with_heads(part) if not self._kept[one]}

    def _with_heads(self, number: int) -> Iterator[int]:
        while number != NO_HEAD:
            yield number
            number = self._units[number].head

    def _repeats(self, number: int) -> bool:
        """Maximal marginal relevance (Carbonell and Goldstein, 1998), as yes or no: what says nothing new waits.

        One other word is something new: it may be a number, or "not".
        """
        return bool(self._shingles[number]) and self._shingles[number] <= self._seen

    def _bridge(self) -> None:
        """Keep short gaps between kept parts of one block."""
        last = NO_HEAD
        for number, kept in enumerate(self._kept):
            if not kept:
                continue
            between = range(last + 1, number)
            same = last != NO_HEAD and self._units[last].block == self._units[number].block
            if between and same and sum(self._sizes[one] for one in between) <= BRIDGED:
                self._keep(set(between))
            last = number


def _shingles(piece: str) -> frozenset[int]:
    """All its words, four by four; none where there are too few to be sure of anything."""
    words = _WORD.findall(piece.lower())
    if len(words) < FEWEST_WORDS:
        return frozenset()
    return frozenset(hash(tuple(words[at : at + SHINGLE])) for at in range(len(words) - SHINGLE + 1))
