"""The question to ask of one thing when a choice was asked: "which river is longer" becomes "how long is the Nile".

A head is what was asked, without the things to choose from. What can be measured is asked for, what cannot is asked yes or no.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.cache.guards.words import several
from pipeline.decompose import words as w
from pipeline.decompose.morphology import base, is_verb_form, positive, singular_verb

_I = re.IGNORECASE
_HEAD = re.compile(
    rf"(?:(?P<before>{w.PREPOSITION})\s+)?(?:which|what|who|where)(?:\s+of\s+(?:the|these|the\s+following)(?:\s+two)?)?(?:\s+one)?(?:\s+(?P<noun>(?:[^\s?]+\s+){{0,9}}?[^\s?]+))??"
    rf"\s+(?P<verb>{w.BE}|{w.DO}|{w.HAVE}|can|could|will)\s+(?P<rest>\S.*)$",
    _I,
)
_PLAIN = re.compile(r"(?:which|what|who)(?:\s+of\s+(?:the|these|the\s+following)(?:\s+two)?)?(?P<words>(?:\s+[^\s?]+)+)$", _I)
_ORDER = re.compile(
    r"\b(?:the\s+)?(?:first|earlier|earliest|sooner|soonest|later|latest|last|(?:more|most)\s+recent(?:ly)?|"
    r"second)\b(?:\s+(?:in time|of the two))?",
    _I,
)
_NO_ORDER = re.compile(
    r"\s*(?:\w+\s+)?(?:place|prize|world|and second|of (?!the two)\w)|(?:\s+[\w-]+){1,3}\s+(?:to|who|that)\b", _I
)
_AGE = re.compile(r"^(?:the\s+)?(?:older|oldest|elder|eldest|younger|youngest)\b", _I)
_FAR = re.compile(
    r"(?P<lead>.*?)\b(?:the\s+)?(?:further|farther|furthest|farthest|more)\s+(?:to\s+the\s+)?(?P<way>north|"
    r"south|east|west)\w*(?P<tail>.*)$",
    _I,
)
_MORE = re.compile(
    r"(?P<lead>.*?)\b(?:the\s+|a\s+)?(?P<more>more|most|fewer|fewest|less|least|(?:greater|greatest|"
    r"higher|highest|larger|largest|lower|lowest|smaller)\s+(?:number|amount)s?\s+of|number of)\s+(?P<what>[\w-]+)(?P<tail>.*)$",
    _I,
)
_COMPARATIVE = re.compile(
    r"(?P<lead>.*?)\b(?:(?P<article>the|an?)\s+)?(?P<word>[a-z]{3,}(?:er|est)|better|best|worse|worst)\b(?P<tail>.*)$", _I
)
_ADVERB = re.compile(r"(?:\w+ly|often|long|far|well)$", _I)
_ADJECTIVE = re.compile(
    r"\w+(?:ive|ous|ful|able|ible|al|ent|ant|ic|ar|ing|ed|ty|ry|less)$|popular|successful|common|diverse|famous", _I
)
_BEHIND = re.compile(rf"\s*{w.PREPOSITION}\b", _I)
_HANGS = re.compile(rf"\b{w.PREPOSITION}\s*$", _I)
_UNSAID = re.compile(r"\b(?:i|you|we|my|your|me|should|would)\b", _I)


_AFTER_VERB = several("more most the a in less fewer out further farther")


class Head(NamedTuple):
    """What is asked, taken apart: "which | band | was | formed first". Without `aux`, `rest` begins with one."""

    who: bool
    noun: str
    aux: str
    rest: str


def lookup(head: str, thing: str, *, acts: bool = False) -> str:
    """The question about one thing; empty when the head was not understood. `acts`: the thing is what does it, whoever "does"."""
    head = head.strip(" ,:;-–—?")
    owned = head[:6].lower() == "whose "
    read = _read(f"which {head[6:]}" if owned else head)
    if read and owned:
        thing, read = f"{thing}'s {read.noun}", read._replace(noun="", who=False)
    if not read or _UNSAID.search(f"{read.noun} {read.rest}"):
        return ""
    if read.aux in ("do", "does", "did") and not acts:  # "which film did Disney make first": somebody else does it
        subject, _, verb = read.rest.partition(" ")
        order = _ORDER.search(verb)
        return f"When {read.aux} {subject} {verb[: order.start()].strip()} {thing}?" if order else ""
    for way in (_aged, _when, _where, _counted, _measured, _polar):
        found = way(read, thing)
        if found:
            return re.sub(r"\s+", " ", found).replace(" ,", ",").strip(" ,") + "?"
    return ""


def _read(head: str) -> Head | None:
    who = head[:3].lower() == "who"
    match = _HEAD.match(head)
    plain = _verbal(head, who)
    if match and not (plain and len(plain.noun.split()) < len((match["noun"] or "").split())):
        aux, rest = match["verb"].lower(), match["rest"]
        if match["before"]:
            return None
        return Head(who, match["noun"] or "", aux, rest)
    return plain


def _verbal(head: str, who: bool) -> Head | None:
    """A head without an auxiliary: "who lived longer", "which film came out first"."""
    match = _PLAIN.match(head)
    words = match["words"].split() if match else []
    for place, word in enumerate(words[:6]):
        rest = words[place + 1 :]
        helped = _helped(word.lower(), rest, asked=who or place > 0) if rest else ""
        if helped:
            return Head(who, " ".join(words[:place]), "", f"{helped} {' '.join(rest)}")
    return None


def _helped(verb: str, rest: list[str], *, asked: bool) -> str:
    """ "did release" for "released", "does publish" for "publishes"; empty for what is no verb here.

    `asked`: what is asked for stands before it.
    """
    following = rest[0].lower()
    if is_verb_form(verb) and (asked or len(rest) == 1 or not is_verb_form(following)):
        return f"did {base(verb)}"
    if asked and verb.endswith("s") and not verb.endswith("ss") and (positive(following) or following in _AFTER_VERB):
        return f"does {singular_verb(verb)}"
    return ""


def _verbs(read: Head) -> tuple[str, str]:
    """The auxiliary that a question needs, and what follows the subject."""
    if not read.aux:
        aux, _, rest = read.rest.partition(" ")
        return aux, rest
    if read.aux in ("has", "have", "had") and not re.match(
        r"(?:been|\w+ed|won|made|had|sold|written|done|got|lived)\b", read.rest, _I
    ):
        return ("did" if read.aux == "had" else "does"), f"have {read.rest}"
    return {"are": "is", "were": "was", "do": "does", "have": "has"}.get(read.aux, read.aux), read.rest


def _aged(read: Head, thing: str) -> str:
    if read.aux not in ("is", "was", "are", "were") or not _AGE.match(read.rest):
        return ""
    rest = _AGE.sub("", read.rest, count=1)
    return f"When was {thing} born{rest}" if read.who else f"How old is {thing}{rest}"


def _when(read: Head, thing: str) -> str:
    aux, rest = _verbs(read)
    verb = len(rest.split(" ", 1)[0]) if aux in ("did", "does") else 0  # "last" may be one
    match = _ORDER.search(rest, verb)
    if not match or _NO_ORDER.match(rest[match.end() :]):
        return ""
    left = f"{rest[: match.start()]}{rest[match.end() :]}".strip()
    if left.lower() in ("", "come", "the"):
        left = "first appear" if aux in ("did", "does") else ""
    return f"When {aux} {thing} {left}"


def _where(read: Head, thing: str) -> str:
    aux, rest = _verbs(read)
    match = _FAR.match(rest)
    return f"Where {aux} {thing} {match['lead']}{match['tail']}" if match else ""


def _counted(read: Head, thing: str) -> str:
    aux, rest = _verbs(read)
    match = _MORE.match(rest)
    if not match:
        return ""
    lead, what, tail = match["lead"], match["what"], match["tail"]
    if aux in ("is", "was") and not lead.strip():
        return f"How {what} {aux} {thing}{tail}"
    if _ADVERB.match(what):
        return f"How {what} {aux} {thing} {lead}{tail}"
    if _ADJECTIVE.match(what) and tail.strip() and _HANGS.search(lead):
        return ""
    if re.fullmatch(rf"than|{w.PREPOSITION}", what, _I):
        return ""
    noun, tail = _noun_phrase(f"{what}{tail}")
    many = "many" if noun.endswith(("s", "people", "children", "women", "men")) or "number" in match["more"] else "much"
    return f"How {many} {noun} {aux} {thing} {lead}{tail}"


def _noun_phrase(text: str) -> tuple[str, str]:
    """What is counted, with its adjectives, and what follows: "studio albums | in the 1990s"."""
    match = re.match(
        rf"(?P<noun>.+?)(?P<tail>\s+(?:{w.PREPOSITION}|than|that|who|which|around|worldwide|while|as)\b.*)?$", text, _I
    )
    assert match
    return match["noun"], match["tail"] or ""


def _measured(read: Head, thing: str) -> str:
    aux, rest = _verbs(read)
    match = _COMPARATIVE.match(rest)
    quality = positive(match["word"]) if match and match["word"].islower() else ""
    if not match or not quality:
        return ""
    lead, tail = match["lead"], match["tail"]
    if aux in ("is", "was") and re.search(r"\b(?:a|an|the)\b", lead):
        return ""
    if lead.strip() in ("have", "have a", "have the") and tail.strip():
        noun, more = _noun_phrase(tail.strip())
        return f"What {'was' if aux == 'did' else 'is'} the {noun} of {thing}{more}"
    if match["article"] in ("a", "an"):
        noun = tail.strip()
        return f"How {quality} a {noun} {aux} {thing}" if noun and aux in ("is", "was") and not lead.strip() else ""
    if match["article"] == "the" and tail.strip() and aux in ("is", "was"):
        tail = re.sub(r"^\s+(?:one|of the two|" + re.escape(read.noun.lower() or "one") + r")\b", "", tail)
        return f"How {quality} {aux} {thing}{tail if _BEHIND.match(tail) else ''}"
    return f"How {quality} {aux} {thing} {lead}{tail}"


def _polar(read: Head, thing: str) -> str:
    aux, rest = _verbs(read)
    if re.search(r"\b(?:more(?! than \d)|most|less|fewer|better|longer|(?<!more )than|his|her|their|its)\b", rest, _I):
        return ""
    return f"{aux.capitalize()} {thing} {rest}"
