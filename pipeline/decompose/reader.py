"""Reads the answers to several questions out of one completion while it streams.

Made for what `together.ask` asks for, and forgiving: an array instead of lines, code fences, prose around, any order, other keys
beside, and the faults that `mending` knows. The first answer of an id counts; an empty one, a cut-off one and one nobody asked
for do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.decompose import mending

MOST_CHARACTERS = 1_000_000  # of a completion; what comes after is not read
_MOST_TRIES = 500  # to read one object, each at a brace which may be its end
_SMALL = 2_000  # characters, in which an answer that is no string has to end

# The beginning of an object, up to the first character of its first value.
_OPENING = re.compile(r'\{\s{0,99}"(?P<key>[^"\\\n]{1,40})"\s{0,9}:\s{0,9}(?P<value>\S)')
_MAY_OPEN = re.compile(r'\{\s{0,99}(?:"[^"\\\n]{0,40}(?:"\s{0,9}(?::\s{0,9})?)?)?')


class Reader:
    """Gives each answer as soon as it is whole. Any text is safe, and however it is cut into chunks, the answers are the same."""

    def __init__(self, asked: Iterable[int]) -> None:
        self._asked = frozenset(asked)
        self._found: set[int] = set()
        self._text = ""
        self._start = -1  # of the object that is being read
        self._at = 0  # what is before is read
        self._tries = 0

    @property
    def missing(self) -> tuple[int, ...]:
        """What was asked and has no answer so far."""
        return tuple(sorted(self._asked - self._found))

    def feed(self, chunk: str) -> list[tuple[int, str]]:
        """The answers which this chunk completes, as (number, text)."""
        self._text += chunk[: max(0, MOST_CHARACTERS - len(self._text))]
        return self._read(last=False)

    def close(self) -> list[tuple[int, str]]:
        """The answers which are whole now that nothing more comes."""
        return self._read(last=True)

    def _read(self, *, last: bool) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        while self._opens(last=last):
            end = self._text.find("}", self._at)
            if end >= 0:
                self._at = end + 1
                self._try(end, found)
            elif last:
                self._give_up(found)
            else:
                break
        return found

    def _opens(self, *, last: bool) -> bool:
        """Whether an object is being read, looking for the next one if not."""
        while self._start < 0:
            start = self._text.find("{", self._at)
            if start < 0:
                self._at = len(self._text)
                return False
            match = _OPENING.match(self._text, start)
            if not match and not last and _MAY_OPEN.fullmatch(self._text, start):
                self._at = start
                return False  # cut off in the middle
            self._at = start + 1
            # What wraps the answers is opened, and they are read one by one.
            if match and (match["value"] not in "[{" or match["key"] in mending.ANSWERS):
                self._start, self._tries = start, 0
        return True

    def _try(self, end: int, found: list[tuple[int, str]]) -> None:
        """Read the object, if this brace ends it."""
        if not self._may_end(end):
            return
        self._tries += 1
        text = self._text[self._start : end + 1]
        said = mending.whole(text)
        if said is None:
            another = mending.ANOTHER.search(self._text, self._start + 1, end)
            if another:  # the one before was never ended
                self._start, self._at, self._tries = another.start(), another.start() + 1, 0
                return
            said = mending.mended(text, last=False)
        if said is not None:
            self._start = -1
            self._take(said, found)

    def _may_end(self, end: int) -> bool:
        """Whether the brace can be the end: not inside a string, as far as that is seen at once."""
        before = self._text[max(self._start, end - 40) : end].rstrip()
        if self._tries > _MOST_TRIES or not before:
            return False
        if before[-1] != '"':
            return end - self._start < _SMALL or before[-1].isdecimal()
        slashes = len(before) - 1 - len(before[:-1].rstrip("\\"))
        return slashes % 2 == 0

    def _give_up(self, found: list[tuple[int, str]]) -> None:
        """The object has no end: read what there is of it, and go on with what begins inside."""
        another = mending.ANOTHER.search(self._text, self._start + 1)
        brace = self._text.rfind("}", self._start, another.start() if another else len(self._text))
        self._take(mending.mended(self._text[self._start : brace + 1], last=True) or [] if brace > 0 else [], found)
        self._start, self._at = (another.start(), another.start() + 1) if another else (-1, len(self._text))
        self._tries = 0

    def _take(self, said: list[tuple[int, str]], found: list[tuple[int, str]]) -> None:
        for number, answer in said:
            if number in self._asked - self._found and answer.strip():
                self._found.add(number)
                found.append((number, answer))
