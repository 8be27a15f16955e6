"""Words that fill a sentence. Quotes are left as they are."""

from __future__ import annotations

import re
from collections.abc import Set

from pipeline.cache.guards.words import several
from pipeline.optimise.capitals import capital
from pipeline.optimise.english import lowered
from pipeline.optimise.protected import overlaps, quoted

# A sentence that begins with one of these, or has one of them within commas, may have fillers.
OPENERS = several(
    "well so okay ok alright anyway actually in first to simply long with that having here as quite very truth honestly "
    "frankly basically "
    "essentially obviously of naturally needless for fyi just by btw imho at all you i it hi hello hey hiya howdy "
    "greetings good"
)
_ALONE = ("basically ", "so basically ", "obviously ", "honestly ", "it goes ", "needless ")  # that need no comma
FIRST = 60  # characters in which the comma behind a filler stands
ASIDES = several(
    "know imagine guess aware mentioned said noted tell honest frank fair truth honestly frankly basically essentially "
    "obviously course "
    "naturally fact needless least information fyi way btw humble imho end considered mean see wondering curious matters helps"
)
CONDITIONS = several("if whenever when convenience")
_SURELY = r"(?: (?:may|might|probably|surely|can|already|certainly|sure|will|have|well|all|you|no doubt|just|would))*"
_KNOWN = (
    rf"as (?:you|i)(?:'m| am)?{_SURELY} (?:know|imagine|guess|aware|mentioned|said|noted|tell)"
    r"(?: (?:already|before|above|earlier|by now))?"
)
_HONEST = (
    r"to (?:be (?:\w+ )?(?:honest|frank|fair)|tell (?:you )?the truth)(?: with you)?|truth be told"
    r"|(?:quite |very )?(?:honestly|frankly)(?: speaking)?"
)
_ASIDE = (
    rf"{_KNOWN}|{_HONEST}|basically|essentially|obviously|of course|naturally|as a matter of fact|needless to say"
    rf"|to say the least"
    r"|for your information|fyi|just so you know|by the way|btw|in my (?:own )?humble opinion|imho|at the end of the day"
    r"|all things considered|you know|i mean|i guess|you see|in case (?:you(?:'re| are) (?:wondering|curious)|(?:that"
    r"|this|it) (?:matters|helps))"
)
_START = (
    r"well|so|okay|ok|alright|anyway|actually|in fact|first of all|to (?:start|begin) with|simply put|in a nutshell"
    r"|long story short"
    r"|(?:with )?that (?:being )?said|having said that|(?:okay |ok )?so here(?:'s| is) the (?:thing|deal)|here(?:'s"
    r"| is) the (?:thing|deal)|okay so|ok so"
)
_HELLO = (
    r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: there| all| everyone| again| my friend| team| to you)?[,!]"
)
_OPENING = re.compile(
    rf"\A(?:(?:(?:{_START}|{_ASIDE}),|(?:so )?basically|obviously|honestly|it goes without saying that|needless to say"
    rf"|{_HELLO}) )+(?=\S)"
)
_INSIDE = re.compile(rf", (?:{_ASIDE})(?:,(?= )|(?=[.!?]))")
_TOO_MUCH = r"(?:(?:is|'s) not|isn't|is|'s)(?: too much| not too much| no)? (?:trouble|to ask|bother|of a bother|hassle)"
_IF_OK = (
    r"if (?:(?:that|this|it)(?:'s| is| would be)(?: all)? (?:ok|okay|alright|right|fine|possible for you)(?: (?:with"
    r"|for|by) you)?"
    rf"|you (?:do not|don't|would not|wouldn't) mind(?: me asking)?|(?:it|that|this) ?{_TOO_MUCH}"
    r"|you (?:have|can spare|could spare|happen to have|find) (?:a|some|the|a little) (?:spare |free )?(?:moment|minute"
    r"|second|time)"
    r"|you (?:would|could|will|can) be so kind|i may(?: ask)?|that makes sense)"
)
_WHENEVER = (
    r"(?:whenever|when) (?:you (?:have|get|find) (?:a|some|the) (?:moment|minute|second|time|chance)|it suits you)"
    r"|at your (?:earliest )?convenience"
)
_CONDITION = re.compile(
    rf"\A(?:{_IF_OK}|{_WHENEVER}),? (?=(?:i|we|it|could|can|would|will|please|might|may)\b)"
    rf"|,? (?:{_IF_OK}|{_WHENEVER})(?=[,.!?]|\s*\Z)"
)


def unfilled(sentence: str, present: Set[str]) -> str:
    """The sentence without fillers around and in it. `present` are its words."""
    low = lowered(sentence)
    first = low[:FIRST]
    opens = ("," in first or "!" in first or low.startswith(_ALONE)) and low.partition(" ")[0].strip(",!") in OPENERS
    opening = _OPENING.match(low) if opens else None
    found = sentence[opening.end() :] if opening else sentence
    if not CONDITIONS.isdisjoint(present):
        found = _without(_CONDITION, found)
    if "," in found and not ASIDES.isdisjoint(present):
        found = _without(_INSIDE, found)
    return capital(found) if found != sentence and sentence[:1].isupper() else found


def _without(pattern: re.Pattern[str], text: str) -> str:
    spans = [match.span() for match in pattern.finditer(lowered(text))]
    if not spans:
        return text
    kept = quoted(text)
    parts: list[str] = []
    place = 0
    for start, end in spans:
        if not overlaps((start, end), kept):
            parts.append(text[place:start])
            place = end
    return "".join([*parts, text[place:]])
