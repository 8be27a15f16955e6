"""From a message of the user to what it asks of the memory.

Rules read English; a message in another language changes nothing. Precision comes first: a clause counts only where it begins
with the phrase, so that "he said I live in Oslo" says nothing of the user, and what is supposed, played, quoted or
asked is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from pipeline.memory.changes import ended, is_final, swapped
from pipeline.memory.clauses import Clause, clauses, sentences
from pipeline.memory.contrast import may_contrast
from pipeline.memory.forgetting import forgotten
from pipeline.memory.items import Kind, Slot
from pipeline.memory.ops import Contrast, Drop, Op, Put, Swap
from pipeline.memory.own import own_words
from pipeline.memory.phrases import TABLES
from pipeline.memory.phrases.answers import ANSWERS
from pipeline.memory.phrases.form import HIGH, Heard, first, put
from pipeline.memory.phrases.names import NAMES
from pipeline.memory.sensitive import sensitive
from pipeline.memory.slots import key, words_of
from pipeline.memory.values import parted, trimmed
from pipeline.memory.words import FAMILY, PETS

MOST = 8  # operations of one message
PLAY_LASTS = 4  # messages of the user, if none of them is out of the play
LONG = 12  # words of a message that is none of two who talk, if it speaks of neither

_SUPPOSED = re.compile(
    r"\b(?:imagine|imagining|suppose|supposing|pretend|pretending|let's say|lets say|let us say|assume|assuming|"
    r"hypothetical\w*|for the sake of argument|in theory|theoretically|what if|for example|for instance|e\.g|as an example|as "
    r"if|i wish|if only|had i|were i|one day|some ?day|(?:if|unless|whether|suppose) (?:i|we|my|our)\b(?! (?:could|can|may|"
    r"remember|had to (?:choose|pick))\b)|used to|would have|could have)\b",
    re.IGNORECASE,
)
_PLAYED = re.compile(
    r"\b(?:role[- ]?play(?:ing)?|let's play|play the (?:role|part)|pretend|act as|acting as|act like|in character|you are "
    r"(?:now )?(?:an?|my) |you're (?:now )?(?:an?|my) |imagine|suppose|from the (?:perspective|point of view)|first person|in "
    r"(?:this|our|the|a) (?:game|story|scenario|scene|world|novel|play|movie|film|campaign))\b",
    re.IGNORECASE,
)
_WRITTEN = re.compile(
    r"(?:(?:please|now|ok|can you|could you|would you|i want you to|i'd like you to|i need you to|help me|let's|try to)[ "
    r",]+)*(?:write|tell|compose|create|make|draft|generate|do|invent)\b[^.?!]{0,30}\b(?:story|poem|song|letter|e-?mail|essay|"
    r"dialogue|scene|novel|joke|speech|monologue|script|play|diary|bio|biography|lyrics|haiku|fairy tale|paragraph|cover "
    r"letter|post|profile|tweet|review|text)\b",
    re.IGNORECASE,
)
_PLAY_ENDS = re.compile(
    r"\b(?:(?:stop|end|quit|leave|enough)(?: of)?(?: the)? (?:role[- ]?play\w*|game|story|act|scene)|out of character|back to "
    r"(?:reality|normal)|no more role[- ]?play)\b",
    re.IGNORECASE,
)
_LASTING_PLAY = re.compile(
    r"\b(?:role[- ]?play\w*|play the (?:role|part)|act as|pretend|in character|let's play|"
    r"(?:you are|you're|you will be) (?:now )?an? [^.?!]{1,60}? and i(?:'m| am)\b)",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"\b(?:now|any ?more|any longer|no longer|no more|actually|instead|rather than|changed|moved|switched|replaced|from now on|"
    r"these days|new|not|traded|grown|grew|quit|left|sold|became|promoted|rather|renamed|transferred|pushed|extended|stopped|"
    r"dropped|gave up|given up|sorry|typo|wrong)\b",
    re.IGNORECASE,
)
_USED_TO = re.compile(r"\bused to\b", re.IGNORECASE)
_OF_TWO = re.compile(r"\b(?:i|i'm|i've|me|my|we|our|you|your)\b", re.IGNORECASE)
_SAYING = re.compile(
    r"(?:translate|spell|pronounce|define|say|write down|repeat|type|print|correct|paraphrase|rephrase|what does|how do "
    r"(?:you|i) (?:say|spell|write))\b",
    re.IGNORECASE,
)
_HOME_WORDS = re.compile(r"\blive in\b|\bhome\b|\bcity\b", re.IGNORECASE)
_TASTE_WORDS = re.compile(r"\binto\b|\bfan of\b", re.IGNORECASE)
_CHANGES = re.compile(r"(?:the|my|our) (?P<s>[a-z]+(?: [a-z]+)?) (?:has |was |got |have )?(?:changed|renamed)\b", re.IGNORECASE)
_HEADS = "|".join(sorted(PETS | FAMILY))
_MENTIONS = re.compile(rf"\b(?:an?|my|our|the)\b(?: \w+){{0,2}}? (?P<s>{_HEADS})\b", re.IGNORECASE)


def extract(text: str, before: Sequence[str] = ()) -> list[Op]:
    """What a message asks of the memory, in its order. `before` are the user's earlier messages of the conversation.

    Nothing sensitive is put. In time linear in the messages; at most `MOST` operations.
    """
    playing = _playing(before)
    found: list[Op] = []
    subject = ""
    for sentence in sentences(own_words(text)):
        if _PLAYED.search(sentence) or _WRITTEN.match(sentence):
            break  # what follows belongs to it
        if _SAYING.match(sentence):
            continue
        said: list[Op] = []
        if not _SUPPOSED.search(sentence):
            said, subject = _said(sentence, subject)
        if not said and may_contrast(sentence) and not _SUPPOSED.search(_USED_TO.sub("", sentence)):
            said = [Contrast(sentence)]
        found += _in_play(said, sentence) if playing else said
    return found[:MOST]


def _in_play(ops: list[Op], sentence: str) -> list[Op]:
    """What counts of a sentence within a role play: what is said to have changed, and only if it was known before."""
    changed = bool(_CHANGED.search(sentence))
    kept = [op for op in ops if not isinstance(op, Put) or changed or op.old]
    return [msgspec.structs.replace(op, if_known=True) if isinstance(op, Put) else op for op in kept]


def _playing(before: Sequence[str]) -> bool:
    """Whether a role play is going on: it has begun a few messages ago, and nothing was asked since that is no part of it."""
    for text in reversed(before[-PLAY_LASTS:]):
        head = text[:2000]
        if _PLAY_ENDS.search(head):
            return False
        if _LASTING_PLAY.search(head):
            return True
        if not _OF_TWO.search(head) and ("?" in head or len(head.split()) >= LONG):
            return False
    return False


def _said(sentence: str, subject: str) -> tuple[list[Op], str]:
    """The operations of one sentence, and what the next may be about.

    What is no longer so is given to the value that takes its place.
    """
    found: list[Op] = []
    gone: list[str] = []
    parts = clauses(sentence)
    for place, clause in enumerate(parts):
        after = parts[place + 1].rest if place + 1 < len(parts) else ""
        value = found[-1].value if found and isinstance(found[-1], Put) else ""
        op = _asked_for(clause) if clause.asked else _heard(Heard(clause, subject, after, value), gone)
        if isinstance(op, Put) and op.value == value:
            found.pop()  # the same, said more exactly
        if op is not None:
            found.append(op)
        subject = _subject(clause) or subject
    return [op for op in _paired(found, gone) if not _is_sensitive(op, sentence)], subject


def _heard(heard: Heard, gone: list[str]) -> Op | None:
    clause = heard.clause
    forget = forgotten(clause)
    if isinstance(forget, str):
        return _unsaid(forget)
    if forget is not None:
        return forget
    said = first(TABLES, heard)
    over = ended(clause)
    if said is not None and not (over and is_final(clause) and said.value.lower().endswith(over.lower())):
        return said
    exchange = swapped(clause)
    if exchange is not None:
        return exchange
    if over and is_final(clause):
        gone.append(over)
        return None
    return _note(clause) if clause.remember else None


def _asked_for(clause: Clause) -> Put | None:
    """'Could you answer in French from now on?' is a wish, though it is put as a question."""
    if not re.match(r"(?:can|could|would|will) you ", clause.rest, re.IGNORECASE):
        return None
    return first((*NAMES, *ANSWERS) if clause.standing else NAMES, Heard(clause))


def _unsaid(statement: str) -> Op | None:
    """'Forget that I live in Oslo': the slot of what is stated."""
    said = next((first(TABLES, Heard(clause)) for clause in clauses(statement)), None)
    return Drop(slot=said.slot, words=said.value) if said is not None else None


def _note(clause: Clause) -> Put | None:
    """What the user asks to be remembered, and no phrase knows: kept in the user's words."""
    parts = re.match(
        r"(?P<a>(?:the|my|our|we|i|his|her|their)? ?.+?) (?:is|are|was|were|has|have)(?: now)?(?: called| named)? (?P<v>.+)",
        clause.rest,
    )
    if len(words_of(clause.rest)) < 3 or words_of(clause.rest)[0] == "to":
        return None
    if parts is None:
        return put(Slot("note", key(clause.rest)), "note", trimmed(clause.rest), importance=HIGH)
    value, old = parted(clause.rest)
    return put(Slot("note", key(parts["a"])), "note", value, importance=HIGH, old=old)


def _subject(clause: Clause) -> str:
    """What 'it', 'he' and 'his name' in the next clause may stand for."""
    found = _MENTIONS.search(clause.rest) or _CHANGES.match(clause.rest)
    if found:
        return found["s"]
    if _HOME_WORDS.search(clause.rest):
        return "home"
    return "taste" if _TASTE_WORDS.search(clause.rest) else ""


def _paired(found: list[Op], gone: list[str]) -> Iterator[Op]:
    """Values with what they are said to replace; what is over and has no successor is dropped."""
    left = list(gone)
    for op in found:
        if isinstance(op, Put) and not op.old and left:
            lasting = op.everywhere or op.kind is Kind.PREFERENCE  # what is said to take the place of something lasts as it did
            yield msgspec.structs.replace(op, old=left.pop(0), everywhere=lasting)
        elif isinstance(op, Swap) and not op.old:
            yield from [Swap(left.pop(0), op.new)] if left else []
        else:
            yield op
    yield from (Drop(words=words) for words in left)


def _is_sensitive(op: Op, sentence: str) -> bool:
    if not isinstance(op, Put | Swap):
        return False
    return sensitive(sentence) is not None or sensitive(op.text if isinstance(op, Put) else op.new) is not None
