"""A reckoning over things that can be looked up: "if A were 10 % taller and B 5 % shorter, which would be taller?".

What has to be known is one measure - a height, an area, a speed - of each thing that is named; the reckoning is left to a model.
Only where the prompt itself holds no measured facts: "Tom is 9 and Ann is 12" is to be reckoned with, not looked up.
"""

from __future__ import annotations

import re

from pipeline.decompose.alternatives import Choice
from pipeline.decompose.morphology import positive
from pipeline.decompose.text import Piece
from pipeline.decompose.words import pairs

_I = re.IGNORECASE
_NOUN = re.compile(
    r"\b(?:(?:surface|land|total)\s+area|population\s+densit(?:y|ies)|(?:maximum|top|average|maximal)\s+(?:speed|"
    r"velocity|depth|height|length|temperature)|height|length|depth|width|"
    r"area|population|speed|velocity|weight|mass|elevation|altitude|diameter|radius|volume|density|"
    r"size|gdp|budget|revenue|box\s+office|age|distance|temperature|capacity)s?\b",
    _I,
)
_KINDS = pairs(
    "deep/depth shallow/depth tall/height high/height long/length short/length fast/speed slow/speed quick/speed "
    "heavy/weight light/weight wide/width narrow/width large/size big/size small/size populous/population old/age "
    "young/age"
)
_VERBS = pairs("lengthen/length shorten/length extend/length deepen/depth widen/width accelerat/speed heighten/height merg/size")
_NOUNS_OF = pairs(
    "river/length canal/length trench/depth lake/area desert/area ocean/area sea/area forest/area rainforest/area "
    "tower/height building/height mountain/height mount/height statue/height monument/height skyscraper/height "
    "animal/speed bridge/length island/area"
)
_RECKONS = re.compile(
    r"\b(?:which|what\s+(?:would|will|is|are)|how\s+(?:much|many)|calculate|determine|find)\b[^?]*?(?:\b(?:difference|"
    r"ratio|sum|combined|total|average|larger|greater|smaller|more|less|least|most|dominate|surpass\w*|"
    r"times)\b|\b\w{3,}(?:er|est)\b)",
    _I,
)
_SUPPOSES = re.compile(
    r"(?:if|given|considering|assuming|suppos\w+|after|when|taking\s+into\s+account|in\s+a\s+(?:situation|"
    r"scenario|world)|imagine|were|should|among|with)\b",
    _I,
)
_ACROSS = re.compile(r"\b(?:difference|ratio|sum|combined|total)\b.*\b(?:and|to|between)\b", _I)
_CAPITAL = r"[A-Z][\w'.&-]*|\d[\w-]*(?=\s+[A-Z])"
_NAME = re.compile(rf"(?:(?<=\bthe\s)|(?<=\bThe\s))?\b(?:{_CAPITAL})(?:\s+(?:(?:of|the|de|la|du|von)\s+){{0,2}}(?:{_CAPITAL}))*")
_COMMON = re.compile(r"\b(?:a|an)\s+(?P<name>[a-z]+(?:\s+[a-z]+)?)(?=\s+(?:that|whose|which|\w+ing\b|whose|with)\b)")
_NOT_NAMES = re.compile(
    r"^(?:If|Given|Considering|Assuming|Suppose|Supposing|After|When|Taking|In|What|Which|How|"
    r"Imagine|Among|Between|With|Were|Should|Calculate|Determine|Find|The|A|An|Answer|And|I|By|"
    r"For|Is|Are|Of)\b\s*"
)
_FACT = re.compile(r"(?<![A-Za-z\d.,])\d[\d.,]*(?!\w|\s*(?:%|percent|times|x\b|th\b|-fold)|[\d.,]*\s*(?:%|percent|times))", _I)
_ORDINAL_MARK = re.compile(r"(?:^|\s)\d[.)]\s")
_YEAR = re.compile(r"\b(?:in|of|by)\s+(?:1[5-9]|20)\d\d\b", _I)
_HEADS = re.compile(r"\s+(?:[Rr]iver|[Oo]cean|[Dd]esert|[Tt]rench|[Tt]ower|[Rr]ainforest|[Ff]orest)$")
MOST_THINGS = 8


def measures(text: Piece) -> Choice | None:
    """The things whose measure has to be looked up, with the question for each; None when this is no such reckoning."""
    if not _RECKONS.search(text.masked) or not _is_reckoning(text.masked):
        return None
    if _FACT.search(_YEAR.sub("", _ORDINAL_MARK.sub(" ", text.masked))):
        return None
    found = names(text)
    measure = _measure(text.masked) if 2 <= len(found) <= MOST_THINGS else ""
    if not measure:
        return None
    return Choice(tuple(found), tuple(f"What is the {measure} of {name}?" for name in found))


def _is_reckoning(masked: str) -> bool:
    return bool(_SUPPOSES.match(masked) or _ACROSS.search(masked))


def names(text: Piece) -> list[str]:
    """The things that are named, each once, with their article."""
    found: dict[str, str] = {}
    for match in _NAME.finditer(text.masked):
        start = match.start()
        opening = _NOT_NAMES.match(match.group())
        start += opening.end() if opening else 0
        name = text.raw[start : match.end()].strip().removesuffix("'s").removesuffix("’s").rstrip(".")
        if len(name) < 2 or (not re.search(r"[a-z]", name) and len(name) > 4):
            continue
        article = "the " if text.masked[:start].lower().endswith("the ") else ""
        found.setdefault(_HEADS.sub("", name).lower(), article + name)
    if not found:
        for match in _COMMON.finditer(text.masked):
            found.setdefault(match["name"], f"a {match['name']}")
    return list(found.values())


def _measure(masked: str) -> str:
    """Which measure is asked for: named, or meant by "taller", "shortened" or by what the things are."""
    noun = _NOUN.search(masked)
    if noun:
        word = re.sub(r"\s+", " ", noun.group().lower())
        return word.removesuffix("s") if not word.endswith("ies") else word[:-3] + "y"
    words = re.findall(r"[a-z]+", masked.lower())
    for word in words:
        stem = next((kind for verb, kind in _VERBS.items() if word.startswith(verb)), "")
        if stem:
            return stem
    kinds = [_NOUNS_OF[word.removesuffix("s")] for word in words if word.removesuffix("s") in _NOUNS_OF]
    adjectives = [_KINDS[positive(word) or word] for word in words if (positive(word) or word) in _KINDS]
    return (adjectives or kinds or [""])[-1] if not (adjectives and adjectives[-1] == "length" and kinds) else kinds[-1]
