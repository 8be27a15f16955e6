"""Several questions in a running text: each made to stand alone, or the reason why one of them cannot."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.cache.guards.reading import is_common, stem
from pipeline.decompose import shared
from pipeline.decompose import words as w
from pipeline.decompose.acts import REQUEST, fronted
from pipeline.decompose.gather import Asked, Gathered
from pipeline.decompose.plan import Part, Plan
from pipeline.decompose.references import points_out
from pipeline.decompose.resolve import Meant, meant, resolved
from pipeline.decompose.text import piece

_I = re.IGNORECASE
_CONDITION = re.compile(r"(?:if|when|suppose|assuming|assume|given|considering|unless)\b", _I)
_SUPPOSED = re.compile(r".*\b(?:if|would|suppose)\b", _I)
_WOULD = re.compile(r"(?:would|might)\b", _I)
_WHICH = re.compile(
    r"(?:what|which|whose)\s+(?P<noun>(?!is\b|are\b|was\b|were\b|do\b|does\b|did\b|has\b|have\b|"
    r"can\b|could\b|should\b|would\b|will\b)[\w-]+)",
    _I,
)
_LIGHT = re.compile(
    rf"{w.WH}|{w.WH_SHORT}|{w.AUX}|{w.DETERMINER}|{w.PERSONAL}|{w.PREPOSITION}|and|or|not|to|be|"
    r"been|being|have|do|get|go|make|take|use|need|want|know|"
    r"involved|happen|happens|happening|mean|work|works|look|say|done|much|many|long|often|here|"
    r"now|think|feel|please|try|used|better|best|good|me|help",
    _I,
)
_WORD = re.compile(r"[\w'-]+")
_PLAIN = re.compile(r"[a-z]{2,}")
_NAMES = re.compile(r"\s(?!I\b)[A-Z]|[\"“\d]|\w[-_/]\w")
_ABOUT_ME = re.compile(r"(?:will|would|should|do|am|did|shall)\s+(?:i|we)\b", _I)
_MINE = re.compile(r"\b(?:i|i'm|my|me|we|our)\b", _I)
_PLACED = re.compile(rf"\b{w.PREPOSITION}\s+(?:the\s+)?(?-i:[A-Z])[^?]*\??\s*$", _I)
_NAME = re.compile(r"\b(?!I\b)[A-Z]")
_ANCHOR = re.compile(
    rf"\s[A-Z\"“'(]|\b(?:{w.WH}|whether)\s+(?:\w+\s+){{1,}}?\w|\b(?:of|about|for|in|to|from|between)\s+(?!(?:the|"
    r"this|that|it|them|each|all)\b)\w"
)


def parted(found: Gathered) -> Plan | str:
    """A plan of two questions or more; otherwise why not."""
    if any(one.odd for one in found.asked):
        return "context"
    asked = _scoped(found.asked)
    if isinstance(asked, str):
        return asked
    last, condition = shared.tail(asked[-1].text) if all(one.joined for one in asked[1:]) else (asked[-1].text, "")
    if condition:
        asked = [*asked[:-1], asked[-1]._replace(text=last)]
    parts = _standing(asked, found.topic)
    if isinstance(parts, str):
        return parts
    behind = " ".join(filter(None, (*found.shapes, condition)))
    said = tuple(
        Part(f"{found.topic}{_lower(part.text) if found.topic else part.text} {behind}".rstrip(), part.needs, part.label)
        for part in parts
    )
    sure = all(_is_sure(one, asked[:place]) for place, one in enumerate(asked) if place)
    return Plan(said, "chain" if any(part.needs for part in said) else "questions", sure=sure)


def _scoped(asked: Sequence[Asked]) -> list[Asked] | str:
    """With a phrase before the first question said by the others too, if it is meant for them."""
    front, _ = fronted(asked[0].text)
    if not front.raw:
        return list(asked)
    if _CONDITION.match(front.masked) or not shared.is_shared(front):
        return "scope"
    return [
        one._replace(text=piece(f"{front.raw}, {one.text.raw}")) if place and not fronted(one.text)[0].raw else one
        for place, one in enumerate(asked)
    ]


def _standing(asked: Sequence[Asked], topic: str) -> list[Part] | str:
    """Each as a part which stands alone, with the topic that is put before it."""
    parts: list[Part] = []
    of: Meant | None = None
    for place, one in enumerate(asked):
        if len(one.text.masked.split()) < (3 if one.asks else 2):
            return "short_part"
        text, needs = one.text.raw, tuple[int, ...]()
        before = [other.text.raw for other in asked[:place]]
        if points_out(topic + one.text.masked, before):
            of = of or meant(asked[0].text, 1)
            found = (
                resolved(one.text, of) if place and of and (place == 1 or parts[-1].text != _plain(asked[place - 1])) else None
            )
            if not found or points_out(piece(found[0]).masked, before):
                return "refers_back"
            text, needs = found
        elif place and not topic:
            reason = _leans(asked, place)
            if reason:
                return reason
        parts.append(Part(shared.finished(text, one.asks), needs, label=one.text.raw))
    return parts


def _plain(one: Asked) -> str:
    return shared.finished(one.text.raw, one.asks)


def _leans(asked: Sequence[Asked], place: int) -> str | None:
    """Why a part hangs on those before it without a word that says so; None when it does not."""
    one, before = asked[place], asked[:place]
    if _scoped_by(one, before):
        return "scope"
    if not _says_enough(one, before) or any(_echoes(one.text.masked, other.text.masked) for other in before):
        return "refers_back"
    return None


def _scoped_by(one: Asked, before: Sequence[Asked]) -> bool:
    """Whether what was supposed, or said behind the last question, may be meant here too."""
    supposed = _WOULD.match(one.text.masked) and any(_SUPPOSED.match(other.text.masked) for other in before)
    return bool(supposed or (one.joined and _tail_may_be_shared(before[-1].text.masked, one.text.masked)))


def _is_sure(one: Asked, before: Sequence[Asked]) -> bool:
    """Whether a question names something of its own, and does not go on about the one who asks ("will I be kicked out?")."""
    text = one.text.masked
    told = _ABOUT_ME.match(text) and any(_MINE.search(other.text.masked) for other in before)
    return is_firm(text) and not told


def _says_enough(one: Asked, before: Sequence[Asked]) -> bool:
    """Whether a part says what it is about: more than grammar ("what do I have?", "what do you think?")."""
    if not one.asks:
        return _anchored(one, before)
    return any(not _LIGHT.fullmatch(word) for word in _WORD.findall(one.text.masked))


def is_firm(text: str) -> bool:
    """Whether a part names something of its own: a name, a number, a quotation, or a word that is not an everyday one."""
    return bool(_NAMES.search(text)) or any(
        not is_common(word) and not is_common(stem(word)) for word in _PLAIN.findall(text.lower())
    )


def _tail_may_be_shared(text: str, following: str) -> bool:
    """Whether "what are the best and what are the worst schools in Ohio" asks for both of Ohio."""
    same = text.lower().split()[:2] == following.lower().split()[:2]
    return same and bool(_PLACED.search(following)) and not _NAME.search(text[1:])


def _echoes(text: str, before: str) -> bool:
    """Whether "which problems" asks about the problems spoken of before, or "what percent come" leaves out of what."""
    match = _WHICH.match(text)
    if not match:
        return False
    noun = re.escape(match["noun"])
    other = _WHICH.match(before)
    if other and other["noun"].lower() == match["noun"].lower():
        return bool(re.match(r"\s+of\b", before[other.end() :])) and not re.match(r"\s+of\b", text[match.end() :])
    return bool(re.search(rf"\b{noun}\b", before, _I))


def _anchored(one: Asked, before: Sequence[Asked]) -> bool:
    """Whether a request says itself what it is about. One that shares its sentence with another hardly ever does."""
    verb = REQUEST.match(one.text.masked)
    if verb and any(
        same and same["verb"].lower() == verb["verb"].lower() for same in (REQUEST.match(other.text.masked) for other in before)
    ):
        return True
    if one.joined and not re.search(r"\s[A-Z\"“'(]", one.text.masked):
        return False
    return bool(_ANCHOR.search(one.text.masked))


def _lower(text: str) -> str:
    return text if text[:2].isupper() or text.startswith("I ") else text[:1].lower() + text[1:]
