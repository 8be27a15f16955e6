"""One sentence that asks for several things: a comparison, "when and where", a question inside a question."""

from __future__ import annotations

import re

from pipeline.decompose import words as w
from pipeline.decompose.alternatives import Choice, choice
from pipeline.decompose.both import both
from pipeline.decompose.chain import chain
from pipeline.decompose.counts import counts
from pipeline.decompose.differences import differences
from pipeline.decompose.gather import Gathered
from pipeline.decompose.measures import measures
from pipeline.decompose.plan import MOST_PARTS, Part, Plan
from pipeline.decompose.references import points_out
from pipeline.decompose.shared import finished
from pipeline.decompose.text import Piece

_TWICE = re.compile(
    r"(?P<first>when|where|how|why|by whom|in what year|what)\s+and\s+(?P<second>when|where|how|"
    rf"why|by whom|for whom)\s+(?P<rest>{w.AUX}\s+.+)$",
    re.IGNORECASE,
)


MOST_COMPARED = 300  # characters of a sentence in which things are compared, or one question stands in another


def compared(found: Gathered) -> Plan | None:
    """The plan of a single question which compares things; None when it compares none."""
    asked = found.asked[0]
    text = asked.text
    if len(text.raw) > MOST_COMPARED:
        return None
    behind = "".join(f" {shape}" for shape in found.shapes)
    for way in (differences, measures, counts, choice, both):
        compares = way(text)
        if compares and 2 <= len(compares.questions) <= MOST_PARTS:
            return _comparison(compares, finished(text.raw, asked.asks) + behind, behind)
    return None


def reckoned(text: Piece) -> Plan | None:
    """The plan of a reckoning in several sentences: what changes is stated before it is asked."""
    if len(text.raw) > MOST_COMPARED:
        return None
    found = measures(text)
    return _comparison(found, text.raw, "") if found and len(found.questions) <= MOST_PARTS else None


def nested(found: Gathered) -> Plan | str:
    """The plan of a single question in which there are two, or why it is one task."""
    asked = found.asked[0]
    text = asked.text
    if len(text.raw) > MOST_COMPARED:
        return "single"
    if points_out(text.masked):
        return "refers_back"
    behind = "".join(f" {shape}" for shape in found.shapes)
    twice = _TWICE.match(text.masked)
    if twice:
        rest = text.group(twice, "rest").raw
        words = twice["first"].capitalize(), twice["second"].capitalize()
        return Plan(tuple(Part(finished(f"{word} {rest}", True) + behind, label=word) for word in words), "questions")
    linked = chain(text)
    if linked:
        return Plan((Part(linked.inner, label=linked.inner), Part(linked.outer + behind, needs=(1,), label=text.raw)), "chain")
    return "single"


def _comparison(compared: Choice, question: str, behind: str) -> Plan:
    parts = (Part(_upper(text) + behind, label=thing) for text, thing in zip(compared.questions, compared.things, strict=True))
    return Plan(tuple(parts), "comparison", relate=question)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
