"""Which parts of a user's message are prose that speaks to the model, and may be put in fewer words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pipeline.cache.guards.words import several
from pipeline.optimise import subject
from pipeline.optimise.cues import Cue
from pipeline.optimise.english import is_english, lowered, sentences
from pipeline.optimise.protected import Span, fences, overlaps
from pipeline.optimise.segments import retrieved

LEAST_WORDS = 8  # in a text; fewer are a plain question
SHORT_LINE = 50  # characters; lines that are shorter, several in a row, are verse or a list
LOOKED_AT = 5  # paragraphs, for their language
MOST_MARKS = 0.02  # of a paragraph's characters are marks of code
# How a line begins that is part of a list, a table, a quotation, code, or that has a label.
_STRUCTURE = re.compile(r"[ \t]*(?:[-*+•>|#<]|\d+[.)]|[A-Za-z][.)] )| {4}|[ \t]*\**[A-Z][\w ]{0,30}\**:")
_MARKS = re.compile(r"[{}\[\]<>=;\\_|^~@#$*+/]")
_LIST = re.compile(r":[ \t]*(?=\n)")
MATERIAL = Cue(
    several("foll belo atta this thes here give summ clas cate extr anal eval labe answ expl desc conv read cons chec revi"),
    re.compile(
        r"\b(?:following|below|attached)\b[^\n]{0,80}(?=\n)"
        r"|\b(?:following|below|this|these|here(?: is|'s| are)|given)\b[^.:!?\n]{0,60}:(?=[ \t])"
        r"|\b(?:summari[sz]e|classify|categori[sz]e|extract|analy[sz]e|evaluate|label|answer|explain|describe|convert|read|consider|check"
        r"|review)(?: \w+){0,3} (?:this|these|the following|the below|the above|the attached)\b[^\n]{0,200}(?=\n)"
    ),
)
_DICTATED = re.compile(r":|\b(?:say|says|saying|tell|telling|write that|mention|mentioning|begin|start|end|close)\b")
_OWN_THANKS = re.compile(r"\b(?:in advance|(?:your|the|any|this|of) (?:\w+ )?(?:help|assistance|support|time|effort|efforts))\b")
_PERSONAL = re.compile(r"\b(?:i|i'\w+|my|me|we|our|us|please|you|your)\b")


class Prose(msgspec.Struct, frozen=True):
    """The paragraphs that may change. Behind `strict` a letter is spoken of, which may thank and greet itself: there sentences
    stay, except thanks from `closing` on, which are the last. `mentions`: words are the subject, in all of it.
    """

    paragraphs: tuple[Span, ...] = ()
    strict: int = 0
    closing: int = 0
    mentions: bool = False
    reason: str = ""  # why there are none


def find(text: str) -> Prose:
    """The prose of a text, or why it has none."""
    reason = _left_alone(text)
    if reason:
        return Prose(reason=reason)
    limit = _limit(text)
    if limit == 0:
        return Prose(reason="wording")
    kept = sorted([*(block.whole for block in fences(text)), *retrieved(text)])
    found = tuple(span for span in _paragraphs(text[:limit]) if not overlaps(span, kept) and _is_prose(text[slice(*span)]))
    if not found:
        return Prose(reason="no_prose")
    if not is_english("\n".join(text[slice(*span)] for span in found[:LOOKED_AT])):
        return Prose(reason="not_english")
    letter = subject.correspondence(text)
    strict = letter.start() if letter else len(text)
    return Prose(found, strict, _closing(text, strict), subject.mention(text))


def _left_alone(text: str) -> str:
    if len(text.split(None, LEAST_WORDS)) < LEAST_WORDS:
        return "too_short"
    if not _PERSONAL.search(lowered(text)):
        return "impersonal"  # nobody speaks to anybody: a question, or a text that tells something
    if subject.role(text):
        return "role"
    return "examples" if subject.examples(text) else ""


def _limit(text: str) -> int:
    """Where the part ends that speaks to the model: what is to be worked on begins there. 0: it may be anywhere."""
    worked = subject.wording(text)
    said = _said(text, worked) if worked else len(text)
    if said == 0:
        return 0
    return min(said, *(found.end() for found in (MATERIAL.search(text), _LIST.search(text)) if found), len(text))


def _said(text: str, worked: re.Match[str]) -> int:
    """Where the sentence ends that says how a text is to be worked on, at most at a colon. 0: the text may stand before."""
    if "\n\n" in text[: worked.start()].strip():
        return 0
    paragraph = text.find("\n\n", worked.start())
    sentence = next(iter(sentences(text[worked.start() : len(text) if paragraph < 0 else paragraph])), "")
    if not subject.given_after(sentence):
        return 0
    return worked.start() + len(sentence.partition(":")[0]) + (":" in sentence)


def _closing(text: str, strict: int) -> int:
    """Where the last sentences begin if they are thanks to the model rather than part of a letter that is dictated."""
    if strict == len(text) or _DICTATED.search(lowered(text), strict):
        return len(text)
    place = len(text)
    for sentence in reversed(sentences(text[strict:])):
        if not _OWN_THANKS.search(lowered(sentence)):
            break
        place -= len(sentence)
    return place


def _paragraphs(text: str) -> Iterator[Span]:
    """Lines that stand together, each with the line break behind it."""
    start: int | None = None
    place = 0
    for line in text.split("\n"):
        if line and not line.isspace():
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None
        place += len(line) + 1
    if start is not None:
        yield start, len(text)


def _is_prose(paragraph: str) -> bool:
    if "\t" in paragraph or " | " in paragraph or len(_MARKS.findall(paragraph)) > MOST_MARKS * len(paragraph):
        return False
    lines = paragraph.strip("\n").split("\n")
    if any(_STRUCTURE.match(line) for line in lines):
        return False
    return len(lines) < 3 or sorted(map(len, lines))[len(lines) // 2] > SHORT_LINE
