"""Answers put together again by a template: each under the words of its question, in the order in which they were asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.decompose.plan import Part, Plan

MOST_HEADING = 160  # characters
_MARKED = re.compile(r"\w[.)]")  # "a)" stays as it is
_SPACE = re.compile(r"\s+")


def pieces(plan: Plan) -> tuple[str, ...]:
    """The text before each part's answer. Streamed in turn with the answers they are the merged text."""
    headings = (f"**{_heading(part)}**\n\n" for part in plan.parts)
    return tuple(f"\n\n{heading}" if place else heading for place, heading in enumerate(headings))


def merge(plan: Plan, answers: Mapping[int, str]) -> str:
    """All answers as one text; KeyError when one is missing. For a plan with `relate` it is only what the relation rests on."""
    return "".join(piece + answers[number] for number, piece in enumerate(pieces(plan), 1))


def _heading(part: Part) -> str:
    """What the reader wrote, on one line and without marks that would end the bold type."""
    text = _SPACE.sub(" ", part.label or part.text).replace("**", "").strip()
    if len(text) > MOST_HEADING:
        text = text[: MOST_HEADING - 1].rstrip() + "…"
    return text if _MARKED.match(text) else text[:1].upper() + text[1:]
