"""What kind of a follow-up a message is, and whether a question stands by itself."""

from __future__ import annotations

import re

import msgspec

from pipeline.memory.followup.spans import PREPOSITIONS

LONGEST = 200  # characters of a question that is looked at

_LEAD = re.compile(
    r"^(?:(?:ok|okay|great|thanks|thank you|cool|nice|hm+|right|well|so|and|but|also|then|now|alright|sure|yes)\b[\s,.!]*)+", re.I
)
_ABOUT = re.compile(
    r"^(?:(?:what|how) about|what of|what if it(?:'s| is)|same (?:question |thing )?(?:but )?(?:again )?(?=for|with|in|on|"
    r"about)|(?:the )?same (?:question |thing )?for|how would (?:i|you|one) do (?:that|this|it|the same)(?: thing)?(?= in| on|"
    r" with| for)|how (?:do|can|could|would) (?:i|you|one) do (?:that|this|it|the same)(?: thing)?(?= in| on| with| for)|what "
    r"(?:would|does|will) (?:that|this|it) look like(?= in| on| with| for)|(?:now )?(?:do )?(?:an?other )?one(?= about| for| "
    r"in| with| on)|can you do (?:that|this|it|the same)(?= in| on| with| for)|do (?:that|the same)(?= in| on| with| for))\s*",
    re.IGNORECASE,
)
_TAIL = re.compile(r"[\s,]*(?:please|pls|then|though)?[\s?.!]*$", re.IGNORECASE)
_WH = r"(?:what|who|whom|whose|which|when|where|why|how)"
_AUX = r"(?:is|are|was|were|do|does|did|can|could|should|shall|will|would|has|have|had|may|might|must)"
_ORDER = (
    r"(?:explain|describe|tell me|give me|show me|list|name|translate|convert|compare|write|compose|recommend|suggest|define|"
    r"summari[sz]e|calculate|compute|find|spell|pronounce|outline|discuss|create|generate|draft|can you|could you|would you)"
)
_CLAUSE = re.compile(
    rf"^(?:{_WH}|{_AUX}|{_ORDER}|in which|at what|for how|on which|what's|who's|where's|when's|how's)\b", re.IGNORECASE
)
_VERBAL = re.compile(rf"^(?:{_AUX}|what's|who's|where's|when's|how's)\b|\b(?:{_AUX})\s", re.IGNORECASE)
_POINTING = re.compile(
    r"\b(?:it|its|it's|this|that|these|those|they|them|their|theirs|he|him|his|she|her|hers|above|below|previous|former|"
    r"latter|same|such|one|ones|there|then|here|again|else|another|other|others|more|instead|also|too|both|either|neither|my|"
    r"our|mine|ours|we|us|yours|you said|your (?:answer|reply|response|last|previous))\b",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b(?:is|was) it (?=(?:to|safe|possible|ok|okay|legal|illegal|normal|true|better|worth|healthy|bad|good|necessary|"
    r"allowed|common|rude|hard|easy|dangerous|expensive|too|raining|cold|hot|warm)\b)|\bdoes it (?=take\b)|\btime is it\b|"
    r"\bdo they (?=speak|use|call|eat|celebrate|drive|have)\b|\bone (?=of\b|hundred|thousand|million|day|year|hour|meter|mile|"
    r"kilo)|\bthere (?=(?:are|is|were|was)\b)|\b(?:are|is|were) there\b|\bmore (?=than\b|\w+ than\b)|\bthat (?=(?:is|are|has|"
    r"have|can|do|does)\b)|\bsuch as\b|\bboth (?=\w+ and)|\bother than\b",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"^\W*(?:(?:ok|okay|thanks|thank you|thx|cheers|great|cool|nice|perfect|awesome|got it|i see|good|wow|lol|haha|yes|"
    r"alright|sure|very much|so much|a lot|that (?:helps|makes sense|was helpful)|makes sense|interesting)\W*)+$",
    re.IGNORECASE,
)


class Fragment(msgspec.Struct, frozen=True):
    """A follow-up without a verb: 'and in Python?' is `noun` Python with `prep` in."""

    prep: str
    noun: str
    led: bool = True  # by 'and' or 'what about'


def is_remark(text: str) -> bool:
    """Whether a message only thanks or nods."""
    return len(text) <= LONGEST and bool(_THANKS.match(text))


def bare(text: str) -> str:
    """A follow-up without 'and' before and 'please' behind it."""
    text = text.strip()
    return _TAIL.sub("", _LEAD.sub("", text) or text)


def stands_alone(text: str) -> bool:
    """Whether a question needs nothing that was said before: short, in one sentence, and pointing at nothing."""
    if not 0 < len(text) <= LONGEST or "\n" in text.strip() or not _CLAUSE.match(text.strip()):
        return False
    if re.search(r"[.?!:]\s+\S", text.strip()):
        return False
    return not points(text) and len(re.findall(r"\w+", text)) >= 3


def points(text: str) -> bool:
    """Whether a text has words that point at something else."""
    return bool(_POINTING.search(_HARMLESS.sub(" ", re.sub(r"\"[^\"]*\"|“[^”]*”", " ", text))))


def is_clause(text: str) -> bool:
    """Whether a follow-up is a sentence of its own, rather than a piece of one."""
    words = len(text.split())
    told = _VERBAL.search(text) or re.match(_ORDER, text, re.IGNORECASE) or (words > 2 and re.match(_WH, text, re.IGNORECASE))
    return words > 1 and bool(_CLAUSE.match(text) and told)


def fragment(text: str) -> Fragment | None:
    """The follow-up as a fragment, or None."""
    rest = _LEAD.sub("", text.strip()) or text.strip()
    rest = _TAIL.sub("", _ABOUT.sub("", rest)).strip()
    if not rest or len(rest.split()) > 6 or is_clause(rest) or points(rest) or re.search(r"[.?!,;:]\s", rest):
        return None
    first, _, behind = rest.partition(" ")
    if first.lower() in PREPOSITIONS and behind:
        return Fragment(first.lower(), behind)
    led = not text.strip().startswith(rest)
    return Fragment("", rest, led) if led or text.rstrip().endswith("?") else None
