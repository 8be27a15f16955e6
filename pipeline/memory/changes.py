"""Phrases that say what is no longer so, and what is instead."""

from __future__ import annotations

import re

from pipeline.memory.clauses import Clause
from pipeline.memory.ops import Swap
from pipeline.memory.values import is_thing, trimmed, unarticled

_WE = r"(?:i|we)(?:'ve|'m|'re| have| am| are)?(?: (?:just|finally|recently|also|now))?"
_HABIT = r"(?:use|live|work|like|love|drive|own|have|eat|study|go|prefer|need|play|write|code|do|fly|answer|run)"
_ENDING = (
    r"(?:left|dropped(?: out of)?|gave up(?: on)?|given up(?: on)?|abandoned|sold|ditched|wiped|got rid of|put|finished|"
    r"cancelled|canceled|deleted|lost|returned|(?:gone|went) off|(?:had|have had) enough of|(?:got|am|are|grew) (?:bored|"
    r"tired) (?:of|with)|done with|over with|handed in (?:my|our) notice at|moved (?:away|on) from|said goodbye to|resigned "
    r"from|uninstalled)"
)
_DOING = r"(?:(?:being|using|working|playing|doing|living|driving|eating|studying) )?"
_AT = r"(?:(?:in|at|for|with|on|as|into|to) )?(?:(?:an?|the|my|our|any) )?"
_OLD = r"(?P<old>\S.*?)"
_END = r"(?: any ?more| any longer| for good| now| aside)?$"
_ENDED = tuple(
    re.compile(rf"{pattern}{_AT}{_OLD}{_END}", re.IGNORECASE)
    for pattern in (
        r"(?:not|no more|no longer|forget about|enough of|never mind|instead of|rather than) ",
        r"(?:i'm|i am|we're|we are|it's|it is) (?:no longer|not) (?:using |working |living |based |called |named )?",
        rf"(?:i|we) no longer (?:{_HABIT} )?",
        rf"(?:i|we) (?:don't|do not) {_HABIT} ",
        r"(?:please )?(?:stop|stopped|quit) (?:calling me|using|answering|replying|responding|writing|being|giving me) ",
        rf"{_WE} (?:stopped|quit) {_DOING}",
        rf"{_WE} {_ENDING} {_DOING}",
        r"(?:please )?(?:don't|do not|never) (?:call|address) me ",
        r"you (?:don't|do not) (?:need|have) to (?:use|answer|reply|write|call me|give me) ",
        r"there(?:'s| is| are) no (?:more )?",
        r"(?:the|my|our) \w+ (?:didn't|don't|doesn't) like ",
        r"(?:the|my|our) [\w ]{2,30}? (?:is|are)(?: not|n't) ",
    )
)
_STILL = re.compile(
    r"\b(?:any ?more|any longer|no longer|no more|stop|for good)\b|^(?:not|forget|enough|never mind|there|instead|rather)\b",
    re.IGNORECASE,
)
_WAS_SO = re.compile(r"(?:i|we) (?:don't|do not) ", re.IGNORECASE)
_EXCHANGING = r"(?:replaced|swapped|traded|exchanged|changed|ditched|dropped|left|abandoned|sold|gave up|given up)"
_MOVING = r"(?:switched|moved(?: on| over| away)?|changed|converted|migrated|transferred)"
_NAMED = r"(?P<new>(?:the |an? )?(?-i:[A-Z]).*?|the \w+(?: \w+)?)"
_SWAPPED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_WE} {_EXCHANGING}(?: in)? (?:(?:my|our|the) )?{_OLD} (?:in )?(?:with|for|against|by) (?:an? |the )?(?P<new>.+)",
        rf"{_WE} {_MOVING} from {_OLD} to (?P<new>.+)",
        rf"(?:replace|change|switch|swap) (?:from )?{_OLD} (?:with|to|for|by) (?P<new>.+)",
        rf"(?:i|we) (?:don't|do not|no longer) {_HABIT} {_AT}{_OLD}(?: any ?more)?,? but {_AT}(?P<new>.+)",
        r"it(?:'s| is)(?: now)? (?P<new>(?-i:[A-Z]).*?)(?:,? actually)?(?:,? (?:and )?not (?P<old>.+))?$",
        rf"(?:i'm|i am|we're|we are) (?:(?:on|with|at|in) )?{_NAMED} now(?:,? (?:and )?not (?P<old>.+))?$",
        rf"{_WE} (?:bought|installed|got|took up|taken up|started|chose|enrolled (?:at|in)|joined|moved to|settled in|adopted|"
        rf"start at|"
        r"use|drive|have|play|work (?:at|for)|called it|opened) (?:(?:an?|the) )?(?P<new>(?!to\b|rid\b).+)",
        r"(?:his|her|its|their) name(?:'s| is)(?: now)? (?P<new>(?-i:[A-Z]).+)",
    )
)


def ended(clause: Clause) -> str:
    """What a clause says is no longer so: 'not Python any more'; empty where it says no such thing."""
    for pattern in _ENDED:
        found = pattern.match(clause.rest)
        if found:
            return trimmed(found["old"])
    return ""


def is_final(clause: Clause) -> bool:
    """Whether what has ended is said to have ended, rather than never to have been: 'I don't like it' ends nothing."""
    return bool(_STILL.search(clause.rest)) or not _WAS_SO.match(clause.rest)


def swapped(clause: Clause) -> Swap | None:
    """'I traded the Skoda for a Toyota': what is new, for what was so before, whatever that was.

    `old` is empty where only a clause beside this one may tell it: 'It's Ana, not Anna', 'we sold the Skoda and bought a Toyota'.
    """
    for pattern in _SWAPPED:
        found = pattern.match(clause.rest)
        if found:
            new = unarticled(trimmed(found["new"]))
            return Swap(trimmed(found.groupdict().get("old") or ""), new) if is_thing(new) else None
    return None
