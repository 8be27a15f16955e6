"""A choice between things that are named: "which river is longer, the Nile or the Amazon?", "is A larger than B?"."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose import words as w
from pipeline.decompose.lookups import lookup
from pipeline.decompose.morphology import positive
from pipeline.decompose.text import Piece

MOST_WORDS = 14  # of a thing to choose
_I = re.IGNORECASE
_ASKED = r"(?i:which|what|who|whose|where)"
_BEHIND = re.compile(
    rf"(?P<head>{_ASKED}\b[^,:;?]*?)\s*(?:[,:;]|\s[-–—]|-(?=\s))\s*(?P<row>[^?]+?\s+(?:or|and)\s+[^?]+?)\s*\??\s*$", _I
)
_MIDDLE = re.compile(
    rf"(?P<lead>{_ASKED}\b[^,:;?]*?)\s*,\s*(?P<row>[^?]+?\s+or\s+[^?]+?),?\s+(?P<rest>(?:{w.BE}|"
    rf"{w.HAVE}|{w.DO}|came|held|won|made|lived|\w+ed)\b[^?]*)\??\s*$",
    _I,
)
_BETWEEN = re.compile(
    rf"(?:(?:in\s+)?between|out\s+of|of|from|among)\s+(?:(?:the\s+|two\s+){{1,2}}(?-i:[a-z]+(?:\s+[a-z]+)?\s+(?=[A-Z\"“'])))?(?P<row>[^?]+?\s+(?:and|"
    rf"or)\s+[^?]+?)\s*,?\s+(?P<head>{_ASKED}(?:\s+(?:one|of them))?\b[^?]*?)\??\s*$",
    _I,
)
_OUT_OF = re.compile(
    rf"(?P<head>{_ASKED}\b[^?]*?)\s*,?\s+(?:out\s+of|between|of|among|from)\s+(?P<row>[^?]+?\s+(?:and|"
    r"or)\s+[^?]+?)\s*\??\s*$",
    _I,
)
_THAN = re.compile(
    rf"(?P<aux>{w.BE}|does|did|do|has)\s+(?P<a>[^?,]+?)(?:\s+(?:really|actually|still|even|any|"
    r"much))?\s+(?P<rest>(?:(?:have|had|live|last|cost|weigh|run|born|located|made|released)\s+)?(?:(?:a|"
    r"more|less|fewer)\s+[\w-]+(?:\s+\w+)?|[a-z]+er(?:\s+\w+)?))\s+than\s+(?P<b>[^?,]+?)(?:\s+(?:is|"
    r"does|do|did|was))?\s*\??\s*$",
    _I,
)
_BEFORE = re.compile(
    r"(?P<aux>(?i:was|were|did|is))\s+(?P<a>(?:(?i:the)\s+)?[A-Z0-9\"“'][^?,]*?)\s+(?P<rest>[a-z]+(?:\s+(?:in|"
    r"to|of|by|at|from)\s+[^?,]+?)?)\s+(?:before|after|prior\s+to)\s+(?P<b>(?:(?i:the)\s+)?[A-Z0-9\"“'][^?,]*?)(?:\s+(?:was|"
    r"did))?\s*\??\s*$"
)
_NO_COMMA = re.compile(rf"(?P<head>{_ASKED}\b[^?,]*?[a-z0-9)])\s+(?P<row>[A-Z\"“'][^?]*?\s+(?:or|and)\s+[^?]+?)\s*\??\s*$")
_POLAR = re.compile(
    r"(?P<aux>is|was|are|were|does|did|do|has)\s+(?P<a>(?:either\s+)?(?:the\s+)?(?-i:[A-Z0-9\"“'(])[^\s,?]*(?:\s+(?:(?:of|"
    r"the|and|de|in|for|v\.)\s+)?(?-i:[A-Z0-9\"“'(&\[])[^\s,?]*)*)\s+or\s+(?P<b>(?:(?:the|a)\s+)?(?-i:[A-Z0-9\"“'(])[^\s]*(?:\s+(?:(?:of|"
    r"the|and|de|in|for|v\.)\s+)?(?-i:[A-Z0-9\"“'(&])[^\s]*)*)\s+(?P<rest>[a-z][^?]*?)\s*\??\s*$",
    _I,
)
_NOT_A_THING = re.compile(
    r"(?:to|i|you|we|they|he|she|it|not|no|yes|neither|both|else|other\w*|is|are|was|do|does|how|"
    r"why|what|which|who|when|where|if|whether|in|on|at|by|with|for|that|there|later|more|less|"
    r"just|rather|because|most|average|all|ever|expected|usual|normal|before|my|your|his|her|their|"
    r"its)\b|(?:the )?\w+ ones?$"
)
_ORDINAL = re.compile(
    r"\b(?:first|earlier|earliest|second|last|later|latest|sooner|more|most|less|least|fewer|fewest|long)\b", _I
)


class Choice(NamedTuple):
    things: tuple[str, ...]
    questions: tuple[str, ...]


def choice(text: Piece) -> Choice | None:
    """The things to choose from with the question for each; None when the text is no such choice or was not understood."""
    for way in (_than, _before, _middle, _named, _polar):
        found = way(text)
        if found:
            return found
    return None


def things(row: Piece, word: str) -> tuple[Piece, ...]:
    """The things in "A, B or C"; none when they cannot be told apart with certainty."""
    parts = re.split(rf"\s+{word}\s+", row.masked, flags=_I)
    if len(parts) != 2:
        return ()
    at = row.masked.lower().rindex(f"{parts[1]}".lower())
    left, right = row.cut(0, len(parts[0])), row.cut(at)
    commas = [match.span() for match in re.finditer(r"\s*,\s+(?!(?:Inc|Jr|Sr|Ltd|LLC|Co)\b)", left.masked)]
    oxford = left.masked.endswith(",")
    if commas and not oxford:
        return ()  # "Berkeley, California or Boston"
    if commas or oxford:
        starts, ends = [0, *(end for _, end in commas)], [*(start for start, _ in commas), len(left.masked)]
        found = [left.cut(start, end) for start, end in zip(starts, ends, strict=True)]
    else:
        found = [left]
    found = [_thing(one) for one in (*found, right)]
    return tuple(found) if all(fits(one) for one in found) else ()


def compares(text: str) -> bool:
    """Whether there is a word which compares: "older", "first", "the most"."""
    return bool(_ORDINAL.search(text)) or any(word.islower() and positive(word) for word in re.findall(r"[A-Za-z]+", text))


def _thing(one: Piece) -> Piece:
    """Without the marks around it and the words that only introduce it."""
    match = re.match(r"(?:is it|either|was it|both|the following)\s+", one.masked, _I)
    one = one.cut(match.end()) if match else one
    return one.cut(0, len(one.masked.rstrip(" ,;:?")))


def fits(one: Piece) -> bool:
    return (
        any(map(str.isalpha, one.raw))
        and len(one.raw.split()) <= MOST_WORDS
        and not _NOT_A_THING.match(one.masked)
        and "?" not in one.masked
    )


def _named(text: Piece) -> Choice | None:
    for pattern, joints in (
        (_BETWEEN, ("and", "or")),
        (_BEHIND, ("or", "and")),
        (_OUT_OF, ("and", "or")),
        (_NO_COMMA, ("or", "and")),
    ):
        match = pattern.match(text.masked)
        if not match or (pattern is _OUT_OF and not compares(match["head"])):
            continue
        head, row = text.group(match, "head"), text.group(match, "row")
        if pattern is _NO_COMMA and not compares(head.masked):
            continue
        for joint in joints:
            found = things(row, joint)
            if found and (joint == "or" or compares(head.masked)):
                made = _choice(head.raw, found)
                if made:
                    return made
    return None


def _middle(text: Piece) -> Choice | None:
    match = _MIDDLE.match(text.masked)
    found = things(text.group(match, "row"), "or") if match else ()
    return _choice(f"{text.group(match, 'lead').raw} {text.group(match, 'rest').raw}", found) if match and found else None


def _than(text: Piece) -> Choice | None:
    match = _THAN.match(text.masked)
    if not match:
        return None
    found = (_thing(text.group(match, "a")), _thing(text.group(match, "b")))
    if not all(fits(one) for one in found) or not compares(match["rest"]):
        return None
    if found[1].masked.lower().startswith(("the one", "that", "one", "a ", "an ", "average")) and found[0].masked.islower():
        return None
    return _choice(f"which {match['aux']} {match['rest']}", found, acts=True)


def _before(text: Piece) -> Choice | None:
    match = _BEFORE.match(text.masked)
    if not match:
        return None
    found = (_thing(text.group(match, "a")), _thing(text.group(match, "b")))
    return _choice(f"which {match['aux']} {text.group(match, 'rest').raw} first", found, acts=True)


def _polar(text: Piece) -> Choice | None:
    match = _POLAR.match(text.masked)
    if not match:
        return None
    found = (_thing(text.group(match, "a")), _thing(text.group(match, "b")))
    return (
        _choice(f"which {match['aux']} {text.group(match, 'rest').raw}", found, acts=True)
        if all(fits(one) for one in found)
        else None
    )


def _choice(head: str, found: tuple[Piece, ...], *, acts: bool = False) -> Choice | None:
    questions = tuple(lookup(head, one.raw, acts=acts) for one in found)
    return Choice(tuple(one.raw for one in found), questions) if all(questions) else None
