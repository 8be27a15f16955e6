"""Which texts have one answer: the connected components of the pairs that are labelled as the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


class Classes:
    """Union-find over texts."""

    def __init__(self, pairs: Iterable[tuple[str, str, bool]]) -> None:
        self._parents: dict[str, str] = {}
        for one, other, same in pairs:
            first, second = self.of(one), self.of(other)
            if same:
                self._parents[first] = second

    def of(self, text: str) -> str:
        """The text that stands for this one's class; one that was never seen is a class by itself."""
        root = self._parents.setdefault(text, text)
        while self._parents[root] != root:
            root = self._parents[root]
        while self._parents[text] != root:
            self._parents[text], text = root, self._parents[text]
        return root

    def groups(self) -> list[list[str]]:
        """The texts of each class, in the order in which they were first seen."""
        found: dict[str, list[str]] = defaultdict(list)
        for text in self._parents:
            found[self.of(text)].append(text)
        return list(found.values())
