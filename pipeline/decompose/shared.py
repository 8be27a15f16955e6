"""What all parts share - language, audience, length, units, topic - said once in the prompt and by each part for itself."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import LANGUAGES, PROGRAMMING
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_EACH = re.compile(
    r"\s*\b(?:each|both|all)(?: one)?(?: of)?(?: (?:these|the|my|your))?(?: (?:questions?|them))?\b(?! (?:answer|"
    r"word|sentence))|\s*\b(?:these|the following|the|my)\s+(?:\w+\s+)?(?:questions?|terms)\b",
    _I,
)
_WHOLE = re.compile(
    r"\b(?:table|total|overall|altogether|together|combined|rank|order|one paragraph|single|columns?|"
    r"rows?|json|csv|essay|alphabetical\w*|summary|numbered|compare|separate\w*)\b",
    _I,
)
_IT = re.compile(r"\b(?:it|them|these|this)\b", _I)
_TONGUES = "|".join(sorted(map(re.escape, LANGUAGES | PROGRAMMING.keys()), key=len, reverse=True))
_COMMON_FRONT = re.compile(
    rf"(?:in|using|with|for)\s+(?:{_TONGUES})(?!\w)(?:\s+please)?$|(?:regarding|about|concerning|"
    r"according to)\b|(?:for|to)\s+(?:a|an|my)\b|on\s+(?:a|my|an|the)?\s*(?:mac|windows|linux|"
    r"iphone|android|ubuntu|pc)\b"
    r"|in\s+(?:simple|plain|layman\W?s?|one|two|a few|short|brief|\d+)\b",
    _I,
)
_TAIL = re.compile(
    r",?\s+(?P<tail>in\s+(?:very\s+)?(?:simple|plain|layman'?s?|everyday|easy)\s+(?:terms|english|"
    r"words|language)|in\s+(?:one|two|three|a few|\d+)\s+(?:short\s+)?(?:sentences?|words|lines)(?:\s+each)?|"
    r""
    r"briefly|in (?:detail|short|brief)|like i'?m (?:five|5|a child)|(?<=, )for (?:a )?(?:beginners?|"
    rf"kids|children|dummies)|(?<=, )in\s+(?:{_TONGUES})(?:,?\s+please)?)\W*$",
    _I,
)
_TOPIC = re.compile(r"\b(?:about|regarding|concerning)\s+(?P<topic>[^:.?!]{2,60}?)\s*[:.?!]*$", _I)
_VAGUE = re.compile(
    r"(?:the following|this|these|it|them|my homework|some things|things|stuff|a few things|various|different)\b", _I
)


def shape(sentence: Piece) -> str | None:
    """A condition on the answer as a sentence for one part: "answer in one sentence each" without the "each".

    None when it can only be met by all answers together.
    """
    if _WHOLE.search(sentence.masked):
        return None
    text = _EACH.sub("", sentence.raw).strip(" ,:;.!-\n")
    text = _IT.sub("the answer", text) if text.lower().startswith(("keep", "make")) else text
    return None if _IT.search(text) else f"{text[:1].upper()}{text[1:]}."


def tail(part: Piece) -> tuple[Piece, str]:
    """The last part without a condition on the answer at its end, and that condition."""
    match = _TAIL.search(part.masked)
    if not match:
        return part, ""
    end = part.masked[match.end("tail") :].strip()
    kept = part.cut(0, match.start())
    condition = _EACH.sub("", part.group(match, "tail").raw)
    return Piece(kept.raw + end, kept.masked + end), f"{condition[:1].upper()}{condition[1:]}."


def topic(announcement: Piece) -> str:
    """What the announced questions are about; empty when it is not said."""
    match = _TOPIC.search(announcement.masked)
    if not match or _VAGUE.match(match["topic"]):
        return ""
    return f"About {announcement.group(match, 'topic').raw}: "


def is_shared(front: Piece) -> bool:
    """Whether a phrase before the first question is said for all of them: "in Python", "for a beginner"."""
    return bool(_COMMON_FRONT.match(front.masked))


def finished(text: str, asks: bool) -> str:
    """A part as a sentence: with a capital and the mark at its end."""
    text = text.strip(" ,;:-–—\n\t")
    if not text.endswith(("?", ".", "!", '"', ")", "”")):
        text += "?" if asks else "."
    elif asks and text.endswith(".") and not text.endswith(".."):
        text = text[:-1] + "?"
    return text[:1].upper() + text[1:]
