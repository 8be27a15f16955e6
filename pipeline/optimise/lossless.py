"""Tier T0: the same text with fewer tokens. Nothing that is said changes, and nothing whose form may matter.

JSON and XML lose the white space between their tokens, other text loses white space at the ends of lines and between
words, and characters that do not show. Code stays as it is, and so does everything where layout or characters are the subject.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.optimise import jsontext, markup, subject
from pipeline.optimise.protected import Fence, Span, between, fences
from pipeline.optimise.spacing import joined, spaced, visible

Block = tuple[Span, str]  # where it stands, and what it becomes
_DATA = frozenset({"json", "jsonc", "json5", "geojson", "jsonl", "ndjson", ""})


def lossless(text: str, question: str = "") -> str:
    """A user's or a tool's text. `question` is what a tool was asked for: it may say that the layout matters."""
    blocks = list(_blocks(text))
    said = _said(text, blocks)
    if subject.layout(said) or (question and subject.layout(question)):
        return text
    keep_characters = subject.characters(said)
    parts: list[str] = []
    place = 0
    for (start, end), instead in blocks:
        shown = text[start:end] if subject.sample(text[max(0, start - subject.LEAD) : start]) else instead
        parts += [_plain(text[place:start], keep_characters), shown]
        place = end
    return "".join([*parts, _plain(text[place:], keep_characters)]).lstrip("\n").rstrip(" \t\n")


def tidied(text: str) -> str:
    """A system prompt: only white space at the ends of lines and rows of blank lines go, since its samples show a form."""
    if subject.layout(text):
        return text
    return between(text, [block.whole for block in fences(text)], spaced).rstrip()


def _said(text: str, blocks: list[Block]) -> str:
    """The text without its blocks: what is said about them."""
    parts: list[str] = []
    place = 0
    for (start, end), _ in blocks:
        parts.append(text[place:start])
        place = end
    return "\n".join([*parts, text[place:]])


def _blocks(text: str) -> Iterator[Block]:
    """Fenced code and documents, in order, each with what it becomes."""
    place = 0
    for block in fences(text):
        yield from _documents(text, place, block.whole[0])
        yield block.whole, _fenced(text, block)
        place = block.whole[1]
    yield from _documents(text, place, len(text))


def _documents(text: str, start: int, end: int) -> Iterator[Block]:
    part = text[start:end]
    found: list[Block] = []
    if "{" in part or "[" in part:
        found = [(span, jsontext.compact(part[slice(*span)])) for span in jsontext.documents(part)]
    if not found and "</" in part:
        found = list(markup.compacted(part))
    return (((left + start, right + start), shorter) for (left, right), shorter in found)


def _fenced(text: str, block: Fence) -> str:
    """A fenced block with a JSON document and nothing else loses its white space."""
    whole, (start, end) = text[slice(*block.whole)], block.inside
    if block.language not in _DATA:
        return whole
    inside = text[start:end]
    document = next(jsontext.documents(inside), None)
    if document is None or inside[: document[0]].strip() or inside[document[1] :].strip():
        return whole
    shorter = jsontext.compact(inside[slice(*document)])
    return f"{text[block.whole[0] : start]}{shorter}\n{text[end : block.whole[1]]}"


def _plain(text: str, keep_characters: bool) -> str:
    found = joined(spaced(text))
    return found if keep_characters else visible(found)
