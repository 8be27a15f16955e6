"""English prose: whether a text is that, its sentences, and its words as the rules look at them."""

from __future__ import annotations

import re

from pipeline.cache.guards.words import several

LOOKED_AT = 2_000  # characters
LONGEST_WORD = 20  # characters of an abbreviation, with room
LEAST_SHARE = 0.25  # of words that are the most common ones of the language
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_ANY_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_COMMON = several(
    "the a an of to in on for with at by from as is are was were be been it its this that these those and or but not if "
    "so do does did "
    "have has had i you he she we they me my your our their can could would will should may might what which who how "
    "when where why "
    "there here about into than then also some any all more most no please would like i'd i'm it's don't want need make"
)
# The bound keeps the time linear: a run of marks that ends no sentence is tried from each of its places.
_END = re.compile(r"[.!?…][.!?…\"”’)\]]{0,20}(?P<space>[ \t]*\n|[ \t]+)(?P<next>[\"“‘(\[]?[\w\n]?)")
_ABBREVIATED = several(
    "e.g i.e eg ie etc vs mr mrs ms dr prof st no fig approx inc ltd corp dept est cf al ca vol ed jr sr u.s a.m p.m"
)


def lowered(text: str) -> str:
    """The text in lower case with straight apostrophes, each character where it was, so that spans fit both."""
    low = text.lower()
    if "’" in low:
        low = low.replace("’", "'")
    return low if len(low) == len(text) else text  # the dotted capital I of Turkish becomes two characters


def words(low: str) -> set[str]:
    """The English words of a text that is in lower case."""
    return set(_WORD.findall(low))


def is_english(text: str) -> bool:
    """Whether a text is English, as far as its most common words tell."""
    found = _ANY_WORD.findall(lowered(text[:LOOKED_AT]))
    return bool(found) and sum(word in _COMMON for word in found) >= LEAST_SHARE * len(found)


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph, each with the white space behind it: put together they are the paragraph."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        place = end.end("space")
        if _is_end(text, start, end):
            found.append(text[start:place])
            start = place
    return [*found, text[start:]] if start < len(text) else found


def _is_end(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether these marks end a sentence: behind a period it takes a capital, and none of an abbreviation."""
    following = end["next"][-1:]
    if end[0][0] in "!?":
        return True
    if following.islower() and not (following == "i" and text[end.end() : end.end() + 1] in (" ", "'", "’")):
        return False
    if end[0][0] != ".":
        return True
    before = text[max(start, end.start() - LONGEST_WORD) : end.start()].rsplit(None, 1)[-1:]
    word = before[0].lstrip('("“‘') if before else ""
    return word.lower() not in _ABBREVIATED and not (len(word) == 1 and word.isupper() and word != "I")
