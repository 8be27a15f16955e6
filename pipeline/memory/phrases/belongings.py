"""What is somebody's own: a car, a garden, and whatever else is said to be 'mine'."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import DATES
from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import ADVERB, AM, BECAME, HAVE, LOW, MY, NOUN, VALUE, Heard, I, phrase, put, simple, told
from pipeline.memory.slots import canon, is_about_answers, words_of
from pipeline.memory.values import is_thing, unarticled
from pipeline.memory.words import ATTRIBUTES, FAMILY, OTHER_PEOPLE, PASSING, PETS, SCHOOLS, THINGS, VAGUE

_OF_OTHERS = OTHER_PEOPLE | PETS | FAMILY | frozenset({"of", "to", "in", "on", "for", "with", "about", "that"})
_ATTRIBUTES = frozenset(map(canon, ATTRIBUTES))
_THINGS = frozenset(map(canon, THINGS))
_USED = re.compile(r"^(?:(?:an?|the|my|our|old|new|used|second-hand|red|blue|black|white|green|grey|silver) )+", re.IGNORECASE)
_DAY = re.compile(rf"\b(?:{'|'.join(DATES)}|tomorrow|\d{{1,2}}(?:st|nd|rd|th|:\d\d| ?[ap]m)?|noon|midnight)\b", re.IGNORECASE)
_DATED = re.compile(rf"(?:(?:on|at|in|next|this|from|the|early|late) .*?)?{_DAY.pattern}(?!\d| ?[%$€£])", re.IGNORECASE)
_COUNTED = re.compile(r"(?:an?|\d+|two|three|four|five|six|no|several|twin)\b")


def _attribute(found: re.Match[str], heard: Heard) -> Put | None:
    """'My budget is 300 euros': any noun of the user's, with exceptions for what tells of the moment."""
    if found["a"].lower().split()[-1] == "car":
        return _car(found, heard)
    noun = re.sub(r"^(?:(?:new|current|actual|own|old|latest)\s+)+", "", found["a"].strip())
    if noun.lower().endswith(" airport"):
        return _airport(found, heard)
    words = words_of(noun)
    if not words or not _OF_OTHERS.isdisjoint(words) or is_about_answers(words[-1]):
        return None
    if _DATED.match(found["v"]):
        value, old = told(found, dated=True)
        return put(canon(noun), noun, re.sub(r"^(?:on|at)\s", "", value), old=old)
    value, old = told(found)
    value = unarticled(value)
    known = canon(words[-1]) in _ATTRIBUTES or words[0] in ("preferred", "default", "nearest", "favourite")
    plain = value[:1].isupper() or bool(re.match(r"\S*\d", value)) or found["v"][:2] in ("a ", "an")
    if (
        not (known or plain or heard.clause.remember)
        or words[-1] in PASSING
        or not is_thing(value)
        or (_verbal(value) and not known)
    ):
        return None
    head = canon(words[-1])
    value = value.removeprefix("to ") if head == "goal" else value
    return put(head if head in _ATTRIBUTES else canon(noun), noun, value, old=unarticled(old))


def _verbal(value: str) -> bool:
    """'My laptop is overheating' says nothing that lasts."""
    words = words_of(value)
    return bool(words and re.fullmatch(r"\w+(?:ing|ed)", words[0])) and not value[:1].isupper()


def _has(found: re.Match[str], heard: Heard) -> Put | None:
    """What somebody has, if the noun says what it is: 'two kids', 'a garden'. Of a name alone nobody knows what it is."""
    value, old = told(found)
    words = words_of(value)
    if not 1 <= len(words) <= 6 or not _COUNTED.match(value):
        return None
    noun = next((word for word in words[1:] if word in PETS | FAMILY or canon(word) in _THINGS), None)
    if noun is None:
        return None
    return put(f"has {canon(noun)}", "has", value, importance=LOW, old=old)


def _appointed(found: re.Match[str], heard: Heard) -> Put | None:
    """'I have an exam on Monday.'"""
    value, old = told(found, dated=True)
    words = words_of(found["a"])
    if not _OF_OTHERS.isdisjoint(words) or words[-1] in ("question", "problem", "issue", "idea"):
        return None
    return put(canon(found["a"]), found["a"], re.sub(r"^(?:on|at)\s", "", value), old=old)


