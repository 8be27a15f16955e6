"""'How old is he?': the pronoun of a follow-up, with the thing that the question before was about in its place."""

from __future__ import annotations

import re

from pipeline.memory.followup.exchange import ATTRIBUTES
from pipeline.memory.followup.forms import points
from pipeline.memory.followup.spans import Span, spans

_DEFINED = re.compile(
    r"^(?:(?P<what>what(?:'s| is| are| was| were))|(?P<who>who(?:'s| is| are| was| were))|tell me about|explain|describe|define) "
    r"(?P<n>[\w' -]{2,60}?)[?.!]*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?P<p>it|its|he|she|him|his|her|they|them|their|one)\b", re.IGNORECASE)
LONGEST = 9  # words of a follow-up with a pronoun
_PERSON = frozenset({"he", "she", "him", "his", "her"})
_MANY = frozenset({"they", "them", "their"})
_POSSESSIVE = frozenset({"its", "his", "their"})
_WHICH_IS = re.compile(r"(?:what|which) \w+(?: \w+)? (?:is|are|was|were|has|have)\b", re.IGNORECASE)
_ASKS_WHO = re.compile(r"(?:who|which|what)\b", re.IGNORECASE)
_ASKS_DEED = re.compile(r"what (?:did|does|was)\b", re.IGNORECASE)
# Here "it" may be what is done, rather than what it is done with.
_DOING = re.compile(r"\b(?:how (?:do|can|should|would) (?:i|you|we)|can i|should i)\b", re.IGNORECASE)
_OF = re.compile(r"^(?P<ask>what(?:'s| is| was) the) (?P<a>[\w ]+?) of (?P<b>[\w' -]+?)[?.!]*$", re.IGNORECASE)
_ITS = re.compile(r"^(?:its|his|her|their) (?P<c>[\w-]+(?: [\w-]+)?)$", re.IGNORECASE)
_HOW = re.compile(r"^how (?:tall|high|big|large|old|long|deep|wide|heavy|far) (?:is|are|was|were) ", re.IGNORECASE)


def referred(base: str, text: str) -> str | None:
    """A follow-up that is a sentence, with its one pronoun replaced; None where that is not certain."""
    found = list(_PRONOUN.finditer(text))
    if len(found) != 1 or len(text.split()) > LONGEST or re.search(r"[,;:.]|\band\b", text) or _named(text):
        return None
    pronoun = found[0]["p"].lower()
    before = len(text[: found[0].start()].split())
    if before > 3 and found[0].end() < len(text.rstrip("?. ")):
        return None  # what it stands for may be in the question itself
    rest = text[: found[0].start()] + text[found[0].end() :]
    if points(rest):
        return None
    thing = _thing(base, pronoun)
    if thing is None:
        return None
    if pronoun in _POSSESSIVE or (pronoun == "her" and re.match(r"\s+\w", text[found[0].end() :])):
        thing = f"{thing}'" if thing.endswith("s") else f"{thing}'s"
    if found[0].start() == 0:
        thing = thing[0].upper() + thing[1:]
    written = text[: found[0].start()] + thing + text[found[0].end() :]
    return written[0].upper() + written[1:] + ("" if written.endswith("?") else "?")


def attribute(base: str, text: str) -> str | None:
    """'And its area?' after 'What is the population of Norway?'"""
    found = _ITS.match(text)
    if not found or found["c"].lower() not in ATTRIBUTES:
        return None
    of = _OF.match(base)
    if of:
        measured = of["a"].lower().split()[-1] in ATTRIBUTES or of["a"].lower().endswith("point")
        return f"{of['ask']} {found['c']} of {of['b']}?" if measured else None
    named = [span for span in spans(base) if span.kind in ("proper", "place")]
    if _HOW.match(base) and len(named) == 1:
        return f"What is the {found['c']} of {named[0].text}?"
    return None


def _thing(base: str, pronoun: str) -> str | None:
    """What a pronoun stands for: what the question asked about, or the only name in it."""
    defined = _DEFINED.match(base)
    if defined:
        return _of_definition(defined, pronoun)
    if pronoun in _MANY or pronoun == "one" or _WHICH_IS.match(base):
        return None
    named = _named(base)
    if len(named) != 1 or named[0].prep:
        return None  # what stands behind a preposition is mostly where or of what, and not what the question is about
    fits = _fits_person(base, named[0]) if pronoun in _PERSON else not _DOING.search(base)
    return named[0].text if fits else None


def _fits_person(base: str, named: Span) -> bool:
    """Whether 'he' may be the name in the question. Of "Who directed Alien?" it is the answer that is a person."""
    if _ASKS_WHO.match(base) and not _ASKS_DEED.match(base):
        return False
    return named.kind == "proper" and not named.text.lower().startswith("the ")


def _named(text: str) -> list[Span]:
    return [span for span in spans(text) if span.kind in ("proper", "place", "programming", "quoted")]


def _of_definition(found: re.Match[str], pronoun: str) -> str | None:
    thing = found["n"].strip()
    words = thing.lower().split()
    if len(words) > 6 or points(thing):
        return None
    many = bool(re.search(r"\b(?:are|were)\b", found.group("what") or found.group("who") or ""))
    if pronoun in _PERSON:
        return thing if found["who"] else None
    if pronoun == "one":
        return thing if words[0] in ("a", "an") else None
    if (pronoun in _MANY) != many or found["who"]:
        return None
    return None if not many and len(words) > 1 and {"of", "in", "for", "on"} & set(words) else thing
