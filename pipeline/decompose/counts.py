"""How much more one is or has than another: "how many more people live in Tokyo than in London?"."""

from __future__ import annotations

import re

from pipeline.decompose import words as w
from pipeline.decompose.alternatives import Choice, fits
from pipeline.decompose.lookups import lookup
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_CAPITAL = r"(?-i:[A-Z0-9\"“'(&])[^\s?,]*"
_NAME = rf"(?:the\s+)?{_CAPITAL}(?:\s+(?:(?:of|the|and|de|in|for)\s+)?{_CAPITAL})*"
_MORE = r"how\s+(?P<many>many|much)\s+(?:more|fewer|less)\s+"
_THAN = r"\s+(?:than|compared\s+(?:to|with)|relative\s+to|over)\s+"
_PLACES = re.compile(
    rf"{_MORE}(?P<what>[^?,]+?)\s+(?P<prep>in|on|at|for|from|during)\s+(?P<a>[^?,]+?){_THAN}(?P=prep)\s+(?P<b>[^?,]+?)\s*\??\s*$",
    _I,
)
_ACTORS = re.compile(
    rf"{_MORE}(?P<what>[\w -]+?)\s+(?P<aux>did|does|do|has|have|had)\s+(?P<a>{_NAME})\s+(?P<verb>(?-i:[a-z])[^?,]*?){_THAN}"
    rf"(?P<b>{_NAME})(?:\s+(?:did|does|has|had))?\s*\??\s*$",
    _I,
)
_DEGREE = re.compile(
    rf"how\s+(?:much|many\s+\w+)\s+(?P<word>(?:more|less)\s+[\w-]+|\w+er)\s+(?P<aux>{w.BE}|does|"
    r"did)\s+(?P<a>[^?,]+?)\s+than\s+"
    r"(?P<b>[^?,]+?)\s*\??\s*$",
    _I,
)


def counts(text: Piece) -> Choice | None:
    """The things with the question for each; None when the text does not ask how much more."""
    for pattern, question in ((_PLACES, _in_place), (_ACTORS, _of_actor), (_DEGREE, _of_degree)):
        match = pattern.match(text.masked)
        if not match:
            continue
        things = (text.group(match, "a"), text.group(match, "b"))
        questions = tuple(question(text, match, thing.raw) for thing in things)
        if all(fits(thing) for thing in things) and all(questions):
            return Choice(tuple(thing.raw for thing in things), questions)
    return None


def _in_place(text: Piece, match: re.Match[str], thing: str) -> str:
    return f"How {match['many']} {text.group(match, 'what').raw} {match['prep']} {thing}?"


def _of_actor(text: Piece, match: re.Match[str], thing: str) -> str:
    return f"How {match['many']} {text.group(match, 'what').raw} {match['aux']} {thing} {text.group(match, 'verb').raw}?"


def _of_degree(text: Piece, match: re.Match[str], thing: str) -> str:
    return lookup(f"which {match['aux']} {match['word']}", thing, acts=True)
