"""How somebody wants to be answered: language, length, tone, units. A wish that is not said to last holds in its conversation."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import LANGUAGES
from pipeline.memory.followup.forms import points
from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import HIGH, LOW, VALUE, WOULD, Build, Heard, phrase, put, told
from pipeline.memory.slots import canon, is_about_answers, manner_slot, words_of
from pipeline.memory.values import TIME_ZONE
from pipeline.memory.words import MANNERS, UNITS, VAGUE

_ANSWERS = r"(?:answers?|repl(?:y|ies)|responses?|explanations?|outputs?|messages?|summaries)"
_ASK = (
    r"(?:(?:let's|let us|please|pls|kindly|just|always|only|you should|you can|i want you to|i'd like you to|i need you to|"
    r"can you|could you|would you|will you|try to|make sure to|make sure you|and) )*"
)
_ANSWER = r"(?:answer|reply|respond|write|talk|speak|communicate|explain)"
_WHOM = (
    r"(?: (?:to me|me|everything|every question|any question|back|all (?:my )?questions|to (?:my|all) questions|with me|all "
    r"your answers|your answers|things))*"
)
_UNITS = rf"(?:{'|'.join(sorted(UNITS))})"
_LAYOUTS = "bullet|bulleted|numbered|tables|markdown|plain[ -]text|prose|emojis|simple language|plain language|simple words"
_TOLD = re.compile(r"\w+(?:ing|ed|[^s]s)")  # "and never gets bored", "always waiting" ask for nothing
_FOR_NOW = frozenset({"again", "question", "one", "idea", "problem", "thanks", "more", "longer"})


def wish(value: str, *, lasting: bool, old: str = "") -> Put | None:
    """A wish about how answers are written; None where the value is about nothing of that kind."""
    found = manner_slot(value)
    if found is None:
        return None
    slot, label = found
    if label == "answers in":
        value = next(word for word in value.split() if word.lower().strip(".,'") in LANGUAGES).strip(".,'")
    elif label == "units":
        value = re.sub(r"\s*\b(?:units?|system)\b.*$", "", value, flags=re.IGNORECASE) or value
    else:
        value = re.sub(rf"\s*\b{_ANSWERS}$", "", value).strip() or value
    return put(slot, label, value, kind=Kind.PREFERENCE, importance=HIGH, everywhere=lasting, old=old, sure=True)


def _asked(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return wish(value, lasting=heard.lasting, old=old)


def preferred(found: re.Match[str], heard: Heard) -> Put | None:
    """'I like short answers' lasts: it is said of oneself."""
    value, old = told(found)
    return wish(value, lasting=True, old=old)


def _asked_often(found: re.Match[str], heard: Heard) -> Put | None:
    """'Give me short answers', and not 'give me a short answer'."""
    return _asked(found, heard) if heard.lasting or found["v"].endswith("s") else None


def _language(found: re.Match[str], heard: Heard) -> Put | None:
    words = words_of(told(found)[0])
    return _asked(found, heard) if words and words[0] in LANGUAGES else None


def _ban(found: re.Match[str], heard: Heard) -> Put | None:
    """'No emojis', 'never use tables'."""
    value, _ = told(found)
    value = re.sub(rf" in (?:your|the|my) {_ANSWERS}$", "", value)
    words = words_of(value)
    if not words or len(words) > 6 or words[0] in _FOR_NOW:
        return None
    dimension = next((MANNERS[word] for word in words if word in MANNERS), None)
    if dimension:
        return put(f"{dimension} of answers", "answers", f"without {value}", kind=Kind.PREFERENCE, everywhere=heard.lasting)
    if found["verb"].lower() != "never" or _TOLD.fullmatch(found.group().split()[1]):
        return None
    return put(f"never {canon(value)}", "never", value, kind=Kind.PREFERENCE)


def _always(verb: str) -> Build:
    def build(found: re.Match[str], heard: Heard) -> Put | None:
        value, old = told(found)
        words = words_of(value)
        if len(words) < 2 or words[0] in VAGUE or not heard.lasting or _TOLD.fullmatch(words[0]):
            return None
        if points(value):
            return None
        return wish(value, lasting=True, old=old) or put(f"{verb} {canon(value)}", verb, value, kind=Kind.PREFERENCE, old=old)

    return build


def _convention(found: re.Match[str], heard: Heard) -> Put | None:
    """'Use British spelling', 'give prices in euros', 'use the 24-hour clock'."""
    value, old = told(found)
    noun = found["a"].lower()
    if noun == "times" and re.fullmatch(TIME_ZONE, value, re.IGNORECASE):
        return put("timezone", "time zone", value, kind=Kind.PREFERENCE, old=old)
    if not value or len(value.split()) > 5:
        return None
    return put(f"{canon(noun)} in answers", f"{noun} in answers", value, kind=Kind.PREFERENCE, everywhere=heard.lasting, old=old)


def _level(found: re.Match[str], heard: Heard) -> Put | None:
    """'Explain things like I'm five.'"""
    value, old = told(found)
    return put("level of answers", "explain", value, kind=Kind.PREFERENCE, everywhere=heard.lasting, old=old)


