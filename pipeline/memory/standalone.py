"""A follow-up question made to stand alone: "and in Python?" after "How do I sort a list in Ruby?".

Only then may a cache compare it with questions of other conversations. Rules rewrite where exactly one reading is left, and
otherwise say why they do not: a question that was rewritten wrongly gets somebody else's answer. Only English is read.

The text of the assistant is looked at for nothing but a yes or a no at its beginning, and no word of it gets into the question.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pipeline.memory.followup.asking import question_word, which_of_two
from pipeline.memory.followup.exchange import exchanged
from pipeline.memory.followup.forms import LONGEST, bare, fragment, is_clause, is_remark, points, stands_alone
from pipeline.memory.followup.refer import attribute, referred
from pipeline.memory.followup.spans import spans
from pipeline.memory.messages import Message, last_user, text_of

MOST_TURNS = 12  # of the user that are looked at


class Standalone(msgspec.Struct, frozen=True):
    """The question as it stands alone, or None; `reason` names the rule that rewrote it, or why none did."""

    question: str | None
    reason: str


def standalone(messages: Sequence[Message]) -> Standalone:
    """The last message of the user as a question that needs no other message, but for instructions."""
    place = last_user(messages)
    if place is None or place != len(messages) - 1:
        return Standalone(None, "no_question")
    turns = _turns(messages)
    if len(turns) == 1:
        return Standalone(None, "first")
    if len(turns) > MOST_TURNS:
        return Standalone(None, "long_conversation")
    base, answer = "", ""
    for said, replied in turns[:-1]:
        if is_remark(said):
            continue
        base = _next_base(base, said, answer)
        if not base:
            return Standalone(None, "context")
        answer = replied
    return _rewritten(base, turns[-1][0], answer)


def _next_base(base: str, said: str, answer: str) -> str:
    """The question that a later follow-up leans on; empty where something was said that no question shows."""
    if stands_alone(said) and not (base and fragment(said)):
        return said.strip()
    return (_rewritten(base, said, answer).question or "") if base else ""


def _rewritten(base: str, said: str, answer: str) -> Standalone:
    if len(said) > LONGEST:
        return Standalone(None, "too_long")
    text = bare(said)
    if not base or not text or "\n" in said.strip() or is_remark(said):
        return Standalone(None, "no_question")
    piece = fragment(said)
    asked = question_word(base, text, answer)
    if piece is not None and not asked:
        made = exchanged(base, piece)
        return Standalone(made, "exchanged") if made and not points(made) else Standalone(None, "ambiguous")
    for rule, made in (("question_word", asked), ("attribute", attribute(base, text)), ("which", which_of_two(base, text))):
        if made:
            return Standalone(made, rule)
    return _as_clause(base, said, text) if is_clause(text) else Standalone(None, "not_understood")


def _as_clause(base: str, said: str, text: str) -> Standalone:
    if points(text):
        made = referred(base, text)
        return Standalone(made, "referred") if made else Standalone(None, "reference")
    if text != said.strip().rstrip("?.! ") and stands_alone(text) and spans(text):
        return Standalone(text[0].upper() + text[1:] + "?", "opening")
    return Standalone(None, "no_follow_up")


def _turns(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """What the user said, with what was replied."""
    turns: list[tuple[str, str]] = []
    for message in messages:
        if message.get("role") == "user":
            turns.append((text_of(message), ""))
        elif message.get("role") == "assistant" and turns:
            turns[-1] = (turns[-1][0], text_of(message))
    return turns
