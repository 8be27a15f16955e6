"""Comparisons which ask for what is different: "compare A and B", "the difference between A and B", "how do A and B differ?"."""

from __future__ import annotations

import re

from pipeline.decompose import words as w
from pipeline.decompose.alternatives import Choice, fits
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_TAIL = (
    r"(?P<tail>,?\s+(?:in\s+terms\s+of|with\s+(?:respect|regards?)\s+to|regarding|concerning|when\s+it\s+comes\s+to|"
    r"based\s+on|focusing\s+on|on\s+the\s+basis\s+of|as\s+regards|"
    r"in|on|for|under|during|at|as)\s+[^?]+?)?"
)
_KIND = r"(?:main|key|major|biggest|primary|basic|important|most\s+important|fundamental|exact)"
_ASKED = (
    r"(?:(?:what(?:'s|\s+is|\s+are|s)?|explain|describe|tell\s+me|discuss|summari[sz]e|outline|"
    r"list|is\s+there|are\s+there|give\s+me|name|identify)\s+(?:(?:the|a|any|some)\s+)?)"
)
_PATTERNS = tuple(
    re.compile(pattern + r"\s*[?.!]*\s*$", _I)
    for pattern in (
        rf"{_ASKED}(?:{_KIND}\s+)?(?:differences?|similarities(?:\s+and\s+differences)?|distinctions?|"
        rf"contrasts?)\s+between\s+(?P<row>[^?,.]+?\s+(?:and|vs\.?|&)\s+[^?,.]+?){_TAIL}",
        r"(?:please\s+)?compare(?:\s+and\s+contrast)?\s+(?:between\s+)?(?P<row>[^?,.]+?(?:,\s+[^?,.]+?)*,?\s+(?:and|"
        rf"with|to|vs\.?|versus|against|&)\s+[^?,.]+?){_TAIL}",
        r"how\s+(?:do|does|are|is)\s+(?P<row>[^?,.]+?\s+and\s+[^?,.]+?)\s+(?:differ|different|compare)(?:\s+from\s+(?:each\s+other|"
        rf"one\s+another))?{_TAIL}",
        r"how\s+(?:do|does|are|is)\s+(?P<a>[^?,.]+?)\s+(?:differ(?:ent)?\s+(?:from|than|to)|compare\s+(?:to|"
        rf"with|against))\s+(?P<b>[^?,.]+?){_TAIL}",
        rf"(?P<row>[^?,.]+?\s+(?:vs\.?|versus)\s+[^?,.]+?){_TAIL}",
    )
)
_JOINT = re.compile(r"\s+(?:and|vs\.?|versus|&|against)\s+", _I)
_COMPLEMENT = re.compile(r"\s(?:of|from)\s", _I)
_WITH = re.compile(r"\s+(?:with|to)\s+", _I)
_OF = re.compile(r"(?P<what>(?:the\s+)?[\w-]+(?:\s+[\w-]+){0,2}\s+of)\s+(?P<thing>(?!the\s+[a-z]+\s+of\b).+)$", _I)
_STANDS = re.compile(rf"(?:{w.DETERMINER})\s", _I)
_MANY = re.compile(r"(?!(?:\w+ss|\w+us|\w+is|\w+ics|news|species|series)$)[a-z]\w+s$")
_LEANS = re.compile(r"(?:it|its|this|that|these|those|them|they|other|others|both|each|my|your|our|i|me|you|us)\b", _I)


def differences(text: Piece) -> Choice | None:
    """The things to compare with the question for each; None when the text is no such comparison."""
    for pattern in _PATTERNS:
        match = pattern.match(text.masked)
        if match:
            return _compared(text, match)
    return None


def _compared(text: Piece, match: re.Match[str]) -> Choice | None:
    found = _things(text, match)
    if len(found) != 2 and not (found and match.group("row") and "," in match["row"]):
        return None
    if not all(fits(one) and not _LEANS.match(one.masked) for one in found) or _shares_head(found):
        return None
    tail = text.group(match, "tail").raw
    names = [one.raw for one in found]
    of = _OF.match(found[0].masked)
    if of and not _OF.match(found[-1].masked):
        if of["what"][:3].lower() != "the" or len(found) != 2:
            return None
        what, names[0] = of["what"], found[0].group(of, "thing").raw
        return Choice(tuple(names), tuple(f"What is {what} {name}{' ' + tail if tail else ''}?" for name in names))
    return Choice(tuple(names), tuple(_question(name, tail) for name in names))


def _things(text: Piece, match: re.Match[str]) -> list[Piece]:
    if "a" in match.groupdict():
        return [text.group(match, "a"), text.group(match, "b")]
    row = text.group(match, "row")
    joints = list(_JOINT.finditer(row.masked)) or ([] if " from " in row.masked else list(_WITH.finditer(row.masked)))
    if len(joints) != 1:
        return []
    left, right = row.cut(0, joints[0].start()), row.cut(joints[0].end())
    commas = [0, *(at for found in re.finditer(r",\s+", left.masked) for at in found.span()), len(left.masked)]
    parts = [left.cut(start, end) for start, end in zip(commas[::2], commas[1::2], strict=True)]
    return [part.cut(0, len(part.masked.rstrip(" ,"))) for part in (*parts, right)]


def _shares_head(found: list[Piece]) -> bool:
    """Whether the last thing may hold the noun of all: "plant-based and animal-based protein sources"."""
    first, last = found[0].masked.split(), found[-1].masked.split()
    named = [bool(_STANDS.match(one.masked)) for one in found]
    if _COMPLEMENT.search(found[-1].masked) and not _COMPLEMENT.search(found[0].masked):
        return True  # "the A-form and the B-form of DNA"
    if named[0] != named[-1]:
        return len(last) > 1 and not last[-1][0].isupper()
    if all(named):
        return len(last) > len(first) and len(first) <= 2 and not last[-1][0].isupper()
    return len(last) > len(first) and not last[-1][:1].isupper()


def _question(name: str, tail: str) -> str:
    if tail:
        return f"Describe {name} {tail.lstrip(' ,')}."
    word = name.rsplit(maxsplit=1)[-1]
    many = bool(_MANY.search(word)) and not re.match(r"an?\s", name, _I)
    return f"What {'are' if many else 'is'} {name}?"
