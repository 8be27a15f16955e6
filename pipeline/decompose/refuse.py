"""Why a text is one task, whatever number of questions stand in it: code, a role to play, a text to work on, a thing to make."""

from __future__ import annotations

import re

from pipeline.decompose import words as w
from pipeline.decompose.acts import MAKING, QUESTION, REQUEST
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_LETTERS = re.compile(r"[A-Za-z]")
_CODE = re.compile(
    r"```|~~~|^\s{0,12}(?:def |class \w+[:({]|import \w+|from \w+ import|#include|public |private |"
    r"function \w+\s*\(|const |var |let \w+ =|<\?php|<!doctype|package \w+;)"
    r"|\b(?:select\b[^?\n]{1,80}\bfrom|insert into|update \w+ set|create table|delete from)\b|"
    r"[{};]\s*$|\b[a-z_]\w{0,60}\([^()\n]{0,60}\)\s{0,9};|[a-z_]\(['\"]|</?\w{1,40}>|=>|==|&&|\|\||\+\+;|->"
    r"|^\s*\$ \w+|\btraceback\b",
    _I | re.MULTILINE,
)
_STARTS = r"(?:(?:^|[.!?:;\n])\s*|\b(?:please|you(?:\s+(?:to|will|should|must))?|let's|and|then|now)\s+)"
_ROLE = re.compile(
    rf"{_STARTS}(?:act|pretend|imagine|embody|role[- ]?play|picture yourself|put yourself|suppose you)\b(?! (?:dragons?)\b)"
    r"|\b(?:you are (?:now )?(?:a|an|my|the)\b|you're (?:a|an|my) |stay in character|in the (?:role|voice|style|persona) of|"
    r"take on the role|let's play|play the role|as if you were|i want you to|your task is|my first (?:request|"
    r"question|command)|"
    r"i will (?:tell|give|provide|ask|type)|from now on)",
    _I,
)
_TEXT_NOUN = (
    r"(?:text|paragraph|passage|sentence|sentences|article|email|e-mail|letter|essay|story|poem|"
    r"code|function|snippet|script|review|reviews|tweet|"
    r"tweets|dialogue|conversation|transcript|statement|statements|data|table|list|document|excerpt|"
    r"abstract|quote|message|resume|cv|query|program|"
    r"json|csv|input|records?|facts?|information|context|lyrics|equations?|problems?|puzzle|riddle|categories|instructions?)"
)
_ON_TEXT = re.compile(
    rf"\b(?:the following|following|this|below|these|given)\s+(?:\w+\s+){{0,2}}?{_TEXT_NOUN}\b|"
    rf"\b{_TEXT_NOUN}\s+(?:below|above)\b|\b(?:the|a) given \w+|\bhere(?:'s| is| are) (?:my|the|a|an|some)\b"
    r"|\b(?:translate|rewrite|correct|proofread|paraphrase|summari[sz]e|rephrase|fix|edit|improve|"
    r"check|grammar|spelling)\b[^.?!\n]{0,60}:"
    r"|_{3,}|\[(?:mask|blank|name|insert)[^\]\n]{0,20}\]|<mask>",
    _I,
)
_OPTIONS = re.compile(
    r"\b(?:which|what)(?: one)? of (?:the following|these|those)\b|\bmultiple[- ]choice\b|\btrue or false\b|"
    r"\bfill in\b|\bodd one out\b"
    rf"|{_STARTS}(?:choose|select|pick) (?:the|one|an?|from|between)\b"
    r"|\byes or no\b",
    _I,
)
_FORM = re.compile(r"^[ \t]*(?P<label>[A-Za-z][\w'/-]*(?: [\w'/-]+){0,2})[ \t]*:[ \t]*(?P<value>[^\n]*)", re.MULTILINE)
_FORM_FREE = re.compile(
    rf"(?:q(?:uestions?)?\s*\d*|p\.?s\.?|note|{w.TELLING}|answer|please|hi|hello|.*\b(?:questions?|"
    r"about|regarding|following|in|for|terms|things|on|these|using|with))$",
    _I,
)
_ARTEFACT = re.compile(
    r"\b(?:write|compose|draft|create|generate|design|develop|build|make|give|need|produce|craft|"
    r"prepare|suggest|come up with|tell|plan|continue)\b(?:\s+(?:me|us|up))?(?:\s+(?:a|an|the|"
    r"some|my|our|your|\w+))?"
    r"(?:\s+[\w-]+){0,4}?\s(?:essay|poem|story|stories|letter|email|e-mail|song|speech|script|"
    r"dialogue|blog|article|post|haiku|limerick|sonnet|slogans?|itinerary|cover letter|"
    r"resume|report|proposal|plan|schedule|program|function|code|presentation|outline|lesson|screenplay|"
    r"novel|paragraph|joke|jokes|riddle|tweet|caption|headline|logo|website|app|lyrics|meal plan|"
    r"budget|table|rap|advertisement|ad|review)\b",
    _I,
)
_ASKED_HOW = re.compile(r"\b(?:how|why|when|where|who|what|which|did|does|do|should|must)\b[^.?!\n:;]*$", _I)
_CHAT = re.compile(
    r"\b(?:how are you|how's it going|what'?s up\b|how do you do|what(?:'s| is) your name|who are you|"
    r"nice to meet you|how was your day)",
    _I,
)
_REASONING = re.compile(
    r"\b(?:explain|show|justify|describe|give) (?:me )?(?:your|the|all)? ?(?:reasoning|work|working|"
    r"steps|calculations?|derivation|thought process|answer|choice|solution)\b|\bstep[- ]by[- ]step\b|"
    r"\bthink (?:it )?through\b",
    _I,
)


def whole(text: Piece) -> str | None:
    """A reason that holds whatever the structure of the text; None when there is none."""
    if not _english(text.raw):
        return "language"
    if _CODE.search(text.raw):
        return "code"
    if _ROLE.search(text.masked):
        return "role"
    if _CHAT.search(text.masked):
        return "chat"
    return None


def running(text: Piece) -> str | None:
    """A reason against parting a text that is no list."""
    if _ON_TEXT.search(text.masked):
        return "text"
    if _OPTIONS.search(text.masked):
        return "options"
    if _REASONING.search(text.masked):
        return "reasoning"
    if making(text):
        return "artefact"
    return "form" if _form(text.masked) else None


def making(text: Piece) -> bool:
    """Whether something is to be made: "write a poem", but not "how do I write a poem"."""
    return any(
        not _ASKED_HOW.search(text.masked[max(0, match.start() - 60) : match.start()])
        for match in _ARTEFACT.finditer(text.masked)
    )


def makes(clause: Piece) -> bool:
    return bool(MAKING.match(clause.masked))


def _english(raw: str) -> bool:
    """The rules know English; a text in another script is not theirs."""
    letters = len(_LETTERS.findall(raw))
    return letters >= 6 and (raw.isascii() or sum(map(str.isalpha, raw)) * 0.85 <= letters)


def _form(masked: str) -> bool:
    for match in _FORM.finditer(masked):
        value = match["value"].strip()
        if (
            not _FORM_FREE.match(match["label"])
            and (value or match.end() < len(masked))
            and not (QUESTION.match(value) or REQUEST.match(value))
        ):
            return True
    return False
