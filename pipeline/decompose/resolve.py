"""Pronouns that stand for something named in an earlier part, put into words: "who wrote Emma and when was it published".

Only where one thing can be meant. What was asked for itself ("who invented the telephone and when did he die") becomes a
placeholder for the earlier part's answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose import words as w
from pipeline.decompose.references import pronouns
from pipeline.decompose.text import Piece

MOST_WORDS = 7  # of a name that is put in the place of a pronoun
_I = re.IGNORECASE
_NAME = (
    r"(?:(?i:the|an?)\s+)?[A-Z0-9\"“'(][^\s,?]*(?:\s+(?:(?:of|the|and|in|for|de|la|von|van|to|"
    r"on|a)\s+){0,2}[A-Z0-9][^\s,?]*)*"
)
_THING = rf"(?P<thing>{_NAME}|(?i:the|an?)\s+[a-z-]+)"
_MADE = re.compile(
    r"(?i:who|which\s+\w+)\s+(?:(?i:first|originally)\s+)?(?!(?i:is|was|are|were)\b)(?P<verb>[a-z]+(?:ed|"
    rf"te|nt|ew|ng|lt|de|un|on|an))\s+{_THING}\s*[?.]*$"
)
_IS = re.compile(rf"(?i:what|who)(?:'s|\s+(?i:is|was|are|were))\s+(?P<thing>(?:{_NAME})|(?i:an?\s+)?[a-z-]+)\s*[?.]*$")
_ROLE = re.compile(rf"(?i:who)(?:'s|\s+(?i:is|was))\s+(?i:the)\s+(?:[\w-]+\s+){{1,3}}(?i:of)\s+{_NAME}\s*[?.]*$")
_DONE = re.compile(
    rf"(?i:when|where|how|why|in\s+(?:what|which)\s+\w+)\s+(?i:was|is|did|does|were)\s+(?P<thing>{_NAME})\s+[a-z]+(?:\s+[a-z]+)?\s*[?.]*$"
)
_PERSON = frozenset(("he", "she", "him", "her", "his", "hers", "they", "their", "them"))
_POSSESSIVE = frozenset(("its", "his", "their", "her"))
_OF_THING = frozenset(("it", "its"))


class Meant(NamedTuple):
    """What pronouns may stand for: a thing, and whether the answer of part `answer` (0: none) is a person."""

    thing: str
    answer: int
    person: bool


def meant(part: Piece, number: int) -> Meant | None:
    """What the first of several parts leaves for pronouns to stand for; None when more than one thing may be meant."""
    for pattern, answers in ((_ROLE, True), (_MADE, True), (_IS, False), (_DONE, False)):
        match = pattern.match(part.masked)
        if match:
            thing = part.group(match, "thing").raw if "thing" in match.groupdict() else ""
            who = part.masked[:3].lower() == "who"
            return Meant(thing, number if answers and who else 0, who and not answers)
    return None


def resolved(part: Piece, of: Meant) -> tuple[str, tuple[int, ...]] | None:
    """The part with its pronouns put into words, and the parts it then needs; None when they cannot be."""
    needs: set[int] = set()
    text = part.raw
    for match in reversed(pronouns(part.masked)):
        word = match.group().lower()
        plain, _, short = word.partition("'")
        name = _name(plain, of)
        if not name:
            return None
        if name[0] == "#":
            needs.add(of.answer)
        ending = "'s" if plain in _POSSESSIVE and not (plain == "her" and _object(part.masked, match.end())) else ""
        ending = {"s": " is", "re": " are"}.get(short, ending) if short else ending
        text = text[: match.start()] + name + ending + text[match.end() :]
    return text, tuple(sorted(needs))


def _name(pronoun: str, of: Meant) -> str:
    if of.answer and pronoun in _PERSON:
        return f"#{of.answer}"
    fits = pronoun in _OF_THING if not of.person else pronoun in _PERSON - {"they", "their", "them"}
    return of.thing if fits and of.thing and len(of.thing.split()) <= MOST_WORDS else ""


def _object(text: str, end: int) -> bool:
    """Whether "her" is "him" here, not "his"."""
    return not re.match(rf"\s+(?!{w.AUX}\b|{w.PREPOSITION}\b)\w", text[end:], _I)
