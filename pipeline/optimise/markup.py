"""XML inside a text: found, checked to be well-formed, and written without the white space that only indents it.

White space goes only between two tags, where it holds a line break and the element around it holds nothing but elements:
there XML has it only for the eye. HTML keeps one line break there, since inline elements would run together without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.optimise.protected import Span

LEAST_GAPS = 6  # below this the tags are marks in a prompt rather than data
MOST_FAILURES = 32
_START = re.compile(r"^[ \t]*(?=<(?:\?xml\b|[A-Za-z_]))", re.MULTILINE)
_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]*+)((?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+)>|<\?[^<>]*+\?>|<!--(?:[^<>-]|-(?!-))*+-->")
_KEPT = frozenset({"pre", "textarea", "script", "style", "code", "xsl:text"})
_HTML = frozenset(
    {"html", "head", "body", "div", "span", "p", "ul", "ol", "li", "table", "tr", "td", "form", "section", "nav", "a", "button"}
)

Gap = tuple[int, int]


def compacted(text: str) -> Iterator[tuple[Span, str]]:
    """Where documents are, in order, and how they read without indentation: what has none stays as it is. One with little is
    rather a text with marks in it, and is left out.
    """
    place, failures = 0, 0
    while failures < MOST_FAILURES and (opening := _START.search(text, place)):
        reader = _Document(text, opening.end())
        end = reader.read()
        if end is None:
            failures += 1
            place = text.find("\n", opening.end()) + 1 or len(text)
            continue
        gaps = reader.gaps()
        if not gaps or len(gaps) >= LEAST_GAPS:
            yield (opening.end(), end), _without(text, opening.end(), end, gaps, "\n" if reader.html else "")
        place = end


def _without(text: str, start: int, end: int, gaps: list[Gap], instead: str) -> str:
    parts: list[str] = []
    for left, right in gaps:
        parts += [text[start:left], instead]
        start = right
    return "".join([*parts, text[start:end]])


class _Element:
    """An element that is open: what it is called, the gaps between the tags in it, and whether these may go."""

    def __init__(self, name: str, kept: bool) -> None:
        self.name = name
        self.kept = kept
        self.children = 0
        self.gaps: list[Gap] = []


class _Document:
    """Reads one element with all that is in it."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._place = start
        self._open: list[_Element] = []
        self._gaps: list[Gap] = []
        self.html = False

    def read(self) -> int | None:
        """Where the root element ends. None: what is here is not well-formed."""
        while tag := _TAG.match(self._text, self._place):
            self._place = tag.end()
            if tag[2] is not None and not self._take(tag):
                return None
            if tag[2] is not None and not self._open:
                return self._place
            if not self._content():
                return None
        return None

    def gaps(self) -> list[Gap]:
        return sorted(self._gaps)

    def _take(self, tag: re.Match[str]) -> bool:
        name, closes = tag[2], bool(tag[1])
        self.html = self.html or name.lower() in _HTML
        if closes:
            return self._close(name)
        if self._open:
            self._open[-1].children += 1
        if not tag[3].endswith("/"):
            kept = (bool(self._open) and self._open[-1].kept) or name.lower() in _KEPT or "preserve" in tag[3]
            self._open.append(_Element(name, kept))
        return True

    def _close(self, name: str) -> bool:
        if not self._open or self._open[-1].name != name:
            return False
        element = self._open.pop()
        if element.children and not element.kept:
            self._gaps += element.gaps
        return True

    def _content(self) -> bool:
        """Take what stands before the next tag. False: there is none."""
        following = self._text.find("<", self._place)
        if following < 0:
            return False
        between = self._text[self._place : following]
        if self._open and between:
            if between.isspace():
                if "\n" in between:
                    self._open[-1].gaps.append((self._place, following))
            else:
                self._open[-1].kept = True
        self._place = following
        return True
