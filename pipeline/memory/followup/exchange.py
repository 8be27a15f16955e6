"""'And in Python?': the question before, with one piece exchanged. Only where exactly one piece can be meant."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import ORDINALS, several
from pipeline.memory.followup.forms import Fragment
from pipeline.memory.followup.spans import Span, kind_of, spans

# Kinds of which the words are known, so that a piece of the kind is meant whatever stands around it.
_CLOSED = frozenset({"programming", "language", "place", "date", "year", "percentage", "quoted", "code", "ordinal", "number"})
_NAMES = {"proper", "place"}  # the names of cities are in no list
_SEVERAL = re.compile(r"\b(?:or|than|versus|vs|between|compare[d]?|difference)\b", re.IGNORECASE)
_ADDED = frozenset({"with", "without"})
_FINAL = re.compile(
    r"^(?:what(?:'s| is| are)|who(?:'s| is| was| were)|explain|define|describe|tell me about|how do (?:you|i) (?:spell|"
    r"pronounce|say)|what does|explain how) (?:the (?:\w+ ){1,2}of )?(?P<n>(?:an? |the )?[\w-]+(?: [\w-]+)?)(?= (?:mean|"
    r"works?|work)\b|[?.!]*$)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"\b(?P<aux>do|does) (?P<n>[a-z]{3,}) (?=[a-z])")
_FIRST = re.compile(r"^(?:is|are|was|were|can|should|will) (?P<n>[a-z]{3,}) (?=[a-z])", re.IGNORECASE)
# "its area" exchanges what is asked of a thing, and is no other thing.
ATTRIBUTES = several(
    "area population size height weight length width depth price cost age speed temperature density capacity distance "
    "currency climate diameter mass volume gdp area value meaning definition origin symptoms causes cause treatment history "
    "structure function flag anthem radius circumference perimeter duration frequency wavelength charge color colour taste "
    "smell shape etymology pronunciation plural"
)


def exchanged(base: str, piece: Fragment) -> str | None:
    """The question with what the fragment names in the place of what it had there; None where that is not certain."""
    if piece.noun.lower().removeprefix("the ") in ORDINALS:
        piece = Fragment(piece.prep, piece.noun.lower().removeprefix("the "))
    kind = kind_of(piece.noun, led=piece.led or bool(piece.prep))
    if not kind:
        return None
    for way in (_by_head, _by_kind, _by_place, _added):
        found = way(base, piece, kind)
        if found is not None:
            return found if found.lower() != base.lower() else None
    return None


def _by_head(base: str, piece: Fragment, kind: str) -> str | None:
    """'The second largest?' after 'Which is the largest?': the same noun, described in another way."""
    words = piece.noun.split()
    if len(words) < 2:
        return None
    head = re.escape(words[-1])
    article = re.escape(words[0]) if words[0].lower() in ("a", "an", "the") else ""
    if article:
        found = list(re.finditer(rf"\b(?:an?|the) (?:[\w-]+ ){{0,2}}?{head}\b", base, re.IGNORECASE))
        if len(found) == 1:
            return _put(base, found[0].start(), found[0].end(), piece.noun)
    named = [span for span in spans(base) if span.kind == "proper" and words[-2] in span.text.split()[:-1]]
    if len(named) == 1 and kind == "proper":
        cut = named[0].text.split()
        kept = cut[: cut.index(words[-2])]
        return _put(base, named[0].start, named[0].end, " ".join([*kept, *words[-2:]]))
    return None


def _by_kind(base: str, piece: Fragment, kind: str) -> str | None:
    """The only piece of the same kind."""
    if kind not in _CLOSED and kind != "proper":
        return None
    able = [span for span in spans(base) if span.kind == kind or {span.kind, kind} == _NAMES]
    if piece.prep:
        able = [span for span in able if span.prep == piece.prep] or [
            span for span in able if span.prep and kind in _CLOSED - {"number"}
        ]
    if len(able) != 1 or (kind == "proper" and _SEVERAL.search(base)) or (kind == "language" and not able[0].prep):
        return None
    if kind in ("programming", "place") and _SEVERAL.search(base) and len(spans(base)) > 1:
        return None
    return _replaced(base, able[0], piece.noun)


def _by_place(base: str, piece: Fragment, kind: str) -> str | None:
    """Common nouns: the piece behind the same preposition; without one, what the question is about."""
    if kind in _CLOSED or _SEVERAL.search(base) or piece.noun.lower().split()[-1] in ATTRIBUTES:
        return None
    if piece.prep == "to" and not re.match(r"(?:an?|the|my)\s|[A-Z]", piece.noun):
        return None  # it may be a verb
    if piece.prep:
        able = [span for span in spans(base) if span.prep == piece.prep and span.kind in ("common", "indefinite", "plural")]
        return _replaced(base, able[0], piece.noun) if len(able) == 1 and kind != "proper" else None
    if kind == "indefinite":
        able = [span for span in spans(base) if span.kind == "indefinite" and not span.prep]
        if len(able) == 1:
            return _replaced(base, able[0], piece.noun)
    return _of_subject(base, piece.noun, kind)


def _of_subject(base: str, noun: str, kind: str) -> str | None:
    """'And eggs?' after 'How long does milk last?'"""
    found = _FINAL.match(base)
    if found and (kind in ("bare", "plural", "indefinite") or found["n"][:2].lower() in ("a ", "an")):
        return _put(base, found.start("n"), found.end("n"), noun)
    subjects = list(_SUBJECT.finditer(base))
    if len(subjects) == 1 and kind in ("bare", "plural") and " " not in noun:
        one = subjects[0]
        aux = "do" if kind == "plural" else "does" if one["aux"] == "does" else "do"
        return f"{base[: one.start('aux')]}{aux} {noun}{base[one.end('n') :]}"
    first = _FIRST.match(base)
    if first and " " not in noun:
        plural = first["n"].endswith("s") and not first["n"].endswith("ss")
        others = [span for span in spans(base[first.end("n") :]) if not span.prep and span.kind in ("plural", "indefinite")]
        if (kind == "plural") == plural and not others and (plural or kind == "bare") and not _two_bare(base, first):
            return _put(base, first.start("n"), first.end("n"), noun)
    return None


def _two_bare(base: str, first: re.Match[str]) -> bool:
    """Whether a verb with an object follows the subject, so that a mere noun might be either."""
    opening = first.group().split()[0].lower()
    return opening in ("can", "should", "will") and not first["n"].endswith("s")


def _added(base: str, piece: Fragment, kind: str) -> str | None:
    """'And without eggs?' after 'How do I make pancakes?'"""
    if (
        piece.prep not in _ADDED
        or re.search(r"\bwith(?:out)?\b", base)
        or kind not in ("common", "plural", "indefinite", "bare", "definite")
    ):
        return None
    if not re.match(r"(?:how (?:do|can|would|should)|can you (?:recommend|suggest)|recommend|suggest)\b", base, re.IGNORECASE):
        return None
    body = base.rstrip("?.! ")
    return f"{body} {piece.prep} {piece.noun}{base[len(body) :].strip() or ''}"


def _replaced(base: str, span: Span, noun: str) -> str:
    """The base with another noun in a span's place; a number that comes without a unit keeps the old one."""
    if span.kind in ("number", "year") and re.fullmatch(r"[$€£]?\d[\d.,]*", noun):
        unit = span.text.partition(" ")[2]
        noun = f"{noun} {unit}".strip()
    start = span.start
    if re.match(r"(?:an?|the|some)\s", noun, re.IGNORECASE):
        before = re.search(r"\b(?:an?|the|some) $", base[:start], re.IGNORECASE)
        start = before.start() if before else start
    return _put(base, start, span.end, noun)


def _put(base: str, start: int, end: int, noun: str) -> str:
    noun = noun[0].upper() + noun[1:] if start == 0 else noun
    return base[:start] + noun + base[end:]
