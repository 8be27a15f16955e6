"""Lists as plans: each item a question, or each item a thing to which the same instruction applies."""

from __future__ import annotations

import re

from pipeline.decompose import refuse, shared
from pipeline.decompose import words as w
from pipeline.decompose.acts import act, opened
from pipeline.decompose.lists import Item, Listing
from pipeline.decompose.plan import MOST_PARTS, Part, Plan
from pipeline.decompose.references import points_out
from pipeline.decompose.sentences import sentences
from pipeline.decompose.text import Piece, piece

_I = re.IGNORECASE
MOST_WORDS = 14  # of an item that is a thing and no question
_FOLLOWING = re.compile(
    r"\b(?:(?P<each>(?:for\s+)?each\s+of\s+(?:the\s+following|these|those)|(?:for\s+)?(?:all\s+of\s+|"
    r"all\s+)?(?:the\s+following|these))(?P<noun>(?:\s+[\w-]+){0,2}?))"
    r"(?=\s*(?:[:?.,]|$)|\s+(?:to|in|into|for|mean|means|like|with|using|as|stand|from)\b)",
    _I,
)
_APPLIES = re.compile(
    r"(?:(?:please|kindly|can you|could you|what|which|who|whom|where|when|how|why|for each|for the following|"
    r"tell me|give me the|what's|whats|in one sentence)\b|"
    r"(?:explain|define|describe|translate|convert|spell|pronounce|name|give|find|calculate|solve|state)\b)",
    _I,
)
_ACROSS = re.compile(
    r"\b(?:rank|sort|order|compare|which of|best|table|group|categor\w+|classif\w+|choose|pick|"
    r"select|odd|relationship|common|differences?|total|sum of|average|story|"
    r"combin\w+|organi[sz]e|output|write|create|match|label|use|using|among|between|most|least|"
    r"largest|smallest|first|last|assign|analy[sz]e)\b",
    _I,
)
_TO_TRANSLATE = re.compile(r"(?:please\s+|can you\s+|could you\s+)?(?:translate|convert)\b", _I)
_HOMEWORK = re.compile(
    r"\b(?:homework|questions?|quiz|trivia|exam|test|assignment|following|help|things|stuff|know|wondering|curious)\b", _I
)


def of_questions(found: Listing) -> Plan | str:
    """A plan of a list of which each item can be asked by itself; otherwise why not."""
    if not 2 <= len(found.items) <= MOST_PARTS:
        return "too_many"
    texts = [opened(item.text) for item in found.items]
    if any(refuse.makes(text) or refuse.making(text) for text in texts):
        return "artefact"
    if not all(act(_first(text)) in ("question", "request") for text in texts):
        return "not_questions"
    if any(points_out(text.masked, [one.raw for one in texts[:place]]) for place, text in enumerate(texts)):
        return "refers_back"
    around = _around(found)
    if isinstance(around, str):
        return around
    before, behind = around
    parts = [Part(_said(text, before, behind), label=_label(item)) for item, text in zip(found.items, texts, strict=True)]
    return Plan(tuple(parts), "list")


def of_things(found: Listing) -> Plan | str:
    """A plan of a list of things to which what stands before it applies one by one; otherwise why not."""
    if not 2 <= len(found.items) <= MOST_PARTS:
        return "too_many"
    if any(len(item.text.raw.split()) > MOST_WORDS or "\n" in item.text.raw for item in found.items):
        return "not_questions"
    lead = sentences(found.lead)
    if not lead or not _applies(lead):
        return "not_each"
    behind = [shared.shape(one) for one in (*lead[:-1], *sentences(found.trail)) if act(opened(one)) != "courtesy"]
    if any(act(opened(one)) not in ("shape", "courtesy") for one in (*lead[:-1], *sentences(found.trail))) or None in behind:
        return "lead_in"
    said = opened(lead[-1])
    if refuse.makes(said) or refuse.making(said):
        return "artefact"
    texts = [_applied(said, item.text) for item in found.items]
    tail = "".join(f" {one}" for one in behind)
    return Plan(tuple(Part(text + tail, label=_label(item)) for text, item in zip(texts, found.items, strict=True)), "list")


