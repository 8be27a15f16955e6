"""White space and invisible characters that say nothing: at the ends of lines, between words, in rows of blank lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from pipeline.optimise.protected import Span, apart, quoted

WIDEST = 4  # spaces; a wider gap has been put there on purpose
LEAST_WORDS = 6  # in a line that is prose
Edit = tuple[Span, str]  # where, and what comes there
_RETURN = re.compile(r"\r[ \t\r]*+\n")
_TRAILING = re.compile(r"(?<![ \t])[ \t]++(?=\n)")
_HARD_BREAK = re.compile(r"(?<=\S)  \n(?=\S)")
_BLANKS = re.compile(r"\n(?:[ \t]*\n){2,}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_GAP = re.compile(r"(?<=\S)(?<![.!?:;,\"”’)]) {2,}(?=\S)")
_SENTENCE_GAP = re.compile(rf"(?<=[.!?:;,\"”’)]) {{2,{WIDEST}}}(?=[A-Za-z\"“‘(])")
_NARROW = re.compile(rf"(?<=[\w.,;:!?)\"”’]) {{2,{WIDEST}}}(?=[\w(\"“‘])")
_INDENTED = re.compile(r" {4}|\t")
# Between Latin letters these show nothing. In other scripts, and between emoji, some of them do.
_INVISIBLE = re.compile("(?<=[\\x09-\\x7e\u00a1-\u024f])[\u200b\u2060\ufeff\u00ad]+(?=[\\x09-\\x7e\u00a1-\u024f]|\\Z)|\\A\ufeff")
_NO_BREAK = re.compile("(?<=[A-Za-z0-9.,;])\u00a0(?=[A-Za-z0-9])")
_ACCENTED = re.compile("[A-Za-z\u0370-\u03ff\u0400-\u04ff][\u0300-\u036f]{1,4}(?![\u0300-\u036f])")


def spaced(text: str) -> str:
    """The text without trailing white space and with single blank lines; two spaces that break a line in Markdown stay."""
    if "\r" in text:
        text = _RETURN.sub("\n", text)
    if " \n" in text or "\t\n" in text:
        breaks = {match.start() for match in _HARD_BREAK.finditer(text)}
        text = _TRAILING.sub(lambda match: match[0] if match.start() in breaks else "", text)
    return _BLANKS.sub("\n\n", text)


def joined(text: str) -> str:
    """Single spaces between the words of prose. Quotes stay, and lines that are aligned with one beside them, as in a table."""
    return _edited(text, _wide_gaps(text)) if "  " in text else text


def visible(text: str) -> str:
    """The text without characters that do not show, and with accents in the usual form (NFC), where both look the same."""
    if text.isascii():
        return text
    text = _edited(text, [(match.span(), "") for match in _INVISIBLE.finditer(text)])
    text = _edited(text, [(match.span(), " ") for match in _NO_BREAK.finditer(text)])
    return _edited(text, [(match.span(), _composed(match[0])) for match in _ACCENTED.finditer(text)])


def _wide_gaps(text: str) -> list[Edit]:
    lines = text.split("\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=0)
    wide = [_GAP.search(line) is not None for line in lines]
    found: list[Edit] = []
    for place, (line, start) in enumerate(zip(lines, starts, strict=False)):
        if "  " in line and not _INDENTED.match(line) and "|" not in line and "\t" not in line:
            found += [((start + left, start + right), " ") for left, right in sorted(_gaps(lines, wide, place))]
    return found


def _gaps(lines: Sequence[str], wide: Sequence[bool], place: int) -> set[Span]:
    """The gaps of one line that are to be single spaces."""
    line = lines[place]
    found = {match.span() for match in _SENTENCE_GAP.finditer(line)}
    aligned = any(wide[beside] for beside in (place - 1, place + 1) if 0 <= beside < len(lines))
    if wide[place] and not aligned and len(line.split()) >= LEAST_WORDS:
        found |= {match.span() for match in _NARROW.finditer(line)}
    return found


def _edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that are in order, but for those in quotes and code."""
    edits = list(edits)
    if not edits:
        return text
    parts: list[str] = []
    place = 0
    for (start, end), instead in apart(edits, list(_quotes(text))):
        parts += [text[place:start], instead]
        place = end
    return "".join([*parts, text[place:]])


def _quotes(text: str) -> Iterator[Span]:
    """Quotes in all paragraphs, in order."""
    start = 0
    for end in [*(match.start() for match in _PARAGRAPH.finditer(text)), len(text)]:
        yield from ((start + left, start + right) for left, right in quoted(text[start:end]))
        start = end


def _composed(cluster: str) -> str:
    found = unicodedata.normalize("NFC", cluster)
    return found if len(found) < len(cluster) else cluster