def _about_answers(found: re.Match[str], heard: Heard) -> Put | None:
    return preferred(found, heard) if is_about_answers(found["v"]) else None


ANSWERS = (
    phrase(rf"{_ASK}(?:explain|describe)(?: (?:it|things|everything|this))?(?: to me)? (?P<v>like (?:i'm|i am|to) .+)", _level),
    phrase(rf"{_ASK}{_ANSWER}{_WHOM} (?:only )?(?:in|with|using) (?:an? |the )?{VALUE}", _asked),
    phrase(rf"(?:{WOULD} (?:like|want|prefer)|let's) (?:you )?(?:to )?{_ANSWER}{_WHOM} in {VALUE}", _language),
    phrase(rf"{_ASK}(?:use|speak|write) {VALUE}", _language),
    phrase(
        rf"{_ASK}(?:format|structure|present|write|put) (?:(?:your|the|all|my) )*{_ANSWERS} (?:as|in|with|using) {VALUE}", _asked
    ),
    phrase(rf"{_ASK}(?:use|give me|write with) (?P<v>(?:{_LAYOUTS})\b.*)", _asked),
    phrase(
        rf"{_ASK}(?:use|give|show|write|express|format|put|list)(?: me)?(?: all| the| any| your)* "
        r"(?P<a>prices|amounts|costs|dates|times|sizes|weights|numbers|distances|temperatures|money) (?:in|as) (?:the )?"
        rf"(?!.*\b{_UNITS}\b){VALUE}",
        _convention,
    ),
    phrase(
        rf"{_ASK}use (?:the )?(?P<v>\S+(?: \S+)?) (?P<a>spelling|clock|date format|number format|notation|punctuation)\b",
        _convention,
    ),
    phrase(rf"{_ASK}use (?P<v>(?:british|american|australian|canadian|us|uk|plain|simple)) (?P<a>english)\b", _convention),
    phrase(
        rf"{WOULD} (?:like|want|prefer|need|love|have|appreciate)(?: to (?:get|have|receive))? (?:all |all of )?(?:(?:your|my|"
        rf"the|further) )*{_ANSWERS}(?: to be)?(?: in)? {VALUE}",
        preferred,
    ),
    phrase(rf"{_ASK}(?:keep|make) (?:(?:your|the|all|my) )*(?:{_ANSWERS}|it|them|things|everything) {VALUE}", _asked),
    phrase(rf"{_ASK}(?:be|stay|sound|keep it) {VALUE}", _asked),
    phrase(
        rf"(?:all )?(?:your|the|my) (?:future |further )?{_ANSWERS} (?:may|should|can|must|are to|have to|ought to) be(?: "
        rf"in)? {VALUE}",
        preferred,
    ),
    phrase(
        rf"{_ASK}(?:give|send|write|provide)(?: me)? (?P<v>(?:\S+ ){{1,3}}{_ANSWERS})(?:$|,? (?:from|please|only|in future))",
        _asked_often,
    ),
    phrase(rf"{WOULD} (?:like|want|prefer|need|love|have) (?P<v>(?:\S+ ){{1,3}}{_ANSWERS}\b.*)", _about_answers),
    phrase(rf"(?P<v>\S+(?: and \S+)?) {_ANSWERS}(?: only| (?:are|is|work) best| please|,? for me|$)", preferred),
    phrase(
        rf"{_ASK}(?:use|give|show|provide|list|state|express|write)(?: me)? (?:.*?\bin )?(?P<v>(?:\S+ )?{_UNITS}\b.*)", _asked
    ),
    phrase(rf"{_ASK}stick (?:to|with) {VALUE}", _asked),
    phrase(rf"(?:i|we) [\w' ]{{2,30}}?\b(?P<v>{_UNITS} units?\b.*)", preferred),
    phrase(rf"(?P<v>{_UNITS}(?: units?)?(?: instead of .*| rather than .*)?)(?: only| please|$)", preferred),
    phrase(rf"{WOULD} (?:think|work|measure|have|prefer|like|want|use) (?:in )?(?P<v>{_UNITS}\b.*)", preferred),
    phrase(rf"{_ASK}(?:switch|change|go)(?: over| back)?(?: from (?P<old>\S+))? to {VALUE}", _asked),
    phrase(
        rf"{_ASK}(?P<verb>don't|do not|never|avoid|stop|no)(?: (?:use|using|add|adding|include|including|put|writing|write|"
        rf"give me|sending|"
        r"send|say|saying|any))* (?P<v>(?!calling\b|call\b|address\b|answer|need|forget|worry|understand|know|have|want|like).+)",
        _ban,
    ),
    phrase(
        r"(?:please |and |you should )*(?:always|from now on) (?P<v>(?!use\b|in\b|book|choose|order|pick|reserve).+)",
        _always("always"),
    ),
    phrase(
        rf"my (?:mother tongue|native language|first language)(?:'s| is) {VALUE}",
        lambda found, heard: _speaks("native language", found),
    ),
    phrase(r"i (?:also )?speak (?P<v>(?-i:[A-Z]).*)", lambda found, heard: _speaks("speaks", found)),
)


def _speaks(label: str, found: re.Match[str]) -> Put | None:
    return put(label, label, told(found)[0], importance=LOW)