def _car(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    value = _USED.sub("", value)
    return put("car", "car", value, old=_USED.sub("", old)) if value[:1].isupper() or value[:1].isdigit() else None


def _university(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return put("university", "studies at", value, old=old) if unarticled(value)[:1].isupper() else None


def _school(found: re.Match[str], heard: Heard) -> Put | None:
    return _university(found, heard) if any(word in SCHOOLS for word in words_of(found["v"])) else None


def _airport(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return put("airport", "airport", value, old=old) if value[:1].isupper() else None


def _the(found: re.Match[str], heard: Heard) -> Put | None:
    """'The codename of our project is Bluebird' is a note where somebody asks for it, or where it changes one."""
    noun, asked_for = found["a"], heard.clause.remember
    value, old = told(found)
    words = words_of(noun)
    if not words or words[-1] in PASSING | VAGUE or not (asked_for or value[:1].isupper() or value[:1].isdigit()):
        return None
    return put(canon(noun), noun, value, old=old, if_known=not asked_for)


BELONGINGS = (
    phrase(rf"(?:{I} {ADVERB}drive|(?:i'm|i am) {ADVERB}driving) (?P<v>an? .+)", _car),
    phrase(rf"{HAVE}(?: got)? an? car, (?P<v>an? .+)", _car),
    phrase(rf"my (?:(?:new|current|old) )*car(?:'s| is)(?: now)? {VALUE}", _car),
    phrase(rf"(?:{I}|i'm|i am) {ADVERB}(?:study|studying)(?: [a-z ]+?)? at {VALUE}", _university),
    phrase(rf"{HAVE} {ADVERB}graduated from {VALUE}", simple("graduated from", "graduated from")),
    phrase(rf"{HAVE} {ADVERB}(?:transferred|changed|switched)(?: from (?P<old>.+?))? to {VALUE}", _school),
    phrase(rf"{I} {ADVERB}go to (?:college|university|school) (?:at|in) {VALUE}", _university),
    phrase(rf"{I} {ADVERB}(?:go to|attend) {VALUE}", _school),
    phrase(rf"{HAVE} {ADVERB}transferred(?: from (?P<old>.+?))? to {VALUE}", _university),
    phrase(
        rf"(?P<v>[\w -]{{2,40}}?) is (?:my|our) (?:(?:main|new|current|favourite) )*(?P<a>{'|'.join(ATTRIBUTES)})$", _attribute
    ),
    phrase(rf"{HAVE} {ADVERB}(?:taken|took) up {VALUE}", simple("hobby", "hobby", Kind.PREFERENCE, LOW)),
    phrase(rf"{I} {ADVERB}(?:fly|depart|travel) (?:from|out of) {VALUE}", _airport),
    phrase(rf"the airport (?:that )?(?:i|we) (?:use|fly from)(?: now)?(?: is|'s) {VALUE}", _airport),
    phrase(rf"the (?:closest|nearest|next) airport(?: is|'s) {VALUE}", _airport),
    phrase(rf"{AM} {ADVERB}enrolled (?:at|in) {VALUE}", _university),
    phrase(rf"{AM} {ADVERB}doing (?:my|a) \w+ at {VALUE}", _university),
    phrase(rf"{HAVE} {ADVERB}enrolled (?:at|in) {VALUE}", _university),
    phrase(r"i do a lot of (?P<v>\w+ing\b.*|\w+ \w+ing\b.*)", simple("hobby", "hobby", Kind.PREFERENCE, LOW)),
    phrase(rf"(?:all )?(?:my|our|the) times are (?:given )?in {VALUE}", simple("timezone", "time zone")),
    phrase(
        rf"i spend my (?:weekends?|evenings|free time|spare time|sundays|saturdays) (?:on |with |doing )?{VALUE}",
        simple("hobby", "hobby", Kind.PREFERENCE, LOW),
    ),
    phrase(
        rf"{HAVE} {ADVERB}(?:changed|updated|switched|set|moved|renamed) (?:my|our) {NOUN}(?: from (?P<old>.+?))? to {VALUE}",
        _attribute,
    ),
    phrase(rf"{MY} {NOUN}(?: {BECAME}|'s) {VALUE}", _attribute),
    phrase(rf"{HAVE}(?: got)? {ADVERB}an? {NOUN} (?P<v>(?:on|at|next|this|tomorrow)\b.*{_DAY.pattern}.*)", _appointed),
    phrase(rf"{HAVE}(?: got)? {ADVERB}(?P<v>(?:an?|\d+|two|three|four|five|no) .+)", _has),
    phrase(rf"the {NOUN}(?: (?:of|for) (?:our|my|the) \w+)? is(?: now)? {VALUE}", _the),
)
