"""What is said in many words, and as well in few: "in order to" is "to"."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import NamedTuple

from pipeline.cache.guards.words import several
from pipeline.optimise.english import lowered
from pipeline.optimise.protected import overlaps, quoted


class _Way(NamedTuple):
    """A long way to say something. One of `keys` is always among its words, and all of `others`: looking for that is quick."""

    keys: frozenset[str]
    others: frozenset[str]
    pattern: re.Pattern[str]
    instead: str


def _way(keys: str, pattern: str, instead: str, others: str = "") -> _Way:
    return _Way(several(keys), several(others), re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"), instead)


_WH = r"(whether|how|why|what|which|where|when|who)"
_GIVE = r"(?:give|provide|offer|supply|present)(?: (?:me|us))?(?: with)?"
_KNOW = r"(explain(?: to me)?|understand|understood|know|tell me|describe|see|clarify|of|is)"
_WAYS = (
    _way("order", r"in order to", "to"),
    _way("order", r"in order that", "so that"),
    _way("so", r"so as to(?! \w+ing\b)", "to", "as to"),
    _way(
        "fact",
        r"(?:due to|owing to|because of|in (?:view|light) of|on account of|by virtue of) the fact that",
        "because",
    ),
    _way("fact", r"as a (?:result|consequence) of the fact that", "because"),
    _way("fact", r"(?:in spite of|despite|regardless of|notwithstanding) the fact that", "although"),
    _way("fact", r"aware of the fact that", "aware that"),
    _way("reason", r"for the (?:simple |very )?reason that", "because"),
    _way("event", r"in the event that", "if"),
    _way("point moment", r"at (?:this|the present|the current) (?:point|moment) in time", "now", "at in time"),
    _way("point moment", r"at that point in time", "then", "at that in time"),
    _way("present", r"at the present (?:time|moment)", "now"),
    _way("until", r"until such time as", "until"),
    _way("course", r"(?:during|over|in|within) the course of", "during"),
    _way("period", r"for a period of", "for"),
    _way("distant", r"in the not (?:too|so) distant future", "soon"),
    _way("basis", r"on a (daily|weekly|monthly|yearly) basis", r"\1"),
    _way("basis", r"on a regular basis", "regularly"),
    _way("purpose purposes", r"for the purposes? of (\w+ing)\b", r"for \1"),
    _way("regard regards", r"(?:with|in) regards? to", "about"),
    _way("reference", r"(?:with|in) reference to", "about"),
    _way("connection", r"in connection with", "about"),
    _way("able", r"(?:is|are) able to", "can"),
    _way("able", r"i(?: a|')m able to", "I can"),
    _way("capability capacity", r"(?:has|have) the (?:capability|capacity) to", "can"),
    _way("ability", r"(?:has|have) the ability to", "can"),
    _way("process middle", r"(?:currently )?in the (?:process|middle) of (\w+ing)\b", r"\1"),
    _way("make makes making", r"mak(e|es|ing) use of", r"us\1", "use of"),
    _way("decision", r"(?:made|took|came to|reached) (?:the|a) decision to", "decided to"),
    _way("decision", r"(?:make|take|come to|reach) (?:the|a) decision to", "decide to"),
    _way("account consideration", r"take into (?:account|consideration)", "consider"),
    _way("analysis", r"(?:conduct|perform|carry out|do) an? (?:\w+ )?analysis of", "analyze"),
    _way("prior", r"prior to", "before"),
    _way("previous", r"previous to", "before"),
    _way("proximity", r"in close proximity to", "near"),
    _way("vicinity", r"in the vicinity of", "near"),
    _way("means", r"by means of", "by"),
    _way("help", r"with the help of", "with", "with the of"),
    _way("as", rf"as to {_WH}", r"about \1"),
    _way("question", rf"the question (?:of|as to) {_WH}", r"\1"),
    _way("reason reasons", rf"{_KNOW} the reasons? (?:why|for which)", r"\1 why"),
    _way("it", r"(why|how|what|where|when|who) it is that", r"\1", "is that"),
    _way("whether", r"whether or not", "whether", "or not"),
    _way("bit", r"a (?:little )?bit of (an?) (?=[a-z])", r"\1 "),
    _way("result consequence", r"as a (?:result|consequence) of", "because of", "as a of"),
    _way("explanation", rf"{_GIVE} an explanation (?:of|for|as to|about|on)", "explain"),
    _way("description", rf"{_GIVE} a description of", "describe"),
    _way("summary", rf"{_GIVE} a summary of", "summarize"),
    _way("comparison", rf"(?:{_GIVE}|make|draw) a comparison (?:of|between)", "compare"),
    _way("definition", rf"{_GIVE} a definition of", "define"),
    _way("provide supply present", r"(?:provide|supply|present)(?: to)? (me|us) with", r"give \1"),
    _way("provide", r"provide (me|us)", r"give \1"),
)


_PLACES = {key: [place for place, way in enumerate(_WAYS) if key in way.keys] for way in _WAYS for key in way.keys}
KEYS = frozenset(_PLACES)


def short_ways(sentence: str, present: Set[str]) -> str:
    """The sentence with short words for long phrases; quotes are left as they are. `present` are its words, or more."""
    places = {place for key in KEYS & present for place in _PLACES[key]}
    for place in sorted(places):
        if _WAYS[place].others <= present:
            sentence = _shortened(sentence, _WAYS[place])
    return sentence


def _shortened(sentence: str, way: _Way) -> str:
    kept: list[tuple[int, int]] | None = None
    parts: list[str] = []
    place = 0
    for match in way.pattern.finditer(lowered(sentence)):
        kept = quoted(sentence) if kept is None else kept
        if not overlaps(match.span(), kept):
            parts += [
                sentence[place : match.start()],
                _cased(way.instead.replace(r"\1", match[1] if match.re.groups else ""), sentence[match.start()]),
            ]
            place = match.end()
    return "".join([*parts, sentence[place:]])


def _cased(words: str, first: str) -> str:
    return words[:1].upper() + words[1:] if first.isupper() else words
