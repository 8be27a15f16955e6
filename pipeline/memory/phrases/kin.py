"""Whom and what one has one of: a dog, a daughter, a boss, a wifi network; their names, and a few facts of family and animals."""

from __future__ import annotations

import re

from pipeline.cache.guards.reading import is_common
from pipeline.cache.guards.words import several
from pipeline.memory.items import Slot
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import ADVERB, AM, HAVE, LOW, MY, NAME, SOMEBODY, VALUE, Heard, phrase, put, told
from pipeline.memory.slots import canon, words_of
from pipeline.memory.values import is_person_name, is_proper, trimmed
from pipeline.memory.words import DIETS, FAMILY, OTHER_PEOPLE, PASSING, PETS, VAGUE

_PLAIN = several("new old little big own dear late beloved lovely other older younger eldest oldest youngest baby")
_CALLED = r"(?:called|named|renamed(?: to)?)"
_GOT = r"(?:(?:just|recently|got|own|adopted|bought|also|now) )*"


def _named(found: re.Match[str], heard: Heard) -> Put | None:
    return name_of(found["s"], *told(found))


def name_of(subject: str, value: str, old: str) -> Put | None:
    """The name of the user's dog, daughter or wifi network; None for people of whom one may have many."""
    words = words_of(subject)
    while len(words) > 1 and words[0] in _PLAIN:
        words = words[1:]
    if not words or any(word in OTHER_PEOPLE for word in words) or words[-1] in PASSING | VAGUE:
        return None
    name = " ".join(words)
    if words[-1] not in FAMILY | PETS:
        return put(canon(name), name, value, old=old)
    return put(Slot(canon(name), "name"), f"{name}'s name", value, old=old) if is_person_name(value, sure=True) else None


def _apposition(found: re.Match[str], heard: Heard) -> Put | None:
    """'My daughter Mia starts school', 'my dog is Rex'."""
    value = found["v"]
    if words_of(found["s"])[-1] not in FAMILY | PETS:
        return None
    rare = words_of(found["s"])[-1] in PETS and not is_common(value) and is_person_name(value, sure=True)
    looks = rare or is_person_name(value, sure=False)
    return name_of(found["s"], value, "") if looks else None


def _mentioned(found: re.Match[str], heard: Heard) -> Put | None:
    """'His name is Rex', after a dog was mentioned."""
    if heard.subject in ("", "home", "taste"):
        return None
    said = name_of(heard.subject, *told(found))
    if said is None or words_of(heard.subject)[-1] in PETS | FAMILY:
        return said
    return put(said.slot, said.label, said.value, old=said.old, if_known=True)


def _the_thing(found: re.Match[str], heard: Heard) -> Put | None:
    """'The wifi network is called Falcon' is only a note where somebody asks for it, or where it changes one."""
    said = _named(found, heard)
    if said is None or heard.clause.remember or words_of(found["s"])[-1] in PETS:
        return said
    return put(said.slot, said.label, said.value, old=said.old, if_known=True)


def _spouse(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return put(Slot("spouse", "name"), "spouse's name", value, old=old) if is_person_name(value, sure=False) else None


def _of_family(found: re.Match[str], heard: Heard) -> Put | None:
    """'My mum lives in Leeds', 'my girlfriend is vegan', 'my daughter is 7'."""
    subject, verb = words_of(found["s"]), found["verb"].lower()
    value, old = told(found)
    if subject[-1] not in FAMILY | PETS or not value:
        return None
    if verb == "is":
        first = words_of(value)[0]
        if not (first in DIETS or first.isdigit() or re.match(r"(?:an?|the|from|\w+ years)\b", value)):
            return None
    elif not is_proper(value) and verb not in ("likes", "loves", "hates"):
        return None
    relation = "lives in" if verb == "moved to" else re.sub(r"\s(?:an?|the)$", "", verb)
    return put(
        Slot(canon(" ".join(subject)), relation), f"{' '.join(subject)} {relation}", trimmed(value), importance=LOW, old=old
    )


KIN = (
    phrase(rf"{MY} {SOMEBODY}'s? (?:code ?)?name(?:'s| is)(?: now)? {VALUE}", _named),
    phrase(rf"{MY} {SOMEBODY}(?:'s| is| are| was)? (?:now )?{_CALLED} {VALUE}", _named),
    phrase(rf"{HAVE} {_GOT}an? {SOMEBODY},? (?:called|named|whose name is|by the name of) {VALUE}", _named),
    phrase(rf"{HAVE} (?:ended up )?(?:(?:re)?named|naming|calling|called) (?:my|our|the) {SOMEBODY} {NAME}", _named),
    phrase(rf"{NAME} is (?:the name of )?{MY} {SOMEBODY}(?:'s name)?$", _named),
    phrase(rf"{MY} {SOMEBODY} goes by {VALUE}", _named),
    phrase(rf"{MY} {SOMEBODY},? {NAME}(?=[ ,]|$)", _apposition),
    phrase(rf"{MY} {SOMEBODY} is (?P<v>[\w'-]+)$", _apposition),
    phrase(rf"{HAVE} {_GOT}an? {SOMEBODY}, {NAME}(?=[ ,]|$)", _apposition),
    phrase(rf"{AM} {ADVERB}married to {VALUE}", _spouse),
    phrase(rf"(?:his|her|its|their) name(?:'s| is)(?: now)? {VALUE}", _mentioned),
    phrase(rf"(?:he|she|it)(?:'s| is)(?: now)? called {VALUE}", _mentioned),
    phrase(rf"it(?:'s| is)(?: now)? {NAME}", _mentioned),
    phrase(rf"the {SOMEBODY}(?:'s name)?(?: is| was|'s)(?: now)? {_CALLED} {VALUE}", _the_thing),
    phrase(
        rf"{MY} {SOMEBODY} (?P<verb>is|lives in|moved to|works (?:at|for|as an?|as)|studies(?: at)?|likes|loves|hates|plays|"
        rf"speaks) {VALUE}",
        _of_family,
    ),
)
