"""Whether a part points at something outside itself: "how does it differ", "what are the benefits", "the second one".

A pronoun may have what it stands for in the same part ("how do I unlock my phone if it is locked"). Whatever is not clearly so
counts as pointing out: a part that is asked alone must not lose what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from pipeline.decompose import words as w
from pipeline.decompose.bridging import bridges
from pipeline.decompose.pointing import points

_I = re.IGNORECASE
_THIRD = r"it|its|they|them|their|theirs|he|him|his|she|her|hers"  # "itself" is always of something in the same part
_PRONOUN = re.compile(rf"\b(?P<word>{_THIRD})(?:'s|'re|'ll|'d|'ve)?\b", _I)
# "is it safe to", "how long does it take to", "what time is it", "it is said that": it stands for nothing.
_NOT_TO = (
    r"(?!(?:able|likely|allowed|supposed|going|available|enough|used|made|done|compared?|added|applied|converted|close|similar|equal|related|next|due|superior|inferior|connected|different|"
    r"back|up)\b)"
)
_EMPTY = re.compile(
    rf"(?:{w.BE}|would|will|can|could|should)\s+it\s+(?:be\s+)?(?:\w+\s+)?{_NOT_TO}[\w'-]+(?:\s+for\s+[\w' ]{{1,30}}?)?"
    r"\s+(?:to\s+\w|that\b|if\b|when\b)"
    rf"|(?:{w.DO}|{w.MODAL})\s+it\s+(?:\w+ly\s+)?(?:takes?|costs?|mean|feel|hurt|matter|make sense|"
    rf"help)\s(?:[\w' ]{{0,30}}?)?"
    r"(?:to\s+\w|when\b|if\b|that\b)"
    r"|(?:is|was|'s|will|would)\s+it\s+(?:be\s+)?(?:like\s+(?:to|in|at|for|on|with|when|if|inside|"
    r"\w+ing)|that|to\s+\w|\w+ing|before)\b"
    r"|\bit\s+(?:takes|costs|means|feels|is|was)\s+(?:[\w' ]{0,30}?\s)?(?:to\s+\w|that\b)"
    r"|\bwhat\s+(?:time|day|date|year)\s+is\s+it\b"
    r"|\bis\s+it\s+(?:going to\s+)?(?:rain|snow|cold|hot|warm|sunny|windy|raining|snowing)\w*",
    _I,
)
# Where a clause ends in front of a pronoun: the object of a clause is not its subject.
_BOUNDARY = re.compile(
    r"[,;:.]|\b(?:if|when|because|that|so|before|after|but|and|or|while|who|which|whose|since|without|than|as|though|although|until|once|"
    r"where|why|how|make|makes|let|whether)\b|\b(?:think|thinks|believe|say|says|feel|know|want|like)\b(?!\s+(?:about|of)\b)",
    _I,
)
_WORD = re.compile(r"[\w'-]+")
_PLACE = re.compile(
    rf"(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bout )\bthere\b(?!\s*(?:{w.BE}|{w.HAVE}|{w.MODAL})\b)(?!'s)", _I
)
_EXISTS = re.compile(rf"\b(?:{w.AUX})\s+there\b", _I)
_FUNCTION = re.compile(rf"(?:{w.AUX}|{w.PREPOSITION}|{w.DETERMINER}|{w.PERSONAL}|{w.WH}|and|or|not|to|than|as|if|be)", _I)
_ANYONE = re.compile(w.PERSONAL, _I)
# Whom "he" and "she" can mean: a name, or a word for a person.
_SOMEBODY = re.compile(
    r"\b(?:(?-i:[A-Z])[a-z]+|man|woman|girl|boy|guy|person|people|someone|somebody|child|kid|baby|friend|husband|wife|mother|father|sister|"
    r"brother|son|daughter|boyfriend|girlfriend|king|queen|president|doctor|teacher|\w{3,}(?:er|or|ist|ian|ess))\b",
    _I,
)
_ANYBODY = frozenset(("people", "person", "someone", "somebody", "everyone", "anyone"))
# A noun follows these, or follows the word behind them.
_OPENS = re.compile(
    rf"(?:{w.DETERMINER}|{w.PREPOSITION}|do|does|did|is|are|was|were|can|should|will|would|could|"
    r"\d+|two|three|one|more|other)",
    _I,
)


def points_out(part: str, before: Collection[str] = ()) -> bool:
    """Whether the part (masked, opened) leans on what stands outside it. `before` are the parts in front of it."""
    text = part.rstrip()
    if points(text) or _points_to_place(text):
        return True
    return any(not _answered(text, match) for match in pronouns(text)) or bool(before and bridges(text, " ".join(before)))


def pronouns(text: str) -> list[re.Match[str]]:
    """Those that stand for something, so without the "it" of "is it safe to"."""
    found = list(_PRONOUN.finditer(text))
    if not any(match["word"].lower() == "it" for match in found):
        return found
    empty = [match.span() for match in _EMPTY.finditer(text)]
    return [one for one in found if one["word"].lower() != "it" or not any(start <= one.start() < end for start, end in empty)]


def _points_to_place(text: str) -> bool:
    return any(not _EXISTS.search(text[max(0, match.start() - 10) : match.end()]) for match in _PLACE.finditer(text))


def _answered(text: str, pronoun: re.Match[str]) -> bool:
    """Whether something it can stand for comes before it in the part."""
    before = text[: pronoun.start()]
    word = pronoun.group().lower()
    hollow = w.HOLLOW if word.startswith("it") else w.HOLLOW - _ANYBODY
    if word in ("he", "him", "his", "she", "her", "hers"):
        return bool(_SOMEBODY.search(before[1:]))
    if word in ("its", "their"):
        return _names_something(before, hollow)
    cuts = list(_BOUNDARY.finditer(before, 1))
    return bool(cuts) and _names_something(before[: cuts[-1].start()], hollow)


def _names_something(text: str, hollow: frozenset[str]) -> bool:
    """Whether there is a noun with a determiner, a name, or something behind a preposition or between two verbs."""
    found = _WORD.findall(text)
    for place, word in enumerate(found[1:], 1):
        previous, low = found[place - 1].lower(), word.lower()
        if low in hollow or (_FUNCTION.fullmatch(word) and low not in _ANYBODY - hollow):
            continue
        if word[0].isupper() and word != "I":
            return True
        led = place > 1 and _OPENS.fullmatch(found[place - 2]) and previous not in hollow and not _ANYONE.fullmatch(previous)
        if led or _OPENS.fullmatch(previous):
            return True
    return False
