"""What somebody works with: languages, databases, editors and the like, one of a kind at a time."""

from __future__ import annotations

import re

from pipeline.memory.items import Kind
from pipeline.memory.ops import Put
from pipeline.memory.phrases.answers import wish
from pipeline.memory.phrases.form import ADVERB, AM, HAVE, LOW, MY, NAME, NOUN, VALUE, Heard, I, phrase, put, told
from pipeline.memory.slots import canon, tool_slot
from pipeline.memory.values import TIME_ZONE, trimmed, unarticled

LONGEST = 5  # words of a tool
_ROLE = re.compile(rf"\bas (?:my|our|the|an?)(?: main| primary| only| default)? {NOUN}(?:$|\W)")
_TIMES = re.compile(r"\bfor (?:all |the |any |my |our )*(?:times?|dates?)\b")
_BEHIND = re.compile(r"\s(?:for|to|on|in|with|at|as|everywhere) .*$|\s(?:for|as|on) .*$")
_FOR_A_TASK = re.compile(r"\b(?:to|and) (?!be\b)\w+")
_ASK = (
    r"(?:(?:let's|let us|please|pls|kindly|just|always|only|you should|you can|i want you to|i'd like you to|can you|could you|"
    r"and) )*"
)
_WORK = (
    r"(?:code|coding|program|programming|develop|developing|script|write|writing|written|rewriting|porting|rewritten|rewrote|"
    r"work|working|run|running|deploy|deploying|host|hosting|store|storing|build|building|do|rely|keep|manage)"
)
_WHAT = (
    r"(?: (?:all|everything|most|it|of|my|our|the|any|your|code|editing|software|scripts?|apps?|things|development|coding|data|"
    r"backend|services?|examples?|snippets?|samples?|mainly|mostly|only|exclusively))*"
)
_RUNS = (
    r"(?:(?:is|are) (?:now )?(?:written|built|made|done|hosted|stored|running|based|implemented) (?:in|with|on)|(?:is|are) "
    r"(?:in|on)|is|are|'s|runs?(?: on)?|(?P<uses>uses?|relies on)|talks to|lives (?:on|in)|sits on)"
)


def _tool(value: str, old: str, *, noun: str = "", everywhere: bool = True) -> Put | None:
    """A tool in the slot of its kind, or of the kind of the one that it replaces, or of what it is said to be."""
    value = _BEHIND.sub("", value)
    old = _BEHIND.sub("", old)
    if len(value.split()) > LONGEST:
        return None
    found = tool_slot(value) or (tool_slot(old) if old else None)
    if found is not None:
        return put(*found, unarticled(value), kind=Kind.PREFERENCE, everywhere=everywhere, old=unarticled(old))
    return put(canon(noun), noun, value, kind=Kind.PREFERENCE, everywhere=everywhere, old=old) if noun else None


def _use(found: re.Match[str], heard: Heard) -> Put | None:
    raw = found["v"]
    value, old = told(found)
    if _TIMES.search(raw) or re.fullmatch(TIME_ZONE, value, re.IGNORECASE):
        return put("timezone", "time zone", _BEHIND.sub("", value), kind=Kind.PREFERENCE, old=_BEHIND.sub("", old))
    role = _ROLE.search(raw)
    made = _tool(value, old, noun=trimmed(role["a"]) if role else "")
    if made is not None or not unarticled(value)[:1].isupper():
        return made
    value = _BEHIND.sub("", unarticled(value))
    return put(f"uses {canon(value)}", "uses", value, kind=Kind.PREFERENCE, importance=LOW, old=old)


def _known(found: re.Match[str], heard: Heard) -> Put | None:
    """'I work in Go' tells a tool, 'I work in a bank' does not."""
    return _tool(*told(found))


def _bidden(found: re.Match[str], heard: Heard) -> Put | None:
    """'Use Go' is a wish; 'use Go to sort this list' is a task."""
    if not heard.lasting and _FOR_A_TASK.search(found["v"]):
        return None
    made = _use(found, heard)
    if made is None or made.label == "uses":
        return None
    lasting = heard.lasting or bool(made.old) or made.label == "time zone"
    return put(made.slot, made.label, made.value, kind=made.kind, everywhere=lasting, old=made.old)


