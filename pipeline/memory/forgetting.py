"""Wishes to forget."""

from __future__ import annotations

import re

from pipeline.memory.clauses import Clause
from pipeline.memory.ops import Drop, DropAll, DropLast, Op
from pipeline.memory.slots import key, of_user

_FORGET = re.compile(
    r"(?:(?:please|can you|could you|you can|you may|you should|i want you to|just) )*"
    r"(?P<verb>forget|delete|erase|remove|ignore|disregard|wipe|clear|scratch|drop|don't remember|do not remember|never mind)"
    r"(?: about)?(?: (?P<what>.+))?$",
    re.IGNORECASE,
)
# These say that memory is meant; "delete the last line" and "clear everything" are tasks.
_FIRM = frozenset({"forget", "don't remember", "do not remember", "never mind"})
_LAST = re.compile(
    r"(?:that|it|this|that one|what i (?:just )?(?:said|told you|wrote)|(?:my |the )?last (?:message|thing|one|sentence|note))"
    r"(?: again| please)?$",
    re.IGNORECASE,
)
_KNOWN_OF_ME = (
    r"(?:i(?:'ve| have)? (?:ever )?(?:told|said)(?: to)?(?: you)?|you (?:know|remember|have(?: stored)?|stored|learned))"
)
_ALL = re.compile(
    rf"(?:everything|all)(?: of it)?(?: (?:that )?{_KNOWN_OF_ME})?(?: (?:about|on|of) me)?(?: so far)?$"
    r"|all (?:my|your) (?:data|memories|memory|notes)(?: about me)?$|me$|(?:your|the) memory(?: of me)?$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:(?:what|whatever|anything|everything) (?:i|you)(?:'ve| have)? (?:just )?(?:said|told you|know|remember|mentioned|wrote)?"
    r"(?: to you)?(?: about)?|about|that|the (?:fact|thing) (?:that|about)) ",
    re.IGNORECASE,
)
_FROM_MEMORY = re.compile(r"\s(?:from|in|out of) (?:your|the) (?:memory|notes|mind)$", re.IGNORECASE)
_STATED = re.compile(r"(?:i|i'm|we|we're|my \w+ is)\b", re.IGNORECASE)
_OWNED = re.compile(r"^(?:my|our|the|about|your)\s+", re.IGNORECASE)
_ASKED = {
    "home": r"where (?:i|we) live|my (?:home|address|city|location)",
    "employer": r"(?:who|where) (?:i|we) work(?: for| at)?|my employer",
    "job": r"what i do(?: for (?:a living|work))?|my (?:job|profession)",
    "name": r"my name|what i'm called|who i am",
    "origin": r"where (?:i'm|i am|i come) from",
}


def forgotten(clause: Clause) -> Op | str | None:
    """A wish to forget: an operation; or as text, a statement that is not to be remembered any more."""
    found = _FORGET.match(clause.rest)
    if not found or not found["what"]:
        return None
    verb, said = found["verb"].lower(), found["what"].strip(" .!,")
    what = _FROM_MEMORY.sub("", said)
    firm = verb in _FIRM or what != said
    if _LAST.match(what):
        return DropLast() if firm or verb == "scratch" else None
    if _ALL.match(what):
        return DropAll() if firm or "me" in what.split() else None
    about = _ABOUT.match(what)
    return _dropped(what[about.end() :] if about else what) if firm or about else None


def _dropped(what: str) -> Op | str | None:
    for relation, pattern in _ASKED.items():
        if re.fullmatch(pattern, what, re.IGNORECASE):
            return Drop(slot=of_user(relation))
    if _STATED.match(what):
        return what
    words = _OWNED.sub("", what)
    return Drop(words=words) if key(words) else None
