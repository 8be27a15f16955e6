"""Spans of a text that no rule may touch, and how the rest is edited around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

Span = tuple[int, int]  # start and end, as of a slice

_FENCE = re.compile(r"^[ \t]*(?P<own>`{3,}|~{3,})[ \t]*(?P<language>[^\n`]*)$|(?P<inner>`{3,})", re.MULTILINE)
_MARK = re.compile("[\"“„«「‘`']")
_QUOTES = re.compile(
    r"(`{1,2})(?!`)[^`\n]++\1(?!`)"
    r'|"[^"]*+"'
    r"|“[^“”]*+”|„[^“”„]*+[“”]|«[^«»]*+»|「[^「」]*+」"
    r"|‘(?:[^‘’]|’(?=\w))*+’"
    r"|(?<![\w'’])'(?=\S)(?:[^'\n]|'(?=\w))*+'(?!\w)"
    r"|(?P<open>[\"“„«「‘]|(?<![\w'’])'(?=\w))"
)


class Fence(msgspec.Struct, frozen=True):
    """A fenced block of code: all of it, what is inside, and the language that it names, in lower case."""

    whole: Span
    inside: Span
    language: str


def fences(text: str) -> list[Fence]:
    """The fenced blocks of a text. One that is never closed goes on to the end (CommonMark 0.31, section 4.5).

    People also open a fence behind words in a line; that one ends wherever the next fence is.
    """
    found: list[Fence] = []
    if "```" not in text and "~~~" not in text:
        return found
    opening: re.Match[str] | None = None
    for mark in _FENCE.finditer(text):
        if opening is None:
            opening = mark
        elif _closes(opening, mark):
            found.append(_fence(opening, mark.start(), mark.end()))
            opening = None
    if opening is not None:
        found.append(_fence(opening, len(text), len(text)))
    return found


def _closes(opening: re.Match[str], mark: re.Match[str]) -> bool:
    if opening["inner"]:
        return not (mark["own"] or "").startswith("~")
    return bool(mark["own"]) and mark["own"].startswith(opening["own"]) and not mark["language"].strip()


def _fence(opening: re.Match[str], close: int, end: int) -> Fence:
    begin = opening.end() if opening["inner"] else min(opening.end() + 1, close)
    return Fence((opening.start(), end), (begin, close), (opening["language"] or "").strip().lower())


def quoted(text: str) -> list[Span]:
    """Quotes and code in a line, in one paragraph. From a quotation mark that is never closed, everything is quoted."""
    found: list[Span] = []
    if not _MARK.search(text):
        return found
    for match in _QUOTES.finditer(text):
        if match["open"]:
            return [*found, (match.start(), len(text))]
        found.append(match.span())
    return found


def overlaps(span: Span, others: Iterable[Span]) -> bool:
    """Whether a span shares a character with one of the others."""
    return any(span[0] < end and start < span[1] for start, end in others)


def apart(edits: Iterable[tuple[Span, str]], kept: Sequence[Span]) -> Iterator[tuple[Span, str]]:
    """Those of the edits that touch none of the kept spans. Both are in order."""
    place = 0
    for span, instead in edits:
        while place < len(kept) and kept[place][1] <= span[0]:
            place += 1
        if place == len(kept) or kept[place][0] >= span[1]:
            yield span, instead


def between(text: str, kept: Iterable[Span], edit: Callable[[str], str]) -> str:
    """The text with `edit` applied to what stands between the kept spans, which are in order and apart."""
    parts: list[str] = []
    place = 0
    for start, end in kept:
        parts += [edit(text[place:start]), text[start:end]]
        place = end
    parts.append(edit(text[place:]))
    return "".join(parts)
