"""The accounts of one optimisation: each text counted once, savings by tier, a note for each segment."""

from __future__ import annotations

from collections import Counter

from pipeline.optimise.results import Count, Note, Tier
from pipeline.optimise.segments import Name


class Ledger:
    def __init__(self, count: Count) -> None:
        self._count = count
        self._counted: dict[str, int] = {}
        self.saved: Counter[Tier] = Counter()
        self.notes: list[Note] = []
        self.before = 0
        self.after = 0

    def tokens(self, text: str) -> int:
        """The tokens of a text. Counting is the costly part of it all, so no text is counted twice."""
        found = self._counted.get(text)
        if found is None:
            found = self._counted[text] = self._count(text)
        return found

    def open(self, where: str, name: Name) -> Entry:
        return Entry(self, where, name)


class Entry:
    """What happens to one segment."""

    def __init__(self, ledger: Ledger, where: str, name: Name) -> None:
        self._ledger = ledger
        self._where = where
        self._name = name
        self._saved: Counter[Tier] = Counter()
        self._reasons: list[str] = []

    def why(self, *reasons: str) -> None:
        """Why something was left as it is."""
        self._reasons += reasons

    def accepted(self, tier: Tier, before: str, after: str) -> str:
        """`after` if it has fewer tokens, else `before`: not every text that is shorter has."""
        if before == after:
            return before
        saved = self._ledger.tokens(before) - self._ledger.tokens(after)
        if saved <= 0:
            self.why("no_saving")
            return before
        self._saved[tier] += saved
        return after

    def undo(self, reason: str) -> None:
        """Nothing was done after all."""
        self._saved.clear()
        self.why(reason)

    def close(self, before: str, after: str) -> str:
        """Enter the segment, as it came and as it goes on."""
        self._ledger.before += self._ledger.tokens(before)
        self._ledger.after += self._ledger.tokens(after)
        self._ledger.saved.update(self._saved)
        self._ledger.notes.append(Note(self._where, self._name, tuple(self._saved), tuple(dict.fromkeys(self._reasons))))
        return after
