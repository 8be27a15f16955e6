"""What somebody likes, dislikes and prefers."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several
from pipeline.memory.items import Kind, Slot
from pipeline.memory.ops import Put
from pipeline.memory.phrases.answers import preferred, wish
from pipeline.memory.phrases.form import ADVERB, AM, HAVE, LOW, VALUE, WOULD, Heard, I, phrase, put, told
from pipeline.memory.slots import canon, is_about_answers, tool_slot, words_of
from pipeline.memory.values import content_of, is_thing, parted, trimmed
from pipeline.memory.words import OTHER_PEOPLE

_OF_THE_TALK = several("answer joke question last second first third idea suggestion suggestions version option one reply way")
_NO_TASTE = several("his her their your its to how when what your you being if doing where why everything nothing")
_FAVOURITE = r"(?:(?:new|current|all-time|absolute|very) )*(?:favou?rite|fav)"
_EVER = r"(?:every day|all day|daily|forever|non-?stop|for breakfast)"
_CHOOSE = r"(?:want|take|choose|book|reserve|pick|request|order|drink|buy|wear|go for)"


def taste(label: str, value: str, old: str = "") -> Put | None:
    """What somebody likes or dislikes; of one thing only one of the two stands."""
    words = content_of(value)
    if not is_thing(value) or len(words) > 7 or words[0] in _NO_TASTE or not (_OF_THE_TALK | OTHER_PEOPLE).isdisjoint(words):
        return None
    return put(Slot("taste", canon(value)), label, value, kind=Kind.PREFERENCE, importance=LOW, old=old)


def _likes(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return preferred(found, heard) if is_about_answers(value) else taste("likes", value, old)


def _dislikes(found: re.Match[str], heard: Heard) -> Put | None:
    if re.search(r"\b(?:any ?more|any longer)$", found["v"], re.IGNORECASE):
        return None  # it has ended, which says no more
    return taste("dislikes", told(found)[0])


def _prefers(found: re.Match[str], heard: Heard) -> Put | None:
    raw = found["v"]
    if not raw.startswith("to "):
        raw = re.sub(r"\s(?:over|to|than)\s(?=\S)", " rather than ", raw, count=1)
    value, old = (re.sub(r" (?:for me|ones?)$", "", text) for text in parted(raw))
    made = wish(value, lasting=True, old=old)
    if made is not None:
        return made
    if not is_thing(value) or value.startswith("to ") or is_about_answers(value):
        return None
    tool = tool_slot(value)
    if tool is not None:
        return put(*tool, value, kind=Kind.PREFERENCE, old=old)
    return put(Slot("preferred", canon(words_of(value)[-1])), "prefers", value, kind=Kind.PREFERENCE, old=old)


def _told_to_choose(found: re.Match[str], heard: Heard) -> Put | None:
    """'Always book me window seats.'"""
    return _prefers(found, heard) if heard.lasting else None


def _favourite(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    noun = trimmed(found["a"])
    return put(f"favourite {canon(noun)}", f"favourite {noun}", value, kind=Kind.PREFERENCE, old=old)


def _that_favourite(found: re.Match[str], heard: Heard) -> Put | None:
    """'Nothing beats ramen, it's my favourite food.'"""
    noun = trimmed(found["a"])
    return put(f"favourite {canon(noun)}", f"favourite {noun}", heard.value, kind=Kind.PREFERENCE) if heard.value else None


def _now_likes(found: re.Match[str], heard: Heard) -> Put | None:
    """'I'm no longer into chess; now it's go.'"""
    return taste("likes", told(found)[0]) if heard.subject == "taste" else None


_NOUN = r"(?P<a>[\w-]+(?: [\w-]+){0,2}?)"

TASTES = (
    phrase(
        rf"(?:my|our) {_FAVOURITE} {_NOUN} (?:is|are|has to be|has always been|would be|remains|must be)(?: now)? {VALUE}",
        _favourite,
    ),
    phrase(rf"when it comes to {_NOUN}, (?P<v>.+?) (?:is|are) (?:my|our) (?:favou?rite|fav)\b", _favourite),
    phrase(rf"{I} {ADVERB}(?:like|love|enjoy) (?P<v>.+?) (?:best|most|the most)$", _prefers),
    phrase(rf"the {_NOUN} (?:that )?i (?:like|love|enjoy) (?:best|most|the most)(?: is|'s| are) {VALUE}", _favourite),
    phrase(rf"(?P<v>.+?) (?:is|are) (?:my|our) {_FAVOURITE} {_NOUN}$", _favourite),
    phrase(rf"(?:it|that|this)(?:'s| is) (?:\w+ )?(?:my|our) {_FAVOURITE} {_NOUN}$", _that_favourite),
    phrase(r"nothing beats (?P<v>.+?)(?: for me)?$", _likes),
    phrase(rf"i(?:'d| would| could) (?:eat|drink|watch|read|play|listen to) (?P<v>.+?) {_EVER}\b.*", _likes),
    phrase(rf"{WOULD} (?:prefer|rather have) {VALUE}", _prefers),
    phrase(rf"i(?:'d| would) rather have {VALUE}", _prefers),
    phrase(rf"{HAVE} {ADVERB}(?:come|grown|started|begun|learned) to prefer {VALUE}", _prefers),
    phrase(rf"(?:please |always |from now on )*{_CHOOSE}(?: me)? {VALUE}", _told_to_choose),
    phrase(rf"i (?:always|usually|only|normally) {_CHOOSE} {VALUE}", _prefers),
    phrase(
        rf"{I} {ADVERB}(?:hate|dislike|detest|loathe|can't stand|cannot stand|can't bear|don't (?:(?:really|particularly) "
        rf")?(?:like|enjoy)|do not (?:like|enjoy)) {VALUE}",
        _dislikes,
    ),
    phrase(rf"(?:i'm|i am) not (?:really |much )?(?:into|fond of|keen on|a (?:big )?fan of) {VALUE}", _dislikes),
    phrase(rf"{I} {ADVERB}(?:absolutely |truly |deeply )?(?:like|love|enjoy|adore) {VALUE}", _likes),
    phrase(
        rf"{AM} {ADVERB}(?:into|fond of|keen on|crazy about|a (?:big |huge |great )?fan of|passionate about|interested in(?! "
        rf"\w+ing\b)) {VALUE}",
        _likes,
    ),
    phrase(r"it(?:'s| is)(?: now)? (?P<v>.+)", _now_likes),
)
