"""What a sentence says of a value that a note has, where no phrase knows the sentence: that it is no more, or what is instead.

Whoever tells how something has changed mostly names what it was. So a note is not left standing that is out of date, however that
is put.
"""

from __future__ import annotations

import re

import msgspec

from pipeline.memory.values import is_thing, trimmed, unarticled

LONGEST_NEW = 6  # words
_MARKED = re.compile(
    r"\b(?:instead|rather|not|no longer|no more|any ?more|any longer|from|used to|replaced|swapped|traded|exchanged|changed|"
    r"stopped|quit|left|dropped|sold|abandoned|gave up|given up|than|ditched|wiped|off|enough|tired|bored|notice|rid|away|"
    r"wrong|mistake|boring)\b",
    re.IGNORECASE,
)
_ENDING = (
    r"(?:stopped|quit|left|dropped|sold|abandoned|gave up(?: on)?|given up(?: on)?|finished|ditched|cancelled|wiped|gone off|"
    r"went off|enough of|tired of|bored of|notice at|rid of|away from|resigned from)"
)
_BEFORE = r"(?:(?:an?|the|my|our|in|at|by|for|using|being|playing|doing|with) )*"
_OF_ONESELF = re.compile(r"\b(?:i|i'm|i've|we|we're|we've|my|our|me|us|please|let's)\b", re.IGNORECASE)
_MOVED = r"\b(?:switched|moved|changed|migrated|converted|transferred|upgraded|relocated|swapped)"  # and not "flew"
_LAST_PIECE = re.compile(
    r".*\b(?:to|in|at|for|with|use|using|is|are|it's|i'm|called|named|as|of|by|on|have|be|drive|driving|prefer|play|like|want)\s+"
    r"(?P<new>\S.*)$",
    re.IGNORECASE,
)


class Contrasted(msgspec.Struct, frozen=True):
    """A value holds no more; `new` is what holds instead, empty where the sentence does not say."""

    new: str = ""


def may_contrast(sentence: str) -> bool:
    """Whether a sentence has a word by which things change, and is about who says it."""
    return bool(_MARKED.search(sentence) and _OF_ONESELF.search(sentence)) and not sentence.rstrip().endswith("?")


def contrasted(sentence: str, value: str) -> Contrasted | None:
    """What the sentence says of the value; None where it says nothing of that kind."""
    old = re.escape(unarticled(value))
    for pattern in (
        rf"{_MOVED}[^,;]{{0,30}}? from {_BEFORE}{old} to (?P<new>.+)$",
        rf"\b(?:replaced|swapped|traded|exchanged|changed) {_BEFORE}{old}(?: in)? (?:with|by|for|against|to) (?P<new>.+)$",
        rf"\bused to [^,;]{{0,30}}{old}\b[^,;]{{0,20}}[,;] (?:but |and )?(?:now|these days)(?: it's| it is| i'm| i am)? "
        rf"(?P<new>.+)$",
        rf"\b(?P<before>.+?),? (?:instead of|rather than|(?:and |but )?not|than) {_BEFORE}{old}(?: ones?)?(?:\W|$)",
    ):
        found = re.search(pattern, sentence, re.IGNORECASE)
        if found:
            return Contrasted(_new(found.groupdict()))
    return Contrasted() if _is_over(sentence, old) else None


def _is_over(sentence: str, old: str) -> bool:
    over = (
        rf"\b(?:no longer|no more) {_BEFORE}{old}(?!\w)",
        rf"\bnot {_BEFORE}{old}(?:[.,;!]|$| any| but)",
        rf"(?<!\w){old} (?:any ?more|any longer|for good)\b",
        rf"\b(?:i|we)(?:'ve| have|'m| am)? (?:\w+ ){{0,4}}?{_ENDING} {_BEFORE}{old}(?!\w)",
        rf"(?<!\w){old} (?:was a mistake|was wrong|is wrong|got boring|by mistake)\b",
    )
    return any(re.search(pattern, sentence, re.IGNORECASE) for pattern in over)


def _new(found: dict[str, str]) -> str:
    if "new" in found:
        new = trimmed(found["new"])
    else:
        piece = _LAST_PIECE.match(found["before"])
        new = trimmed(piece["new"]) if piece else ""
    new = unarticled(new)
    return new if new and is_thing(new) and len(new.split()) <= LONGEST_NEW else ""
