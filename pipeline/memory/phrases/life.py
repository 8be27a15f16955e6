"""What somebody does again and again: a verb of a closed list, or any with 'every morning'."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import ADVERB, LOW, Heard, I, phrase, put, told
from pipeline.memory.slots import canon, words_of
from pipeline.memory.words import PASSING, VAGUE

# With a preposition one does one thing at a time; with an object one may do several.
_BY = (
    r"(?P<verb>commute by|cycle to|walk to|drive to|volunteer (?:at|for|with|in)|major(?:ed)? in|specialise in|specialize in|"
    r"wake up at|get up at|go to bed at|sleep at|retire in|shop at|bank with|work from|train at|sing in|serve in|serve on|sit "
    r"on|belong to)"
)
_DOING = (
    r"(?P<verb>play|collect|support|wear|teach|coach|grow|breed|knit|sew|paint|bake|brew|sell|manage|run|lead|chair|edit|"
    r"practi[sc]e|ride|raise|keep|rent|follow|subscribe to|listen to|share|host|organi[sz]e|take|work)"
)
_HABIT = re.compile(
    r"\b(?:every (?:day|morning|evening|night|week|weekend|\w+day)|each (?:day|morning|week)|(?:once|twice) a (?:day|week))\b",
    re.I,
)
_RUNS = frozenset(
    {"run", "lead", "manage", "keep", "follow", "take", "work", "share", "host", "edit", "raise", "sell", "support", "teach"}
)
_LASTING = several(
    "bakery cafe café shop restaurant business company startup farm blog podcast newsletter channel studio club workshop "
    "store gallery team group choir band school hotel hostel agency firm clinic train bus bike tram subway metro bees "
    "chickens horses night shifts shift nights remotely part-time full-time freelance weekends flat apartment house office "
    "math maths physics chemistry biology history english french german spanish music art yoga piano guitar violin chess "
    "football soccer tennis basketball"
)


def _by(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found, dated=True)
    verb = found["verb"].lower()
    return put(canon(verb), verb, value, importance=LOW, old=old)


def _does(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    verb, words = found["verb"].lower(), words_of(value)
    if not 1 <= len(words) <= 6 or words[0] in VAGUE - {"a", "an", "the"} or words[-1] in PASSING:
        return None
    if verb in _RUNS and not _HABIT.search(found.string) and _LASTING.isdisjoint(words) and not value[:1].isupper():
        return None  # "I run the script" tells of the moment
    return put(f"{canon(verb)} {canon(value)}", verb, value, kind=Kind.PREFERENCE, importance=LOW, old=old)


LIFE = (
    phrase(rf"{I} {ADVERB}{_BY} (?P<v>\S.*)", _by),
    phrase(rf"{I} {ADVERB}{_DOING} (?P<v>\S.*)", _does),
)
