"""How somebody is called."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import AM, HAVE, HIGH, NAME, VALUE, Build, Heard, phrase, put, told
from pipeline.memory.slots import words_of
from pipeline.memory.values import is_person_name

_BEHIND = re.compile(r"\s(?:from|in|at|with|speaking|here|writing|again|btw|and|or|who)(?:\s.*)?$", re.IGNORECASE)
_LATER = several("when if tomorrow later back tonight once crazy stupid old-fashioned at on after before")
_YOU_MAY = (
    r"(?:(?:you (?:can|may|should)|(?:can|could|would) you|just|please|feel free to|i'd (?:like|want|love) you to|i want you "
    r"to|simply|only|so) )*"
)
_PEOPLE = r"(?:everyone|everybody|people|(?:my |all my |most )?(?:friends|mates|family|colleagues|buddies)|most people|they|all)"


def _name(*, sure: bool) -> Build:
    def build(found: re.Match[str], heard: Heard) -> Put | None:
        value, old = told(found)
        value = _BEHIND.sub("", value)
        return put("name", "name", value, importance=HIGH, old=old) if is_person_name(value, sure=sure) else None

    return build


def _called(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    if not is_person_name(value, sure=True) or words_of(value)[0] in _LATER:
        return None
    return put("called", "wants to be called", value, kind=Kind.PREFERENCE, importance=HIGH, old=old)


NAMES = (
    phrase(
        rf"(?:my )?(?:(?:full|first|last|real|actual|given|new) )?name(?:'s| is)(?: now)?(?: spelled| spelt)? {VALUE}",
        _name(sure=True),
    ),
    phrase(rf"the name(?:'s| is) {NAME}", _name(sure=False)),
    phrase(rf"it(?:'s| is) {NAME} (?:again|here)\b", _name(sure=False)),
    phrase(rf"{AM} (?:called|named) {VALUE}", _name(sure=True)),
    phrase(rf"{HAVE} (?:just |legally )?changed my name (?:from (?P<old>\S+) )?to {VALUE}", _name(sure=True)),
    phrase(rf"i go by {VALUE}", _name(sure=True)),
    phrase(rf"this is {NAME}(?: speaking| here| writing| from\b.*)?$", _name(sure=False)),
    phrase(
        r"(?P<v>(?!\w+ly\b)(?-i:[A-Z])[\w'-]*(?: (?-i:[A-Z])[\w'-]*)?)(?: from [\w ]{2,30})? (?:here|speaking)$",
        _name(sure=False),
    ),
    phrase(rf"{NAME} is (?:what i go by|my name)", _name(sure=True)),
    phrase(rf"{_YOU_MAY}(?:call|address) me(?: as)? {VALUE}", _called),
    phrase(rf"{_YOU_MAY}refer to me as {VALUE}", _called),
    phrase(rf"{_PEOPLE}(?: all| just| usually| mostly| always| often)? calls? me {VALUE}", _called),
    phrase(rf"{AM} (?:better |usually |mostly |also )*known as {VALUE}", _called),
    phrase(
        rf"i(?:'d| would)?(?:(?: rather| prefer to| like to| want to| love to)+ be| prefer being) (?:called|addressed as) "
        rf"{VALUE}",
        _called,
    ),
    phrase(rf"my nickname(?:'s| is) {VALUE}", _called),
)
