"""One thing asked of two: "are A and B both rivers?", "were A and B born in the same year?"."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose import words as w
from pipeline.decompose.alternatives import Choice, fits
from pipeline.decompose.morphology import article, is_verb_form, singular
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_CAPITAL = r"[A-Z0-9\"“'(&!][^\s,?;:]*"
_NAME = (
    rf"(?:(?i:the|an?)\s+)?{_CAPITAL}(?:\s+(?:(?:of|the|de|la|du|di|von|van|v\.|vs\.|in|for|at|on|"
    rf"to|from|with|an?)\s+){{0,2}}{_CAPITAL})*"
)
_BOTH_LAST = re.compile(
    rf"(?P<before>(?:(?i:{w.AUX})\s+|(?i:what|which|in|on|where|from)\b[^?,]*?\b(?i:{w.AUX})\s+)?)(?P<a>[^?]{{2,90}}?)\s+and\s+(?P<b>[^?]{{2,90}}?)(?P<be>\s+(?i:are|"
    r"were|have|did|do))?\s+both\s+(?P<rest>[^?]+?)\s*\??\s*$"
)
_PAIR = re.compile(rf"(?P<both>(?i:both)\s+)?(?P<a>{_NAME}),?\s+and\s+(?P<b>{_NAME}(?:,\s+{_NAME}(?=\s+[a-z]))?)")
_KIND = re.compile(rf"(?:^|(?<=\s))(?P<the>the\s+)?(?P<two>two\s+)?(?P<noun>(?!(?:{w.AUX})\b)[a-z]+s),?\s*$")
_KIND_FIRST = re.compile(r"(?P<the>the\s+)?(?P<two>two\s+)?(?P<noun>[a-z]+s),?\s+(?=[A-Z\"“'\d])")
_SAME = re.compile(
    rf"(?P<lead>.*?)(?:\b(?P<prep>{w.PREPOSITION})\s+)?\b(?:the\s+(?:\w+\s+)?same|separate|different)\s+(?P<noun>[^?]+?)\s*\??\s*$",
    _I,
)
_COMMON = re.compile(r"\b(?:have|has|hold|share|shared)(?:\s+what)?\s+in\s+common\b|\bshare\b", _I)
_ONE = {"are": "is", "were": "was", "do": "does", "have": "has", "aren't": "isn't", "weren't": "wasn't", "don't": "doesn't"}
_PREDICATE = re.compile(
    rf"(?P<noun>[^?]+?)(?P<tail>\s+(?:{w.PREPOSITION}|that|who|which|whose|named|called|\w+ed|when|where)\b[^?]*)?$", _I
)
_NATIONAL = re.compile(r"\s+(?:American|British|French|Greek|Dutch|German|\w{3,}(?:ian|ish|ese|ican))$")


_OPENING = re.compile(rf"(?:{w.AUX}|{w.PREPOSITION}|{w.WH})\s+", _I)


class Pair(NamedTuple):
    """Two things with what is asked of them before, and behind; `said` whether the text says "both"."""

    before: str
    things: tuple[Piece, ...]
    behind: str
    said: bool


def both(text: Piece) -> Choice | None:
    """The two things with the question for each; None when the text does not ask the same of two."""
    for found in (_both_last(text), _named(text)):
        if not found or not all(fits(thing) for thing in found.things):
            continue
        questions = tuple(_one(found, thing.raw) for thing in found.things)
        if all(questions):
            return Choice(tuple(thing.raw for thing in found.things), questions)
    return None


def _both_last(text: Piece) -> Pair | None:
    """ "A and B are both ...": what stands before "both" is B, whatever its words."""
    match = _BOTH_LAST.match(text.masked)
    if (
        not match
        or _LOOSE.search(match["a"])
        or _HANGS.search(match["b"])
        or " and " in match["a"] + match["b"]
        or match["a"].lower().startswith("both ")
    ):
        return None
    behind = f"{match['be'] or ''} {text.group(match, 'rest').raw}"
    return _without_kind(text.group(match, "before").raw, text.group(match, "a"), text.group(match, "b"), behind, said=True)


_LOOSE = re.compile(r"\b(?:if|when|because|that)\b", _I)
_HANGS = re.compile(rf"\b(?:{w.PREPOSITION}|{w.AUX})$", _I)
_BOTH_FIRST = re.compile(r"\bboth\s+(?:the\s+)?(?:[a-z]+s,?\s+)?$", _I)
_EACH_FOR_ITSELF = re.compile(
    r"(?:where\s+(?:are|were|is)|(?:in|on|at|from)\s+(?:which|what)\s+\w+\s+(?:are|were|can|do|did|could))\s+(?:the\s+)?$", _I
)
_STATE = re.compile(
    r"\s+(?:located|based|found|situated|native|born|made|from|members?\s+of|in\s+(?-i:[A-Z])|"
    r"(?:[A-Z][a-z]+\s+)?(?:[a-z-]+\s+){0,2}[a-z]+s(?:\s+(?:of|from|in|for|by)\b[^?]*)?\s*\??$)",
    _I,
)
_MUTUAL = re.compile(
    r"\b(?:friends|siblings|brothers|sisters|related|married|rivals|partners|twins|cousins|neighbou?rs|"
    r"enemies|allies|colleagues|"
    r"competitors|synonyms|opposites|interchangeable|compatible|connected|equal|similar|different|"
    r"alike|together|each\s+other|"
    r"one\s+another|couples?|relatives|spouses|parents|equivalents?|terms)\b",
    _I,
)
# One that does two things, and not two things of which one is asked: "which actor starred in both A and B?".
_SUBJECT_ASKED = re.compile(rf"(?:who|which|what)\b(?![^?]*\b(?:{w.AUX})\b)", _I)
_OF_MANY = re.compile(r"\bof\s+(?:these|the|those)\b", _I)


def _named(text: Piece) -> Pair | None:
    """Two names beside one another, where the text says "both" before them, or "the same" or "in common" behind."""
    opening = _OPENING.match(text.masked)
    match = _PAIR.search(text.masked, opening.end() if opening else 0)
    if (
        not match
        or _OF_MANY.search(text.masked[: match.start()])
        or _LOOSE.search(text.masked[: match.start()])
        or text.masked.count(" and ") > 1
    ):
        return None
    first, second = text.group(match, "a"), text.group(match, "b")
    before, behind = text.raw[: match.start()], text.raw[match.end() :]
    national = _NATIONAL.search(second.masked)
    if national and len(second.masked.split()) > 2 and re.match(r"\s+[a-z]|\s*\??$", behind):
        behind = second.raw[national.start() :] + behind
        second = second.cut(0, national.start())
    if _SUBJECT_ASKED.match(before):
        return None
    said = bool(match["both"] or _BOTH_FIRST.search(before))
    before = re.sub(r"\bboth\s+", "", before, flags=_I)
    if not (
        said or _SAME.match(behind) or _COMMON.search(behind) or _EACH_FOR_ITSELF.match(before) or _holds_for_each(before, behind)
    ):
        return None
    return _without_kind(before, first, second, behind, said=said)


def _holds_for_each(before: str, behind: str) -> bool:
    """Whether what is said of two holds of each: "are A and B located in Asia?", but not "are A and B married?"."""
    if re.match(r"(?:are|were)\s+(?:the\s+)?(?:[a-z]+s\s+)?$", before, _I):
        return bool(_STATE.match(behind)) and not _MUTUAL.search(behind)
    return not before.strip() and bool(re.match(r"\s+(?:are|were)\s+(?:(?:in|from|of|on)\s+)?(?:what|which)\b", behind, _I))


def _without_kind(before: str, first: Piece, second: Piece, behind: str, *, said: bool) -> Pair | None:
    """ "the bands A and B" as "the band A" and "the band B"."""
    match = _KIND.search(before)
    if match:
        before = before[: match.start()]
    else:
        match = _KIND_FIRST.match(first.masked)
        first = first.cut(match.end()) if match else first
    if match:
        before = f"{before.rstrip()} {'the ' if match['the'] or match['two'] else ''}{singular(match['noun'])} "
    return Pair(before, (first, second), behind.rstrip(" ?"), said)


def _one(pair: Pair, thing: str) -> str:
    """What is asked of one of the two."""
    many = (thing[:4].lower() == "the " and thing.endswith("s")) or (
        thing[:1].islower() and thing.endswith("s") and thing[:4].lower() != "the "
    )
    same = _SAME.match(pair.behind)
    before = pair.before if many else _singular_verb(pair.before)
    if same:
        return _sentence(_of_same(same, before, thing))
    helped = many or re.search(rf"\b(?:{w.AUX})\b", pair.before, _I)
    behind = pair.behind if helped else _singular_first(pair.behind)
    common = _COMMON.search(behind)
    if common:
        behind = behind[: common.start()] + "have" + behind[common.end() :]
        if re.match(r"(?:what\s+(?:do|does))?\s*$", before, _I) and not behind[common.start() + 4 :].strip(" ?"):
            return _sentence(f"What is {thing}")
    elif not pair.said:
        return _sentence(f"{before} {thing}{behind}")
    if re.match(r"\s*(?:is|are|was|were)\s*$", before, _I) and not many:
        behind = " " + _nominal(behind.strip())
    elif not before.strip() and not many:
        behind = re.sub(
            r"^(\s*(?:is|was)\s+)(.*)$", lambda match: match[1] + (match[2] if "what" in match[2] else _nominal(match[2])), behind
        )
    return _sentence(f"{before} {thing}{behind if behind[:1] in ('', ' ', ',') else ' ' + behind}")


def _of_same(same: re.Match[str], before: str, thing: str) -> str:
    """ "in the same year" asks "in which year"."""
    aux, lead, noun = before.strip(), same["lead"].strip(), same["noun"]
    first, _, kind = aux.partition(" ")
    subject = f"{kind} {thing}".strip()
    if not re.fullmatch(w.AUX, first, _I):
        return ""
    if noun.startswith("time"):
        return f"When {first.lower()} {subject} {lead}"
    if not same["prep"] or same["prep"].lower() == "of":
        return f"What is the {noun} of {subject}" if re.fullmatch(r"(?:(?:share|have|had|of|be|been)\b\s*)*", lead, _I) else ""
    return f"{same['prep']} which {noun} {first.lower()} {subject} {lead}"


def _singular_verb(before: str) -> str:
    """With the last auxiliary for one: "what profession do" as "what profession does"."""
    words = before.split()
    for place in range(len(words) - 1, -1, -1):
        if words[place].lower() in _ONE:
            plain = _ONE[words[place].lower()]
            words[place] = plain.capitalize() if words[place][0].isupper() else plain
            break
    return " ".join(words) + (" " if words else "")


def _singular_first(behind: str) -> str:
    match = re.match(r"\s*(are|were|do|have)\b", behind, _I)
    return behind[: match.start(1)] + _ONE[match[1].lower()] + behind[match.end(1) :] if match else behind


def _nominal(predicate: str) -> str:
    """ "rock bands from Norway" as "a rock band from Norway"; anything that is no plural as it is."""
    match = _PREDICATE.match(predicate)
    words = match["noun"].split() if match else []
    if (
        not match
        or not words
        or words[0].lower() in ("a", "an", "the", "in", "from", "located", "part", "of", "native", "based")
        or (len(words) == 1 and is_verb_form(words[0].lower()))
    ):
        return predicate
    one = singular(words[-1])
    if one == words[-1]:
        return predicate
    noun = " ".join([*words[:-1], one])
    return f"{article(noun)} {noun}{match['tail'] or ''}"


def _sentence(text: str) -> str:
    text = re.sub(r"\s+", " ", text).replace(" ,", ",").strip(" ,")
    return text[:1].upper() + text[1:] + "?" if text else ""
