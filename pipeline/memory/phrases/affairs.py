"""What somebody is about: dates, budgets, projects, plans, goals."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import CARDINALS
from pipeline.memory.items import Kind, Slot
from pipeline.memory.ops import Put
from pipeline.memory.phrases.form import ADVERB, AM, BECAME, HAVE, HIGH, IS, MY, VALUE, WOULD, Build, Heard, I, phrase, put, told
from pipeline.memory.values import content_of
from pipeline.memory.words import PASSING, VAGUE

_AT_TIME = re.compile(r"^(?:on|by|until|for|at|in)\s+", re.IGNORECASE)
_AROUND = re.compile(
    r"^(?:of|at most|up to|around|about|no more than|only|roughly)\s+|\s+(?:at most|max(?:imum)?|in total|tops)$", re.IGNORECASE
)
_COUNT = re.compile(rf"(?:(?:about|around|now|of) )*(?P<n>\d+|{'|'.join(CARDINALS)})\b", re.IGNORECASE)
_LONG_TERM = re.compile(
    r"\b(?:this|next) year\b|\bin \d{4}\b|\bby (?:the end of|next|summer|winter|christmas)\b|\bresolution\b", re.IGNORECASE
)
_DONE = r"(?:hand|submit|deliver|finish|finished|turn|done|send|complete|ready|ship)"
_READY = r"(?:ready|done|finished|submitted|delivered|complete|completed|handed in|in|shipped)"
_MAKING = r"(?:working on|building|developing|creating|designing|writing(?! (?:to|from|in|about|for)\b)|making|busy with|coding)"
_HOW_MUCH = r"(?:(?:can|could|may|want to|don't want to|do not want to|would like to|can't|cannot|only|won't) )*"


def _deadline(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found, dated=True)
    value = _AT_TIME.sub("", value)
    words = content_of(value)
    if not words or len(words) > 7 or words[0] in VAGUE:
        return None
    return put("deadline", "deadline", value, importance=HIGH, old=_AT_TIME.sub("", old))


def _budget(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found, dated=True)
    value = _AROUND.sub("", value)
    return put("budget", "budget", value, old=old) if re.search(r"\d|hundred|thousand|million", value) else None


def _size(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    count, before = _COUNT.match(value), _COUNT.match(old)
    return put(Slot("team", "size"), "team size", count["n"], old=before["n"] if before else "") if count else None


def task(relation: str, label: str) -> Build:
    """Something that goes on for days rather than months."""

    def build(found: re.Match[str], heard: Heard) -> Put | None:
        value, old = told(found, dated=label == "plans")
        words = content_of(value)
        if not words or words[0] in VAGUE or (len(words) == 1 and words[0] in PASSING):
            return None
        return put(relation, label, value, kind=Kind.TASK, old=old)

    return build


def _goal(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return put("goal", "goal", value.removeprefix("to "), old=old.removeprefix("to "))


def _long_goal(found: re.Match[str], heard: Heard) -> Put | None:
    """'I want to run a marathon this year' is a goal; 'I want to know how' is a request."""
    return _goal(found, heard) if _LONG_TERM.search(heard.clause.text) else None


AFFAIRS = (
    phrase(rf"(?:the|my|our) (?:(?:new|final|current|next) )*deadline(?: for [^,]+?)? {BECAME} {VALUE}", _deadline),
    phrase(
        rf"(?:the|my|our) (?:client|customer|boss|teacher|professor|editor|publisher)s? (?:wants?|needs?|expects?) [\w "
        rf"]{{2,30}}? by {VALUE}",
        _deadline,
    ),
    phrase(
        rf"[\w' ]{{1,30}}? (?:moved|pushed|extended|changed|shifted|postponed)(?: back)? (?:the|my|our) deadline"
        rf"(?: from (?P<old>.+?))? to {VALUE}",
        _deadline,
    ),
    phrase(rf"{HAVE}(?: got)? until {VALUE}", _deadline),
    phrase(rf"(?:{HAVE} set aside|{WOULD} (?:like|want|need) to (?:stay|keep|remain) (?:under|below|within)) {VALUE}", _budget),
    phrase(rf"{HAVE}(?: got)? (?P<v>\S+(?: \S+)?) to spend\b.*", _budget),
    phrase(
        rf"[\w' ]{{1,30}}? (?:raised|lowered|increased|cut|changed) (?:the|my|our) budget(?: from (?P<old>.+?))? to {VALUE}",
        _budget,
    ),
    phrase(rf"deadline (?:changed|moved|extended)(?: from (?P<old>.+?))? to {VALUE}", _deadline),
    phrase(
        rf"(?:it|they|this|everything|(?:the|my|our) [\w -]+?)(?:'s| is| are) (?:now )?due (?:on |by |in |at )?{VALUE}", _deadline
    ),
    phrase(
        rf"{I} (?:have|need|must|'ve got|has|want)?(?: to)? ?(?:be )?{_DONE}\b(?: \w+){{0,4}}? by {VALUE}",
        _deadline,
    ),
    phrase(
        rf"(?:it|this|everything|the \w+|my \w+) (?:has|needs|must|have) (?:to )?be {_READY} (?:by|on|before) {VALUE}", _deadline
    ),
    phrase(rf"{I} {_HOW_MUCH}(?:go up to|pay up to|pay at most) {VALUE}", _budget),
    phrase(rf"(?:the|my|our) (?:(?:new|total|maximum|current) )*budget(?: for [^,]+?)? {BECAME} {VALUE}", _budget),
    phrase(
        rf"{I} {_HOW_MUCH}(?:spend|pay) (?:(?:more than|at most|up to|no more than|only|about|around) )*{VALUE}",
        _budget,
    ),
    phrase(rf"{HAVE}(?: got)? an? (?:total |maximum )?budget of {VALUE}", _budget),
    phrase(rf"(?:our|my|the) team (?:{BECAME}|has|is|consists of)(?: now)? {VALUE}", _size),
    phrase(rf"(?:we are|we're|i lead|i manage|i run|i'm (?:on|in)) a team of {VALUE}", _size),
    phrase(r"there are (?:now )?(?P<v>\S+) of us", _size),
    phrase(r"i (?:manage|lead|supervise|run) (?P<v>\S+ (?:people|engineers|developers|employees)\b.*)", _size),
    phrase(r"(?:we are|we're) (?:now )?(?P<v>\S+ people\b.*)", _size),
    phrase(
        rf"(?:{AM}|my team is|our team is) {ADVERB}(?:in the middle of |busy |still )?{_MAKING} (?P<v>(?!in\b).+)",
        task("project", "working on"),
    ),
    phrase(
        rf"{HAVE} {ADVERB}(?:started|begun|began)(?: on| with)?(?: {_MAKING})? (?P<v>(?!\w+ing\b)\S.*)",
        task("project", "working on"),
    ),
    phrase(
        rf"{MY} (?:(?:current|new|main|latest) )*(?:project|side project|thesis|dissertation){IS}(?: now)?(?: (?:about|on))? "
        rf"{VALUE}",
        task("project", "working on"),
    ),
    phrase(
        rf"(?:{AM}|{HAVE} {ADVERB}started) {ADVERB}(?:learning|studying)(?: for)? (?P<v>(?!at\b|how\b).+)",
        task("learning", "learning"),
    ),
    phrase(
        rf"{AM} {ADVERB}taking (?:an? |some )?(?:course|class|classes|lessons)(?: on| in)? {VALUE}", task("learning", "learning")
    ),
    phrase(
        rf"{AM} {ADVERB}(?:planning|organi[sz]ing|preparing(?: for)?|training for|saving (?:up )?for) (?P<v>(?!to\b|on\b).+)",
        task("plan", "planning"),
    ),
    phrase(
        rf"{AM} {ADVERB}(?:going|travell?ing|flying|heading|moving|off) to (?P<v>(?-i:[A-Z]).+)",
        task("travel", "plans to go to"),
    ),
    phrase(rf"{AM} {ADVERB}visiting (?P<v>(?-i:[A-Z]).+)", task("travel", "plans to go to")),
    phrase(rf"{AM} {ADVERB}(?:reading|watching) (?P<v>(?-i:[A-Z]).+)", task("reading", "reading or watching")),
    phrase(rf"my (?:(?:new|main|current) )*(?:goal|aim|resolution)(?: for)?(?: this year)?{IS}(?: now)? {VALUE}", _goal),
    phrase(
        r"(?:i want|we want|i'd like|i plan|i hope|i intend|i aim|i'm determined|i'm hoping|i'm planning|i(?:'ve| have)? "
        r"decided) (?P<v>to .+)",
        _long_goal,
    ),
    phrase(rf"{AM} trying (?P<v>to .+)", _long_goal),
)