def _mine(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    made = _tool(value, old)
    if made is not None or not found["uses"] or not value[:1].isupper():
        return made
    return put(f"uses {canon(value)}", "uses", value, kind=Kind.PREFERENCE, importance=LOW, old=old)


def _placed(found: re.Match[str], heard: Heard) -> Put | None:
    """'We host our code on GitLab': one place for one thing that is done."""
    value, old = told(found)
    verb = found["verb"].lower()
    if not value[:1].isupper():
        return None
    return _tool(value, old) or put(f"{canon(verb)} on", f"{verb} on", value, kind=Kind.PREFERENCE, importance=LOW, old=old)


def _is_mine(found: re.Match[str], heard: Heard) -> Put | None:
    return _tool(found["v"], "", noun="") if tool_slot(found["v"]) else None


def _switched(found: re.Match[str], heard: Heard) -> Put | None:
    value, old = told(found)
    return wish(value, lasting=True, old=old) or _use(found, heard)


TOOLS = (
    phrase(rf"{HAVE}(?: got)? (?P<v>\S+(?: \S+)?) (?:installed|set up|running)\b.*", _is_mine),
    phrase(rf"{_ASK}(?:use|go with|stick with|try) {VALUE}", _bidden),
    phrase(rf"{_ASK}(?:switch|change|move|go)(?: over| back)?(?: from (?P<old>.+?))? to {VALUE}", _known),
    phrase(
        rf"{HAVE} {ADVERB}(?:decided (?:to go with|on|to use|for)|chose|chosen|picked|gone with|went with|opted for|settled on|"
        rf"ended up (?:choosing|with|using|going with|picking)) {VALUE}",
        _known,
    ),
    phrase(rf"{_ASK}(?:show|give|write|code|provide)(?: me)?{_WHAT} in {VALUE}", _bidden),
    phrase(
        rf"(?:in (?:our|my) \w+(?: \w+)? )?(?:{I}|{AM}|{HAVE}) {ADVERB}(?:use|using|been using|started using|began using|"
        rf"started to use) {VALUE}",
        _use,
    ),
    phrase(
        rf"{HAVE} {ADVERB}(?:switched|migrated|ported|upgraded)(?: over)?(?: (?:our|my|the) (?:\w+ ){{0,2}}?\w+)?"
        rf"(?: from (?P<old>.+?))? (?:over )?(?:to|onto) {VALUE}",
        _switched,
    ),
    phrase(
        rf"{HAVE} {ADVERB}(?:moved|converted|changed|gone)(?: over)?(?: (?:our|my|the) (?:\w+ ){{0,2}}?\w+)?"
        rf"(?: from (?P<old>.+?))? (?:over )?(?:to|onto) {VALUE}",
        _known,
    ),
    phrase(rf"(?:{I}|{AM}) {ADVERB}(?P<verb>host|deploy|store|back up|track|publish){_WHAT} (?:on|in|to|with) {VALUE}", _placed),
    phrase(rf"(?:{I}|{AM}|{HAVE}) {ADVERB}{_WORK}{_WHAT} (?:in|on|with|to) {VALUE}", _known),
    phrase(rf"{AM} {ADVERB}(?:on|using|running) {VALUE}", _known),
    phrase(rf"{AM} {ADVERB}an? (?P<v>\S+(?: \S+)?) (?:shop|house|company|team)$", _is_mine),
    phrase(rf"(?:{MY}|all our|all my)(?: {NOUN})? {_RUNS}(?: now)? {VALUE}", _mine),
    phrase(
        rf"the (?:(?:whole|entire) )?(?:database|back ?end|front ?end|server|codebase|app|website|service|api|project|system|"
        rf"stack|code) {_RUNS}(?: now)? {VALUE}",
        _mine,
    ),
    phrase(rf"{NAME} is (?:now )?{MY} (?:(?:main|only|primary|new|default|go-to) )*{NOUN}(?: now)?(?: of choice)?$", _is_mine),
)
