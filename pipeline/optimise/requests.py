"""The request in a sentence that asks for it in a long way: "I would be grateful if you could explain X" asks to explain X.

What stands before a request may go only if it is made of courteous words alone (`phrases.COURTEOUS`), so nothing is lost
that is not courtesy, however it is put together. The question mark of "could you explain X?" stays: it costs no token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.cache.guards.words import STOPWORDS, several
from pipeline.optimise.capitals import begin
from pipeline.optimise.courteous import courteous_from, is_courteous
from pipeline.optimise.english import lowered
from pipeline.optimise.verbs import ASKED, ASKED_POLITELY, VERBS, base_of_gerund, base_of_past

TRIGGERS = several("you you'd u kind good")
POLITE = several("please kindly")
LEAST_ASKED = 2  # words behind the verb
_SOFT = r"(?:(?:please|kindly|possibly|perhaps|maybe|potentially|hopefully|just|at all),? )*"
_ABLE = (
    r"(?:(?:be (?:able|willing|in a position|up for it)|be (?:so |very )?(?:kind|good|nice)(?: enough| as)*|see your way"
    r"|find (?:the|some) time|take (?:a|the|some) (?:moment|minute|time|second)|do me (?:a|the) favou?r(?: of| and)?"
    r"|help me out by) (?:to )?)?"
)
_MAY = rf"(?:could|can|would|will|might|may|'d) {_SOFT}{_ABLE}{_SOFT}"
_YOU_MAY = re.compile(rf"(?:you|u) ?{_MAY}")
_YOU_TO = re.compile(rf"(?:you|u) {_SOFT}to {_SOFT}")
_YOU_SOFTLY = re.compile(rf"(?:you|u) (?:also |just |even )?{_SOFT}")
_IT_MAY = re.compile(rf"(?:if|whether) it (?:(?:would|might|could|may) {_SOFT}be (?:at all )?|is )possible for you to {_SOFT}")
_KIND = re.compile(r"(?:please |kindly )*be (?:so kind|so good|kind enough|good enough)(?: as)? to ")
_MIND = re.compile(rf"(?:would|do) (?:you|u) {_SOFT}mind ")
_ASK = re.compile(rf"(?:could|can|would|will|might) (?:you|u) (?P<soft>{_SOFT}{_ABLE}{_SOFT})")
_YOU = re.compile(r"you(?=[ '])|(?<= )u(?= )")
# What stands before "you to", before "you could", and before "that you" with a verb.
_TO = several(
    "like love want need ask asking request beg urge prefer wish possible nice great wonderful lovely chance way trouble bother"
)
_HOPE = several("hope hoping hoped wish request ask chance way think possible")
_REQUESTED = several("request ask asking")
_CONDITIONAL = ("if", "past")  # these ask only behind something like "I would be glad"
_MATRIX = several(
    "appreciate appreciated appreciates grateful thankful great good nice lovely wonderful fantastic amazing awesome "
    "perfect ideal "
    "help helpful helps love like happy glad pleased delighted wonder wondering wondered curious hope hoping hoped "
    "thank thanks kind "
    "obliged ask asking asked request possible question favor favour cool prefer excellent fabulous brilliant honored honoured "
    "thrilled useful appreciative indebted know best interested mean means pleasure privilege joy relief relieved lucky "
    "value ease "
    "terrific"
)
_WORD = re.compile(r"[a-z]+")
_VERB = re.compile(
    r"(?:(?:also|briefly|quickly|then|clearly|further|additionally|first|always|only|at least|instead|carefully) )*([a-z]+)\b"
)
_AND_TO = re.compile(r"\b(and|or) to ([a-z]+)\b")
_CONDITION = re.compile(rf"(?:and |so |also,? )?if (?:you|u) ?{_MAY}")
_CONJUNCTION = re.compile(r"[,;] (?:and|but|so|therefore|then) ")
_COMMA = re.compile(r",\s+")
_LEADS = re.compile(
    r"(?:if|when|after|once|before|in addition|also|finally|then|next|first|second|secondly|lastly|furthermore|moreover"
    r"|additionally"
    r"|besides|however|therefore)\b[^,]*, \Z"
)
_PLEASE = re.compile(
    r"(?:(?<=\A)|(?<=, )|(?<=and )|(?<=also )|(?<=then )|(?<=but )|(?<=so )|(?<=could you )|(?<=can you )|(?<=you to ))"
    r"(?:please|kindly),? (?=(?!the\b|a\b|an\b|my\b|your\b|him\b|her\b|them\b|everyone\b|both\b|note\b)[a-z]+\b)"
    r"|,? please(?=[.!?]*\s*\Z)"
)


class _Way(NamedTuple):
    """A way to ask for something: where its words begin, and where the verb comes. `kind` is what has to hold of the verb."""

    kind: str
    start: int
    end: int


class _Verb(NamedTuple):
    """The verb of a request as it begins the sentence, with an adverb before it, and where it ends."""

    text: str
    end: int


def bare_request(sentence: str) -> str:
    """The sentence beginning with what it asks for; the same where it asks nothing, or says more than courtesies before."""
    low = lowered(sentence)
    for way in reversed(list(_ways(low))):
        verb = _verb(low, way)
        start = _beginning(low, way.start) if verb else None
        if verb is None or start is None or (way.kind in _CONDITIONAL and not _is_matrix(low[start : way.start])):
            continue
        if not is_courteous(low[way.end :]):
            rest = sentence[verb.end :]
            return begin(
                sentence[:start], sentence, verb.text + (without_to(rest) if way.kind in ("to", "if") else rest), is_word=True
            )
    return _unconditional(sentence, low) if low.startswith(("if ", "and if ", "so if ", "also ")) else sentence


def without_please(sentence: str) -> str:
    """The sentence without 'please', where that is the courtesy: "to please the crowd" stays."""
    parts: list[str] = []
    place = 0
    for found in _PLEASE.finditer(lowered(sentence)):
        parts.append(sentence[place : found.start()])
        place = found.end()
    return begin("", sentence, "".join([*parts, sentence[place:]]), is_word=True) if place else sentence


def without_to(text: str) -> str:
    """What went on "and to write it" goes on "and write it"."""
    return _AND_TO.sub(lambda match: f"{match[1]} {match[2]}" if match[2] in VERBS else match[0], text)


def _ways(low: str) -> Iterator[_Way]:
    """The ways in which a sentence asks, in order."""
    if kind := _KIND.match(low):
        yield _Way("please", 0, kind.end())
    elif mind := _MIND.match(low):
        yield _Way("mind", 0, mind.end())
    elif ask := _ASK.match(low):
        yield _Way("please" if ask["soft"] else "could" if low.startswith("could") else "can", 0, ask.end())
    for you in _YOU.finditer(low):
        yield from _ways_at(low, you.start())


def _ways_at(low: str, place: int) -> Iterator[_Way]:
    """The ways that go through the "you" at a place, by what stands before it."""
    before = low[:place].split()[-3:]
    word = before[-1] if before else ""
    if word in ("if", "whether"):
        start = place - len(word) - 1
        if found := _YOU_MAY.match(low, place):
            yield _Way("if", start, found.end())
        elif word == "if" and (found := _YOU_SOFTLY.match(low, place)):
            yield _Way("past", start, found.end())
        return
    if word in ("for", "it") and len(before) > 1:  # like for you to, possible for you to
        if (found := _IT_MAY.search(low, 0)) and found.end() > place > found.start():
            yield _Way("if", found.start(), found.end())
            return
        word = next((one for one in reversed(before[:-1]) if one != "it"), "")
    if word in _TO and (found := _YOU_TO.match(low, place)):
        yield _Way("to", low.rfind(word, 0, place), found.end())
    elif found := _YOU_MAY.match(low, place):
        hope = before[-2] if word == "that" and len(before) > 1 else word
        if hope in _HOPE:
            yield _Way("hope", low.rfind(hope, 0, place), found.end())
    elif word == "that" and len(before) > 1 and before[-2] in _REQUESTED and (found := _YOU_SOFTLY.match(low, place)):
        yield _Way("hope", low.rfind(before[-2], 0, place), found.end())


def _verb(low: str, way: _Way) -> _Verb | None:
    """The verb behind the words in which it is asked for. None: this is no request."""
    found = _VERB.match(low, way.end)
    if found is None:
        return None
    word = found[1]
    if way.kind in ("mind", "past"):
        base = base_of_gerund(word) if way.kind == "mind" else base_of_past(word)
        return _Verb(base, found.end()) if base else None
    if way.kind in ("can", "could"):
        polite = way.kind == "could" and ASKED_POLITELY.match(low, found.start(1))
        asks = (ASKED.match(low, found.start(1)) or polite) and len(low[found.end() :].split()) >= LEAST_ASKED
    elif way.kind in ("please", "to"):
        asks = word in VERBS or word not in STOPWORDS
    else:
        asks = word in VERBS
    return _Verb(found[0], found.end()) if asks else None


def _is_matrix(clause: str) -> bool:
    return not _MATRIX.isdisjoint(_WORD.findall(clause))


def _beginning(low: str, end: int) -> int | None:
    """Where the courtesies before a request begin. None: there is something else before it that would not stand alone."""
    start = courteous_from(low, end)
    if not low[:start].strip():
        return 0
    joint = _CONJUNCTION.search(low, max(0, start - 2), end)
    if joint:
        return joint.end()
    commas = _COMMA.finditer(low, max(0, start - 2), end)
    return next((comma.end() for comma in commas if _LEADS.match(low[: comma.end()])), None)


def _unconditional(sentence: str, low: str) -> str:
    """ "If you could explain X, that would be great" without its conditions."""
    found = _CONDITION.match(low)
    verb = _VERB.match(low, found.end()) if found else None
    if verb is None or verb[1] not in VERBS or "?" in sentence:
        return sentence
    comma = low.rfind(", ", verb.end())
    thanks = low[comma + 2 :]
    if comma < 0 or not _is_matrix(thanks) or not is_courteous(thanks) or is_courteous(low[verb.end() : comma]):
        return sentence
    return begin("", sentence, sentence[verb.start() : comma] + thanks[len(thanks.rstrip(".!")) :], is_word=True)
