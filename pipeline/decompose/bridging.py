"""Definite things that were not introduced: "the oven" in "how do I bake bread? What temperature should the oven have?".

What belongs to something spoken of before is named with "the" and without saying whose it is (a bridging reference: Clark 1975).
"""

from __future__ import annotations

import itertools
import re

from pipeline.cache.guards.words import several
from pipeline.decompose import words as w

_I = re.IGNORECASE
_DEFINITE = re.compile(r"\bthe\s+(?=(?P<rest>(?:[a-z][\w'-]*\s*){1,4}))", re.ASCII)
# Where the noun ends, and its verb or what belongs to it begins.
_ENDS = re.compile(
    rf"(?:{w.AUX}|{w.PREPOSITION}|{w.WH}|{w.PERSONAL}|that|and|or|than|as|if|because|so|best|first|"
    r"last|only|most|least|same|right|next|"
    r"\w+est|\w+ly|\w+th|second|third|use|used|among|across|per|without|near|inside|outside|along|towards?|"
    r"via|upon|above|below|between|behind|"
    r"against|after|before|like|vary|varies|differ|change|go|get|come|made|called|known|works?|"
    r"look|mean|happen|cost|take|start|end|not|"
    r"be|been|being)$",
    _I,
)
# Behind these the noun says itself which one it is: "the price of X", "the shoes I bought".
_SAID = several("of that who which where for between behind to in on with from at used called and or i you we they he she people")
_MARKS = ("", "?", ".", "!", ",")
_ENDED = re.compile(r"\bthe\s+(?:end|beginning|start|middle)\s*[?.!]*$", _I)  # of what?
_OWNER = re.compile(
    r"\bthe\s+(?:[a-z]+)'s\b(?<!world's)(?<!earth's)(?<!sun's)(?<!moon's)(?<!country's)", re.ASCII
)  # "the company's model"
_SUBJECT = re.compile(rf"\b(?:{w.AUX})\s+$", _I)
_WHAT_IS = re.compile(
    rf"(?:what|who|which|where)(?:'s|\s+{w.BE}|\s+should\s+be|\s+would\s+be|\s+will\s+be)\s+the\s+(?:(?!\w{{3,}}est\b)[a-z-]+\s*){{1,3}}\W*$",
    _I | re.ASCII,
)


def bridges(text: str, before: str) -> bool:
    """Whether "the oven" is one that was spoken of in `before`, or, as the subject of the question, may belong to that."""
    known = before.lower()
    for match in _DEFINITE.finditer(text):
        rest = match["rest"].split()
        nouns = [*itertools.takewhile(lambda word: not _ENDS.match(word), rest)]
        stopped = rest[len(nouns)] if len(nouns) < len(rest) else ""
        parallel = bool(stopped) and f"the {' '.join(nouns)} {stopped}" in known
        again = (
            stopped != "of" and not parallel and any(re.search(rf"\b{re.escape(noun.rstrip('s'))}s?\b", known) for noun in nouns)
        )
        if again and w.UNIQUE.isdisjoint(nouns):
            return True
        open_ended = not stopped and text[match.end("rest") :].lstrip()[:1] not in _MARKS
        if not nouns or stopped in _SAID or open_ended or not w.UNIQUE.isdisjoint(nouns):
            continue
        # As a subject: "does the oven ...", and "is the oven hot?", where the second word is no noun.
        alone = len(nouns) == 1 or (len(nouns) == 2 and not stopped)
        if (alone and _SUBJECT.search(text[: match.start()])) or _WHAT_IS.match(text):
            return True
    return bool(_OWNER.search(text) or _ENDED.search(text))
