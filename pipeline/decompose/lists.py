"""Numbered, lettered and bulleted lists in a prompt: what stands before them, their items, what stands behind."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_MARK = re.compile(
    r"^[ \t]*(?P<mark>\(?(?:\d{1,2}|[a-hA-H])\)|\d{1,2}\s?[.):-](?!\d)|[a-hA-H]\.|[-*•‣◦·–](?=\s)|"
    r"(?:q|question)\s*\d{1,2}\s*[:.)-])[ \t]*(?=\S)",
    _I | re.MULTILINE,
)
_INLINE = re.compile(r"(?:^|(?<=[\s:;,?.]))(?P<mark>\(?(?P<number>\d{1,2}|[a-h])(?:\)|\.)(?=\s))\s+", _I)
_SHORT_LINE = re.compile(r"[^\n?.!:]{2,60}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")


class Item(NamedTuple):
    mark: str
    text: Piece


class Listing(NamedTuple):
    """A list in a text."""

    lead: Piece
    items: tuple[Item, ...]
    trail: Piece


def find(text: Piece) -> Listing | None:
    """The list of a text; None when it has none of two items or more."""
    marks = list(_MARK.finditer(text.masked))
    if len(marks) >= 2 and _alike(marks):
        return _cut(text, marks, lines=True)
    inline = _ascending(list(_INLINE.finditer(text.masked)))
    if len(inline) >= 2:
        return _cut(text, inline, lines=False)
    return None


def plain_lines(text: Piece) -> Listing | None:
    """Short lines without marks below a line that announces them: "What do these mean?" and RAM, CPU, GPU."""
    head, _, rest = text.masked.partition("\n")
    lines = [line for line in rest.split("\n") if line.strip()]
    if len(lines) < 2 or not all(_SHORT_LINE.fullmatch(line.strip()) for line in lines):
        return None
    items, at = [], len(head) + 1
    for line in rest.split("\n"):
        if line.strip():
            items.append(Item("", text.cut(at, at + len(line))))
        at += len(line) + 1
    return Listing(text.cut(0, len(head)), tuple(items), text.cut(0, 0))


def in_a_row(text: Piece) -> Listing | None:
    """Things with commas between them behind a colon or a question mark: "define: osmosis, diffusion"."""
    match = re.search(r"[:?]\s+(?P<row>[^:?.!\n]{3,200})[.!]?\s*$", text.masked)
    if not match:
        return None
    items, at = [], match.start("row")
    for separator in [*re.finditer(r"\s*,\s*(?:and\s+|or\s+)?|\s+and\s+", match["row"]), None]:
        end = match.start("row") + separator.start() if separator else match.end("row")
        items.append(Item("", text.cut(at, end)))
        at = match.start("row") + separator.end() if separator else end
    if len(items) < 2 or not all(item.text.raw and len(item.text.raw.split()) <= 4 for item in items):
        return None
    return Listing(text.cut(0, match.start() + 1), tuple(items), text.cut(0, 0))


def _alike(marks: list[re.Match[str]]) -> bool:
    """Whether the marks are of one kind and, if they count, count up."""
    kinds = {re.sub(r"\d+", "1", re.sub(r"[a-h](?=[.)])", "a", match["mark"].lower())).replace(" ", "") for match in marks}
    numbers = [int(found.group()) for match in marks if (found := re.search(r"\d+", match["mark"]))]
    return len(kinds) == 1 and numbers == list(range(numbers[0] if numbers else 0, (numbers[0] if numbers else 0) + len(numbers)))


def _ascending(marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """Those that count 1, 2, 3 or a, b, c."""
    found: list[re.Match[str]] = []
    for match in marks:
        expected = str(len(found) + 1), "abcdefgh"[min(len(found), 7)]
        styles = [one for one in expected if one == match["number"].lower()]
        if styles and (not found or found[0]["number"].isdecimal() == match["number"].isdecimal()):
            found.append(match)
    return found


def _cut(text: Piece, marks: list[re.Match[str]], *, lines: bool) -> Listing:
    items = []
    end = len(text.masked)
    if lines:  # what follows an empty line behind the last item is no part of it
        gap = _PARAGRAPH.search(text.masked, marks[-1].end())
        end = gap.start() if gap else end
    for match, following in zip(marks, [*marks[1:], None], strict=True):
        items.append(Item(match["mark"].strip(), text.cut(match.end(), following.start() if following else end)))
    return Listing(text.cut(0, marks[0].start()), tuple(items), text.cut(end))
