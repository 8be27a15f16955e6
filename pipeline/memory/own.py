"""The user's own words in a message: without what is quoted, pasted, code, or somebody else's.

Whatever a caller pastes may say "my name is ..." of somebody else, or be written by somebody who wants to be remembered here.
So in doubt a passage is left out: a note that is missed can be said again, one that is wrong follows the user around.
"""

from __future__ import annotations

import re
from itertools import pairwise

LONGEST = 6_000  # characters that are read; what is longer was hardly typed
HOLE = "\ufffc"  # stands where something was left out, so that no phrase reaches across
LAST_WORDS = 12  # after a request, up to which it is about what stands before it
SHORT_QUOTE = 3  # words, up to which a quotation may be a name: call me "Bo"

_PLAIN = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "＇": "'", "\u00a0": " ", "\r": "\n", "\t": " "})
_UNPAIRED = re.compile("[\ud800-\udfff]")
_FENCE = re.compile(r"^ *(```|~~~).*?(?:^ *\1|\Z)", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(
    r"\"([^\"\n]{1,500})\"|“([^”\n]{1,500})”|«([^»\n]{1,500})»|„([^“”\n]{1,500})[“”]|`([^`\n]{1,500})`"
    r"|(?<![\w'])'([^'\n]{1,200}(?:\w'\w[^'\n]{1,200}){0,3})'(?![\w'])"
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|me|my|we|our|mine)\b", re.IGNORECASE)
_FOREIGN_LINE = re.compile(r"^(?:>|\||<[a-zA-Z/!]|\$ |#!|//|/\*|[{\[}\]]|@@|[+-]{3} |    |\d{1,2}:\d\d|at [\w.]+\()")
_ADDRESSED = re.compile(r"^(?:dear|hi|hello|hey) (?:\w+[ .]){0,3}\w+[,:!]?$|^to whom it may concern\b", re.IGNORECASE)
_DEAR = re.compile(r"^dear \w", re.IGNORECASE)
_SIGNED = re.compile(
    r"^(?:(?:best|kind|warm|many)? ?(?:regards|wishes)|sincerely|yours (?:\w+)|cheers|love),?$|^best,$", re.IGNORECASE
)
_LABELLED = re.compile(r"^\W{0,3}[A-Z][\w.]{0,24}(?: [A-Z][\w.]{0,24})?: ?\S")
_WORKED_ON = (
    r"(?:translate|summari[sz]e|proofread|rewrite|re-?phrase|paraphrase|correct|improve|shorten|edit|(?-i:polish)|fix|"
    r"simplify|expand|analy[sz]e|classify|extract|convert|continue|complete|review|check|grade|evaluate|critique|(?:reply|"
    r"respond) to|answer|explain|format|reword|tidy|read|look at)"
)
_MATERIAL = (
    r"(?:this(?! (?:year|week|month|time|summer|winter|spring|autumn|weekend|morning|way)\b)|these|that|the following|"
    r"following|the above|above|below|text|sentences?|paragraphs?|passage|essay|article|e-?mail|letter|message|post|tweet|"
    r"review|story|poem|lyrics|transcript|conversation|dialogue|page|cv|resume|bio|code|snippet|json|note)"
)
_REQUEST = re.compile(
    rf"\b{_WORKED_ON}\b[^.?!\n]{{0,80}}?\b{_MATERIAL}\b|\b{_WORKED_ON}\b[^.?!\n]{{0,80}}:|\bhere(?:'s| is| "
    rf"are)\b[^.?!\n]{{0,80}}:|\b(?:following|below|quote|text|wrote|writes|said|says|goes|reads|begins|starts|got|received|"
    rf"example)\b[^.?!\n]{{0,60}}:|\b(?:is|are|does|was) (?:this|the above|that) [^.?!\n]{{0,40}}\?",
    re.IGNORECASE,
)
_ABOVE = re.compile(r"\babove\b|^(?:is|are|does) (?:this|these)\b", re.IGNORECASE)


def own_words(text: str) -> str:
    """What of a message the user says itself, with a hole where something was left out. In time linear in the message."""
    text = _UNPAIRED.sub(HOLE, _bounded(text)).translate(_PLAIN)
    text = _FENCE.sub(f"\n{HOLE}\n", text)
    lines = text.split("\n")
    before = _until_letter(lines)
    if any(_SIGNED.match(line.strip()) for line in lines) and len(before) == len(lines):
        return ""  # a letter, of which nobody knows who wrote it, nor where it begins
    lines = _without_transcript(before)
    kept = "\n".join(HOLE if _FOREIGN_LINE.match(line) else line for line in lines)
    return _QUOTED.sub(_unquoted, _without_material(kept))


def _bounded(text: str) -> str:
    """The beginning of a text that is too long, without the sentence in which it is cut."""
    if len(text) <= LONGEST:
        return text
    head = text[: LONGEST // 2]
    end = max(head.rfind(mark) for mark in "\n.?!")
    return head[: end + 1]


def _until_letter(lines: list[str]) -> list[str]:
    """The lines before a salutation. A greeting in the first line is for the assistant, unless somebody is 'dear' there."""
    for place, line in enumerate(lines):
        bare = line.strip()
        if _DEAR.match(bare) or (place and _ADDRESSED.match(bare)):
            return lines[:place]
    return lines


def _without_transcript(lines: list[str]) -> list[str]:
    """Without lines of the form `Name: what was said`, if there are several."""
    labelled = [place for place, line in enumerate(lines) if _LABELLED.match(line)]
    if not any(later - earlier <= 2 for earlier, later in pairwise(labelled)):
        return lines
    return [HOLE if place in set(labelled) else line for place, line in enumerate(lines)]


def _without_material(text: str) -> str:
    """Without the text that a request is about: what follows it, or all of it where the request comes last."""
    found = _REQUEST.search(text)
    if found is None:
        return text
    rest = text[found.end() :]
    if _ABOVE.search(found.group()) or ("\n" in text[: found.start()].strip() and len(rest.split()) <= LAST_WORDS):
        return ""
    return text[: _start_of_sentence(text, found.start())]


def _start_of_sentence(text: str, place: int) -> int:
    return max(text.rfind(mark, 0, place) for mark in "\n.?!") + 1


def _unquoted(found: re.Match[str]) -> str:
    content = next(group for group in found.groups() if group is not None)
    if len(content.split()) > SHORT_QUOTE or _FIRST_PERSON.search(content):
        return HOLE
    return content
