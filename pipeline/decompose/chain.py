"""A question inside a question: "what is the capital of the country whose flag has a maple leaf?".

The inner one asks for the thing that is only described; its answer takes the place of the description in the outer one.
Only descriptions which can be looked up: with a name, a number or a title in them, and nothing of the one who asks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose import words as w
from pipeline.decompose.text import Piece

_I = re.IGNORECASE
_REL = r"(?:that(?!\s+of\b)|who|whom|whose|which|where|(?:in|on|at|to|from|for|with|of|by)\s+(?:which|whom|whose))"
_NOUN = rf"(?!(?:{w.AUX}|{w.PREPOSITION}|and|or|who|that|which)\b)[\w'-]+"
# A clause behind these says what they are, not which one is meant: "the claim that X is Y".
_SAYING = (
    r"(?:claims?|facts?|ideas?|beliefs?|news|evidence|rumou?rs?|theory|theories|notion|view|thought|"
    r"hope|fear|chances?|possibility)"
)
_HEAD = rf"(?P<head>(?:{_NOUN}\s+){{0,2}}?(?!{_SAYING}\b){_NOUN})"
_CAPITAL = r"(?-i:[A-Z0-9\"“'(&])[^\s?,]*"
_NAME = rf"(?:the\s+)?{_CAPITAL}(?:\s+(?:(?:of|the|and|de|in|for|to|on|a|with)\s+){{0,2}}{_CAPITAL})*"
_ROLES = (
    "author|writer|director|founder|co-founder|inventor|composer|creator|owner|host|wife|husband|"
    "father|mother|brother|sister|son|daughter|"
    "president|ceo|winner|singer|lead singer|artist|band|painter|architect|designer|producer|"
    "screenwriter|discoverer|leader|king|queen|"
    "ruler|captain|coach|manager|publisher|developer|manufacturer|protagonist|star|lyricist|editor|"
    "sculptor|builder|successor|"
    "predecessor|spouse|mayor|governor|prime minister|capital|subject|narrator|cinematographer|"
    "biographer|sequel|headquarters|birthplace"
)
_PARTICIPLE = (
    r"(?:\w+ed|born|known|written|built|made|sung|won|held|led|based|starring|featuring|containing)\s+"
    rf"(?:{w.PREPOSITION}|as)\s+[^?]+?"
)
# Ways to describe a thing: by a relative clause, by a participle, by whose it is.
_DESCRIPTIONS = (rf"\bthe\s+{_HEAD},?\s+(?P<clause>{_REL}\s+[^?]+?)", rf"\bthe\s+{_HEAD},?\s+(?P<clause>{_PARTICIPLE})")
_ROLE = rf"\bthe\s+(?P<head>(?:[\w-]+\s+)?(?:{_ROLES}))\s+(?P<clause>(?:of|for|to|in|behind)\s+{_NAME})"
_END = r"\s*\??\s*$"
_AT_END = tuple(re.compile(pattern + _END, _I) for pattern in (*_DESCRIPTIONS, _ROLE))
# The verb of the outer question behind its subject, by its auxiliary: "did ... die", "was ... born".
_DONE = (
    r"(?:\w+ly\s+|first\s+)?(?:live|die|work|play|go|attend|study|win|end|begin|start|finish|serve|"
    r"represent|belong|come|speak|teach|"
    r"write|make|direct|create|use|have|own|lose|marry|graduate|reside|retire|move|get|become|"
    r"appear|perform|record|release|run|lead|"
    r"fight|travel|grow|star|conduct|hold|sing|sell|cost|air|open|close|originate|receive|join|"
    r"leave|found|publish|produce|host|stop|"
    r"train|pass|stand|take|give|earn|compete|coach|score|weigh|flow|border)"
)
_BEEN = (
    r"(?:\w+ly\s+|first\s+)?(?:\w+ed|born|known|made|written|won|built|held|sold|shot|sung|set|"
    r"found|run|led|from|dead|alive|married|worth)"
)
_TAIL = rf",?\s+(?P<tail>(?:{_DONE}|{_BEEN})\b(?:\s+(?-i:[a-z-]+)){{0,5}})"
_IN_FRONT = tuple(re.compile(pattern + _TAIL + _END, _I) for pattern in (_ROLE, *_DESCRIPTIONS))
_FRONT = re.compile(
    rf"(?P<prep>(?!of\b){w.PREPOSITION})\s+the\s+{_HEAD},?\s+(?P<clause>{_REL}\s+[^?]+?),\s+"
    rf"(?P<outer>(?:{w.PREPOSITION}\s+)?(?:{w.WH}|{w.AUX})\b[^?]+?){_END}",
    _I,
)
_OWNED = re.compile(rf"(?P<inner>{_CAPITAL}(?:\s+{_CAPITAL})*'s\s+(?P<head>{_ROLES}))\b(?P<tail>[^?,]*?){_END}", _I)
_STATED = tuple(
    re.compile(
        pattern.replace(r"\bthe", "^the", 1)
        + rf",?\s+(?P<tail>(?-i:[a-z]+)\b[^?]*?\b(?:what|which|whom?|how\s+many)\b[^?]*?){_END}",
        _I,
    )
    for pattern in (_ROLE, *_DESCRIPTIONS)
)
_OUTER = re.compile(
    rf"(?:(?:{w.PREPOSITION})\s+)?(?:(?!why\b|how\s+(?!many\b|much\b|old\b|tall\b|long\b|far\b|big\b|large\b|high\b|deep\b))"
    rf"(?:{w.WH}|{w.WH_SHORT})\b|(?:name|tell\s+me|find|give\s+me)\s+(?:the|what|who|where|when|which)\b)",
    _I,
)
# The outer question has its verb behind the description, or a description of its own.
_OPEN = re.compile(
    rf"(?:,|\b(?:{w.AUX}|that|now|because|if|when|and))$|\b{w.DO}\s+the\b|^(?:find|name|give|tell)\b[^?]*,|(?<=\s)(?:that|who|"
    rf"which|whose)\s+(?:{w.AUX})\b",
    _I,
)
_PLACED = re.compile(rf"(?:{w.PREPOSITION})\s+(?:what|which)\s+[\w -]+\s+{w.BE}$", _I)
_JOINS = re.compile(r"\b(?:that|now|because|if|when|and)$", _I)  # "now that X's president": he is it
# Nothing is asked of what is described but what it is.
_THIN = re.compile(
    rf"(?:what|who|which)(?:'?s|\s+(?:{w.BE}(?:\s+likely\s+to\s+(?:be|become))?|{w.HAVE}\s+been)(?:\s+(?:some\s+of|all))?)?(?:\s+the\s+(?:names?|"
    r"title|identity)\s+of)?\s*$|"
    rf"(?:name|tell\s+me|find|give\s+me)(?:\s+(?:the\s+name\s+of|who|what)(?:\s+{w.BE})?)?\s*$",
    _I,
)
_COMPARES = re.compile(r"\b(?:than|compared|difference|more|fewer)\b", _I)
_OWN = re.compile(r"\b(?:i|me|my|we|our|us|you|your|this|these|it|they|he|she|his|her|their)\b", _I)
# Of these there are few enough for a description without a name.
_FEW = re.compile(
    r"(?:[\w-]+\s+)?(?:country|city|state|planet|continent|animal|language|actor|actress|author|"
    r"writer|scientist|president|king|queen|"
    r"island|element|metal|instrument|sport|band|singer|painter|composer|inventor)$",
    _I,
)
_KNOWN = re.compile(r"[A-Z\"“'(]\w*|\b\d{3,4}\b")
_PERSON = re.compile(
    r"(?:[\w-]+\s+)*(?:wife|husband|king|queen|president|son|host|(?!\w*(?:computer|river|tower|"
    r"letter|paper|number|theater|center|character|"
    r"chapter|newspaper|manufacturer|publisher|developer)$)\w+(?:er|or|ist|ian|ess|man|woman|person))$",
    _I,
)
_HELPER = re.compile(rf"\b(?:(?P<do>{w.DO})|{w.BE}|{w.HAVE})$", _I)


class Chain(NamedTuple):
    """The question for what is described, and the outer question with `#1` for it."""

    inner: str
    outer: str


def chain(text: Piece) -> Chain | None:
    """The two questions; None when the text is one."""
    if _OWN.search(text.masked) or _COMPARES.search(text.masked):
        return None
    for way in (_fronted, _owned, _before_its_verb, _last, _stated):
        found = way(text)
        if found:
            return found
    return None


def _fronted(text: Piece) -> Chain | None:
    """ "In the country that has the anthem X, who ...?" """
    match = _FRONT.match(text.masked)
    if not match or not (_KNOWN.search(match["clause"]) or _FEW.match(match["head"])):
        return None
    outer = text.group(match, "outer").raw
    return Chain(_inner(text, match), f"{match['prep'].capitalize()} #1, {outer[:1].lower()}{outer[1:]}?")


def _owned(text: Piece) -> Chain | None:
    """ "Where does Leviathan's author live?" """
    match = _OWNED.search(text.masked)
    before = text.cut(0, match.start()) if match else text
    if not match or not _OUTER.match(before.masked) or _THIN.match(before.masked) or _JOINS.search(before.masked):
        return None
    inner = text.group(match, "inner").raw
    return Chain(f"{_person(match['head'])} is {inner}?", f"{before.raw} #1{text.raw[match.start('tail') : match.end('tail')]}?")


def _before_its_verb(text: Piece) -> Chain | None:
    """ "When was the director of X born?": behind the last name of the description only the verb is left."""
    for pattern in _IN_FRONT:
        match = pattern.search(text.masked)
        if not match:
            continue
        before = text.cut(0, match.start())
        helper = _HELPER.search(before.masked)
        fits = helper and re.match(_DONE if helper["do"] else _BEEN, match["tail"], _I)
        if fits and _OUTER.match(before.masked) and not _THIN.match(before.masked) and _ends_in_name(match["clause"]):
            return Chain(_inner(text, match), f"{before.raw} #1 {match['tail']}?")
    return None


def _last(text: Piece) -> Chain | None:
    """The description at the end of the question."""
    for pattern in _AT_END:
        match = pattern.search(text.masked)
        if not match or not (_KNOWN.search(match["clause"]) or _FEW.match(match["head"])):
            continue
        before = text.cut(0, match.start())
        asks = _OUTER.match(before.masked) and not _OPEN.search(before.masked) and not _THIN.match(before.masked)
        if asks or (pattern is _AT_END[0] and _PLACED.match(before.masked)):
            return Chain(_inner(text, match), f"{before.raw} #1?")
    return None


def _stated(text: Piece) -> Chain | None:
    """ "The country that contains X is on what continent?" """
    for pattern in _STATED:
        match = pattern.match(text.masked)
        if match and _KNOWN.search(match["clause"]) and _ends_in_name(match["clause"]):
            return Chain(_inner(text, match), f"#1 {text.group(match, 'tail').raw}?")
    return None


def _ends_in_name(clause: str) -> bool:
    last = clause.rsplit(maxsplit=1)[-1]
    return last[0].isupper() or last[0] in "\"“'("


def _inner(text: Piece, match: re.Match[str]) -> str:
    """The question for what is described."""
    head = text.group(match, "head").raw
    return f"{_person(head)} is the {head} {text.group(match, 'clause').raw}?"


def _person(head: str) -> str:
    return "Who" if _PERSON.match(head) else "What"