def _applies(lead: list[Piece]) -> bool:
    text = opened(lead[-1]).masked
    points = _FOLLOWING.search(text) or re.fullmatch(rf"(?:{w.TELLING})\s*:", text, _I)
    return bool(points and _APPLIES.match(text) and not _ACROSS.search(text))


def _applied(lead: Piece, item: Piece) -> str:
    """What is asked of one item, in words: the item in the place of "each of the following terms", or behind a colon."""
    match = _FOLLOWING.search(lead.masked)
    thing = item.raw.rstrip(" ,;") if _TO_TRANSLATE.match(lead.masked) else item.raw.rstrip(" ,;.")
    question = lead.masked.rstrip().endswith("?")
    text = lead.raw.rstrip(" :?.")
    if not match:
        return shared.finished(f"{text} {thing}", question)
    if _TO_TRANSLATE.match(lead.masked):
        return f"{_without(text, match)}: {thing}"
    if match.start() == 0:  # "For each of these countries, tell me the capital"
        rest = text[match.end() :].lstrip(" ,:")
        return f"{rest[:1].upper()}{rest[1:]}: {thing}"
    before = lead.masked[: match.start()].split()
    if question and before[-1].lower() in ("do", "does", "are", "is", "did", "were", "was"):
        return f"{text}? {thing}"  # who knows whether the thing is one or many
    return shared.finished(text[: match.start()] + thing + text[match.end() :], question)


def _without(text: str, match: re.Match[str]) -> str:
    return re.sub(r"\s+", " ", text[: match.start()] + text[match.end() :]).strip()


def _first(text: Piece) -> Piece:
    found = sentences(text)
    return found[0] if found else text


def _said(text: Piece, before: str, behind: str) -> str:
    asks = act(_first(text)) == "question"
    said = shared.finished(text.raw, asks)
    if before:
        said = before + said[:1].lower() + said[1:] if not said[:2].isupper() else before + said
    return f"{said} {behind}".rstrip()


def _label(item: Item) -> str:
    text = item.text.raw.split("\n", 1)[0].rstrip()
    return f"{item.mark} {text}" if any(char.isalnum() for char in item.mark) else text


def _around(found: Listing) -> tuple[str, str] | str:
    """What stands before and behind the list, to be said by each item: a topic, and conditions; otherwise why that cannot be."""
    topic, shapes = "", []
    for sentence in (*sentences(found.lead), *sentences(found.trail)):
        one = opened(sentence)
        kind = act(one)
        if kind == "shape" or (
            kind == "announcement" and re.match(r"(?:please\s+)?(?:answer|respond|explain)\b", one.masked, _I)
        ):
            said = _condition(one)
            if said is None:
                return "lead_in"
            shapes += [said] if said else []
        elif kind == "announcement" or (kind == "statement" and _HOMEWORK.search(one.masked) and len(one.raw) <= 120):
            topic = topic or shared.topic(one)
        elif kind != "courtesy":
            return "lead_in"
    return topic, " ".join(shapes)


_ANSWER_ALL = re.compile(
    r"(?:please\s+)?(?:answer|respond to)\s+(?:\w+\s+){0,2}?(?:these|the following|the|my|all|"
    r"each|following|this|below|both)(?:\s+(?!in\b|with\b|using\b|for\b|as\b)[\w-]+){0,5}?(?=\s*[,:.]|"
    r"\s+(?:in|with|using|for|as)\b|\s*$)\s*,?",
    _I,
)


def _condition(sentence: Piece) -> str | None:
    """What "answer these questions in German:" says of each answer: maybe nothing; None when it is said of them all."""
    match = _ANSWER_ALL.match(sentence.masked)
    if not match:
        return shared.shape(sentence)
    rest = sentence.cut(match.end())
    if not rest.raw.strip(" .,:"):
        return ""
    return shared.shape(piece(f"Answer {rest.raw}"))
