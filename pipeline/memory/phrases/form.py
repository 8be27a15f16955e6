"""What all tables of phrases share: a phrase is a pattern at the start of a clause, and what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from pipeline.memory.clauses import Clause
from pipeline.memory.items import Kind, Slot
from pipeline.memory.ops import Put
from pipeline.memory.slots import of_user
from pipeline.memory.values import is_thing, parted, trimmed

# How much a note is worth when there is not room for all.
HIGH, MIDDLE, LOW = 0.9, 0.7, 0.5

I = r"(?:i|we)"  # noqa: E741  it reads as what it matches
AM = r"(?:i'm|i am|im|we're|we are)"
HAVE = r"(?:i've|i have|we've|we have|i|we)"
WOULD = r"(?:(?:i|we)(?:'d| would)?(?: rather| really| always| much| strongly| now| still| only| generally| usually)*)"
MY = r"(?:my|our)"
IS = r"(?:'s| is| are|'re)"
ADVERB = (
    r"(?:(?:currently|now|still|also|just|recently|actually|already|mostly|mainly|usually|normally|always|only|primarily|really|"
    r"basically|often|all|both|generally|typically|happily|definitely|exclusively|finally|officially|very|quite|so|absolutely|"
    r"particularly|proudly|strictly|in the process of|been) )*"
)
VALUE = r"(?P<v>\S.*)"
NAME = r"(?P<v>(?-i:[A-Z])[\w'-]*(?: (?-i:[A-Z])[\w'-]*)*)"
NOUN = r"(?P<a>[a-z][\w'-]*(?: [a-z][\w'-]*){0,2}?)"
SOMEBODY = r"(?P<s>(?:[a-z-]+ ){0,2}?[a-z-]+)"
# What a value has become: "is", "was moved to", "has grown from .. to".
BECAME = (
    r"(?:(?:is|are|'s)(?: now)?|(?:(?:has|have|just|got|was|were|been) )*(?:moved|changed|pushed|extended|postponed|"
    r"rescheduled|delayed|raised|lowered|increased|reduced|grown|shrunk|gone up|gone down|went up|went down|grew|shrank|cut|"
    r"set)(?: back| out)?(?: from (?P<old>.+?))? to)"
)


class Heard(msgspec.Struct, frozen=True):
    """A clause, and what the sentence has mentioned before it."""

    clause: Clause
    subject: str = ""  # "We adopted a dog" mentions a dog
    after: str = ""  # the next clause
    value: str = ""  # what the clause before it said

    @property
    def lasting(self) -> bool:
        """Whether a wish is said to hold longer than this conversation."""
        return self.clause.standing or self.clause.remember


Build = Callable[[re.Match[str], Heard], Put | None]


class Phrase(msgspec.Struct, frozen=True):
    pattern: re.Pattern[str]
    build: Build


def phrase(pattern: str, build: Build) -> Phrase:
    return Phrase(re.compile(pattern, re.IGNORECASE), build)


def first(table: Iterable[Phrase], heard: Heard) -> Put | None:
    """What the first phrase that fits says."""
    for each in table:
        found = each.pattern.match(heard.clause.rest)
        put = each.build(found, heard) if found else None
        if put is not None:
            return put
    return None


def put(
    relation: str | Slot,
    label: str,
    value: str,
    *,
    kind: Kind = Kind.FACT,
    importance: float = MIDDLE,
    everywhere: bool = True,
    old: str = "",
    if_known: bool = False,
    sure: bool = False,
) -> Put | None:
    """A value for a slot of the user, or for another slot; None where the value is nothing, unless that is `sure`."""
    if not value or not (sure or is_thing(value)):
        return None
    slot = of_user(relation) if isinstance(relation, str) else relation
    everywhere = everywhere and kind in (Kind.FACT, Kind.PREFERENCE)
    return Put(
        slot=slot,
        label=label,
        value=value,
        kind=kind,
        importance=importance,
        everywhere=everywhere,
        old=old,
        if_known=if_known,
    )


def simple(relation: str, label: str, kind: Kind = Kind.FACT, importance: float = MIDDLE) -> Build:
    """Says that the rest of the clause is the value."""

    def build(found: re.Match[str], heard: Heard) -> Put | None:
        value, old = told(found)
        return put(relation, label, value, kind=kind, importance=importance, old=old)

    return build


def told(found: re.Match[str], *, dated: bool = False) -> tuple[str, str]:
    """The value of a phrase, and the old one where the phrase has a place for it or the value is contrasted with it."""
    value, old = parted(found["v"], dated=dated)
    return value, old or trimmed(found.groupdict().get("old") or "", dated=dated)
