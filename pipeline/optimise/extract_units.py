"""The parts that a long text is made of, each of which is kept or left out as a whole.

Sentences of prose, turns of a conversation, items of a list, rows of a table, blocks of code. The parts are slices that
together are the text, so what is kept is kept to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec

from pipeline.optimise.extract_sentences import sentences
from pipeline.optimise.extract_speech import TURN, is_transcript

Kind = Literal["text", "turn", "item", "row", "code", "head"]
BLANK_GAP = 800  # bytes that an empty line counts as: what comes after it may be about something else
HEAD_GAP = 1_600  # the same for a heading
LONG_TURN = 600  # bytes; a longer one is several parts
NO_HEAD = -1
DEEPEST = 9  # level of a heading without one

FEWEST_ROWS, FEWEST_MARKS = 4, 2  # lines of a table without marks, and separators in each

_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]")
_TITLE = re.compile(
    r"\s*(?:\*\*|__)[^*_\n]{1,120}(?:\*\*|__):?\s*$|[^\n]{1,80}:\s*$"
    r"|\s*[\[(<]?(?:document|doc|source|passage|context|chunk|section|chapter|file|title|page|result|excerpt)\b[^\n]{0,120}$",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s*(?:[-*+•‣]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+\S")
_CODE = re.compile(r"(?: {4}|\t)\s*\S|\s*[{}\[\]<]")


class Unit(msgspec.Struct, frozen=True):
    """`text[start:end]`. `head` is the number of the part that must stand above it, `gap` what lies before it, in bytes.

    Only neighbours of one `block` belong together.
    """

    start: int
    end: int
    kind: Kind
    block: int
    gap: int = 0
    head: int = NO_HEAD
    speaker: str = ""


class _Line(NamedTuple):
    start: int
    end: int
    text: str


def split(text: str) -> list[Unit]:
    """The parts of a text, in its order, with nothing between them."""
    lines = list(_lines(text))
    return _Splitter(text, lines, spoken=is_transcript([line.text for line in lines])).units()


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield _Line(at, at + len(line), line)
        at += len(line)


class _Splitter:
    def __init__(self, text: str, lines: list[_Line], *, spoken: bool) -> None:
        self._text = text
        self._lines = lines
        self._spoken = spoken
        self._units: list[Unit] = []
        self._heads: list[tuple[int, int]] = []  # the headings that hold here: (level, number)
        self._block = 0
        self._gap = 0

    def units(self) -> list[Unit]:
        at = 0
        while at < len(self._lines):
            at = self._take(at)
        return self._units

    def _take(self, at: int) -> int:
        """Make parts of the lines from `at` on. The line after them."""
        line = self._lines[at]
        if not line.text.strip():
            return self._blank(line, at)
        if fence := _FENCE.match(line.text):
            return self._code(at, self._fenced(at, fence[1]))
        if self._row(at) and not self._spoken:
            return self._table(at)
        if _CODE.match(line.text) and not self._spoken:
            return self._code(at, self._run(at, lambda text: bool(_CODE.match(text))))
        return at + 1 if self._single(line, at) else self._paragraph(at)

    def _single(self, line: _Line, at: int) -> bool:
        """Make a part of this line, if it is one for itself."""
        if self._spoken and (named := TURN.match(line.text)):
            self._turn(line, named["speaker"], line.start + named.end())
        elif level := self._level(line, at):
            self._heading(line, level)
        elif _ITEM.match(line.text):
            self._add(line.start, line.end, "item", self._head)
        else:
            return False
        return True

    @property
    def _head(self) -> int:
        return self._heads[-1][1] if self._heads else NO_HEAD

    def _add(self, start: int, end: int, kind: Kind, head: int, speaker: str = "") -> int:
        self._units.append(Unit(start, end, kind, self._block, self._gap, head, speaker))
        self._gap = 0
        return len(self._units) - 1

    def _blank(self, line: _Line, at: int) -> int:
        """Empty lines belong to what stands before them."""
        if not self._units:
            self._add(line.start, line.end, "text", NO_HEAD)
            return at + 1
        last = self._units[-1]
        self._units[-1] = msgspec.structs.replace(last, end=line.end)
        if not self._spoken and not self._gap and last.kind != "head":
            self._gap, self._block = BLANK_GAP, self._block + 1
        return at + 1

    def _level(self, line: _Line, at: int) -> int:
        if heading := _HEADING.match(line.text):
            return len(heading[1])
        return DEEPEST if _TITLE.match(line.text) and at + 1 < len(self._lines) else 0

    def _heading(self, line: _Line, level: int) -> None:
        while self._heads and self._heads[-1][0] >= level:
            self._heads.pop()
        self._gap, self._block = HEAD_GAP, self._block + 1
        self._heads.append((level, self._add(line.start, line.end, "head", self._head)))

    def _turn(self, line: _Line, speaker: str, begin: int) -> None:
        """`begin` is where the speaker's words begin."""
        if len(line.text) <= LONG_TURN:
            self._add(line.start, line.end, "turn", self._head, speaker)
            return
        name = self._add(line.start, begin, "head", self._head, speaker)
        for start, end in sentences(self._text, begin, line.end):
            self._add(start, end, "turn", name, speaker)

    def _row(self, at: int) -> bool:
        """Whether a table begins here: of Markdown, or with columns by a separator, as many in each of its first lines."""
        rows = [line.text for line in self._lines[at : at + FEWEST_ROWS]]
        if rows[0].lstrip().startswith("|"):
            return True
        return len(rows) == FEWEST_ROWS and any(
            rows[0].count(mark) >= FEWEST_MARKS and len({row.count(mark) for row in rows}) == 1 for mark in "\t;,|"
        )

    def _table(self, at: int) -> int:
        """The first row says what the columns are; in Markdown a second one belongs to it."""
        marked = self._lines[at].text.lstrip().startswith("|")
        end = self._run(at, lambda text: text.lstrip().startswith("|") if marked else bool(text.strip()))
        first = min(at + 1 + marked, end)
        titles = self._add(self._lines[at].start, self._lines[first - 1].end, "head", self._head)
        for line in self._lines[first:end]:
            self._add(line.start, line.end, "row", titles)
        return end

    def _code(self, at: int, end: int) -> int:
        self._add(self._lines[at].start, self._lines[end - 1].end, "code", self._head)
        return end

    def _fenced(self, at: int, fence: str) -> int:
        ends = (n for n in range(at + 1, len(self._lines)) if self._lines[n].text.strip() == fence)
        return next(ends, len(self._lines) - 1) + 1

    def _paragraph(self, at: int) -> int:
        end = self._run(at, self._goes_on)
        for start, stop in sentences(self._text, self._lines[at].start, self._lines[end - 1].end):
            self._add(start, stop, "text", self._head)
        return end

    def _goes_on(self, text: str) -> bool:
        special = _FENCE.match(text) or _HEADING.match(text) or _ITEM.match(text) or text.lstrip().startswith("|")
        return bool(text.strip()) and not special and not (self._spoken and TURN.match(text))

    def _run(self, at: int, belongs: Callable[[str], bool]) -> int:
        end = at + 1
        while end < len(self._lines) and belongs(self._lines[end].text):
            end += 1
        return end
