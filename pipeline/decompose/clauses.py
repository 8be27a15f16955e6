"""Clauses of one sentence that ask for different things: "what is X, what is Y, and how do I Z".

A joint is an "and", a "then" or a comma; it parts only what is a whole question, or a whole request, on both of its sides.
Relative clauses ("the man who wrote X and who directed Y") are not parted.
"""

from __future__ import annotations

import re

from pipeline.decompose import words as w
from pipeline.decompose.acts import MAKING, QUESTION, REQUEST, fronted, inverted
from pipeline.decompose.text import Piece

LEAST_WORDS = 3  # of a question; a request has an object, and two
_I = re.IGNORECASE
_JOINT = re.compile(
    r"\s*(?:,\s*|\s)(?:and|&|plus|then|also|as well as)\s+(?:(?:also|then|please|finally|lastly|"
    r"secondly|next)\s*,?\s+)*|,\s+|;\s*",
    _I,
)
_OBJECT = rf"(?:{w.DETERMINER}|me|us|{w.WH}|whether|if|\d+|one|two|three|four|five|six|seven|eight|nine|ten)\b"
_ORDER = re.compile(rf"(?:please\s+)?(?:{w.TELLING}|{w.MAKING})\s+{_OBJECT}", _I)
# With a subject that cannot be a verb ("things that help and can be ..."), and no "and will I get it?", which leans on what
# went before.
_SUBJECT = rf"(?:(?:{w.DETERMINER}|there|it|people)\b|(?-i:(?!I\b)[A-Z0-9])|[\"“']|[a-z]\w+s\b)"
_ASKS_DO = re.compile(
    rf"(?!{w.DO}\s+not\b)(?:(?:{w.DO}|{w.MODAL})\s+{_SUBJECT}|{w.DO}\s+(?!{w.PERSONAL}\b|{w.PREPOSITION}\b)\w+\s+\w+|{w.BE}\s+there\b"
    r"|(?:can|could|should|do|did)\s+(?:i|you|we)\s+\w+\s+\w+\s+\w+)(?:\s+\S+)+",
    _I,
)
_ASKS_BE = re.compile(
    rf"{w.BE}\s+(?!{w.PERSONAL}\b|{w.PREPOSITION}\b|(?:not|so|very|also|too|now|still)\b|\w+ing\b|\w+ed\b)(?:{_SUBJECT}|\w+\s+\w)(?:\s*\S+)+",
    _I,
)
# Of whom a second thing may be said: "who wrote X and was the king of Y".
_WHO = re.compile(rf"(?:who|which|what)\b(?!(?:\s+[\w'-]+){{0,3}}?\s+(?:{w.DO}|{w.MODAL})\b)", _I)
_ASKS = re.compile(rf"(?!whose\b)(?:{w.WH}|{w.WH_SHORT}|{w.PREPOSITION}\s+(?:what|which|whom))\b(?!\s*ever\b)", _I)
_HANGS = re.compile(rf"\b(?:{w.PREPOSITION}|{w.AUX}|the|an?)$", _I)  # "what happened to and why ..."
_FIRST_WORD = re.compile(r"[\w']+")
_RELATIVE = re.compile(r"(?<=\w\s)(?:who|whom|whose|which|where|when|that)\b", _I)
_SUBORDINATE = re.compile(r"\b(?:if|because|since|although|whether|while|unless)\b", _I)


def clauses(sentence: Piece) -> list[Piece]:
    """One or more, in order; the sentence itself when it has no joint."""
    found: list[Piece] = []
    start = 0
    for match in _JOINT.finditer(sentence.masked):
        left, right = sentence.cut(start, match.start()), sentence.cut(match.end())
        if _whole(left) and _begins(right.masked, left.masked, match.group()):
            found.append(left)
            start = match.end()
    return [*found, sentence.cut(start)]


def _whole(left: Piece) -> bool:
    _, asked = fronted(left)
    text = asked.masked
    if _HANGS.search(text[-12:]) and len(text.split()) <= LEAST_WORDS:
        return False
    least = LEAST_WORDS if QUESTION.match(text) else 2
    return len(text.split()) >= least and bool(QUESTION.match(text) or REQUEST.match(text) or MAKING.match(text))


def _begins(right: str, left: str, joint: str) -> bool:
    """Whether a clause of its own begins behind the joint."""
    if _ORDER.match(right):
        return joint.strip() != ","
    word = _word(right)
    if not _ASKS.match(right):
        polar = not right[:2].isupper() and (_ASKS_DO.match(right) or (_ASKS_BE.match(right) and not _WHO.match(left)))
        return joint.strip() != "," and bool(polar and QUESTION.match(left))
    if word in {match.group().lower() for match in _RELATIVE.finditer(left)}:
        return False
    if joint.strip() == ",":
        parallel = word in ("what", "how", "why", "what's", "whats")  # ", who was" describes whom it follows
        return parallel and inverted(right) and inverted(left)
    return inverted(right) if inverted(left) else _embedded(right)


def _embedded(right: str) -> bool:
    """Behind "tell me what X is": "how Y works", but not "how to" and no pronoun for what went before."""
    return not re.match(rf"{w.WH}\s+(?:to|not)\b", right, _I)


def _word(text: str) -> str:
    match = _FIRST_WORD.match(text)
    return match.group().lower() if match else ""
