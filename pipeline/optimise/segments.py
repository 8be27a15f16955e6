"""The segments of a prompt: the static prefix, the history, what has been retrieved or pasted, the last user message.

A segment's name says where it stands, for the record. What becomes of it never depends on whether it is the last: today's
last message is tomorrow's history, and has to read the same then, or the provider's prefix cache misses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from pipeline.optimise.protected import Span, fences, overlaps

LONG = 400  # characters of a quoted or fenced block, from which it is something pasted rather than something said
SHORT = 400  # characters; a last paragraph that is shorter may be the question about what stands before it
MOST_MARKS = 32  # different ones in a text
_PROSE = frozenset({"", "text", "txt", "plain", "plaintext", "markdown", "md", "log"})  # of fenced blocks; the rest is code
_CLOSED = re.compile(r"<(?P<tag>[A-Za-z][\w-]{1,40})(?:[ \t][^<>\n]*)?>|(?P<quotes>\"{3}|'{3})")
_LABEL = re.compile(r"^[ \t#*>-]*+([\w ().\[\]'-]{1,60}+)\**[ \t]*:\**[ \t]*", re.MULTILINE)
_MATERIAL = re.compile(
    r"(?!write|create|generate|make|draft|compose|tell|give|invent|describe)(?:.*\b)?"
    r"(?:context|documents?|passages?|articles?|sources?|excerpts?|references?|background|transcripts?|results?"
    r"|knowledge(?: base)?"
    r"|notes|retrieved(?: \w+)?|snippets?|contents?|facts|evidence|story|conversation|meeting|report|chat history)"
    r"(?: ?[\d.()\[\]]{1,6})?",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"^[ \t#*>-]*(?:(?:user(?:'s)? |my |the |follow-?up |final |current )?"
    r"(?:question|query|task|instruction|request|problem|answer|q|prompt|response|output)s?(?: ?\d+)?\**[ \t]*:"
    r"|(?:based on|using|given|according to|from) (?:only )?(?:the|this|these)\b|(?:please |now )?(?:answer|summari[sz]e)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


class Name(StrEnum):
    STATIC = "static"  # system and developer messages, tools
    HISTORY = "history"
    RETRIEVED = "retrieved"  # tool messages, and what is quoted or pasted in a user message
    LAST = "last"


class Segment(msgspec.Struct, frozen=True):
    """A text of a prompt that is optimised by itself. `part` is its place in the content of its message, if that is a list."""

    place: int  # of its message
    part: int | None
    name: Name
    role: str
    text: str
    is_example: bool = False  # shows the model a form, as few-shot messages do

    @property
    def where(self) -> str:
        return f"messages[{self.place}].content" + ("" if self.part is None else f"[{self.part}].text")


SYSTEM = frozenset({"system", "developer"})
TOOL = frozenset({"tool", "function"})


def segments(body: Mapping[str, Any]) -> Iterator[Segment]:
    """The texts of all messages, in order. Parts that are no text (images, audio) are left out."""
    messages: Sequence[Any] = body.get("messages") or ()
    last = max((place for place, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    for place, message in enumerate(messages):
        role = message.get("role", "")
        # The OpenAI cookbook's form of few-shot examples: system messages that are named so.
        example = str(message.get("name") or "").startswith("example")
        for part, text in texts(message):
            yield Segment(place, part, _name(role, place, last), role, text, example)


def texts(message: Mapping[str, Any]) -> Iterator[tuple[int | None, str]]:
    """The texts of one message, each with its place in a content that is a list."""
    content = message.get("content")
    if isinstance(content, str):
        yield None, content
    elif isinstance(content, list):
        for place, part in enumerate(content):
            if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
                yield place, part["text"]


def with_text(message: Mapping[str, Any], part: int | None, text: str) -> dict[str, Any]:
    """The message with another text; the input is not changed."""
    if part is None:
        return {**message, "content": text}
    content = list(message["content"])
    content[part] = {**content[part], "text": text}
    return {**message, "content": content}


def _name(role: str, place: int, last: int) -> Name:
    if role in SYSTEM:
        return Name.STATIC
    if role in TOOL:
        return Name.RETRIEVED
    return Name.LAST if place == last else Name.HISTORY


def retrieved(text: str) -> list[Span]:
    """The parts of a user message that are material rather than words to the model: long blocks in fences, between tags or
    triple quotes, and behind labels such as `Context:`. In order and apart.
    """
    if len(text) < LONG:
        return []
    blocks = fences(text)
    code = [block.whole for block in blocks]
    found = [block.inside for block in blocks if _length(block.inside) >= LONG and block.language in _PROSE]
    found += _between_marks(text, code)
    found += _labelled(text, [*found, *code])
    return sorted(found)


def _length(span: Span) -> int:
    return span[1] - span[0]


def _between_marks(text: str, code: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    if "<" not in text and '"""' not in text and "'''" not in text:
        return found
    place = 0
    closed: dict[str, int] = {}  # where a closing mark comes last; looked up once, so that many openings cost no more
    while opening := _CLOSED.search(text, place):
        place = opening.end()
        mark = opening["quotes"] or f"</{opening['tag']}>"
        if mark not in closed and len(closed) < MOST_MARKS:
            closed[mark] = text.rfind(mark)
        if closed.get(mark, -1) < place:
            continue
        end = text.find(mark, place)
        if end - place >= LONG and not overlaps((opening.start(), end), code):
            found.append((place, end))
        if end - place >= LONG or opening["quotes"]:
            place = end + len(mark)
    return found


def _labelled(text: str, taken: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    place = 0
    while label := _LABEL.search(text, place):
        start = place = label.end()
        if not _MATERIAL.fullmatch(label[1].strip()):
            continue
        asking = _ASKING.search(text, start)
        end = asking.start() if asking else _before_question(text, start)
        material = text[start:end].strip()
        begin = text.find(material, start) if material else start
        span = (begin, begin + len(material))
        place = max(end, start)
        if _length(span) >= LONG and not overlaps(span, taken):
            found.append(span)
    return found


def _before_question(text: str, start: int) -> int:
    """Where a block ends that nothing closes: at its last paragraph, if that is short enough to be the question."""
    breaks = list(_PARAGRAPH.finditer(text, start))
    if breaks and len(text) - breaks[-1].end() <= SHORT and breaks[-1].start() > start:
        return breaks[-1].start()
    return len(text)
