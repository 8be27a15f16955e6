"""One call for all parts that are not known yet, and the small call which relates known answers.

The answers are asked for as JSON, one object a line: {"id": 1, "answer": "..."}. An object ends where its line ends, so that an
answer can be passed on while the next is still being written; an array is whole only at its end, and an object with all answers
in it as well. Ids let the model answer in any order and leave one out without shifting the others. A format without escapes
(headings, tags) would be shorter, but an answer may hold anything, its own markers too; JSON is what models were trained to
write, and what a faulty writer does to it can be mended (see `reader`). The questions are sent as JSON too: what a question
says cannot be taken for one of our lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pipeline.decompose.plan import Plan

_ASK = """\
Answer each question below, every one as fully as if it had been asked alone. They have nothing to do with one another.
Write one JSON object per line for each question, in this order, and nothing else - no array, no code fence:
{"id": <id of the question>, "answer": "<your answer>"}
The answer is a JSON string: line breaks as \\n, quotes as \\", every backslash twice. Markdown may be used inside.
Follow what a question says about language, length and form for its own answer only.

"""
_RELATE = """\
Answer the question with the findings below. Rely on them where they differ from what you remember, say so if they are not \
enough, and answer the question itself first.

"""


def ask(parts: Sequence[tuple[int, str]]) -> str:
    """The user message which asks all these parts, given as (number, text), in one call."""
    lines = (json.dumps({"id": number, "question": text}, ensure_ascii=False) for number, text in parts)
    return _ASK + "\n".join(lines)


def relate(plan: Plan, answers: Mapping[int, str]) -> str:
    """The user message of the call that answers `plan.relate` from the parts' answers. ValueError for a plan without one."""
    if plan.relate is None:
        raise ValueError("a plan which relates nothing")
    found = (
        json.dumps({"question": part.text, "finding": answers[number]}, ensure_ascii=False)
        for number, part in enumerate(plan.parts, 1)
    )
    return _RELATE + "Findings:\n" + "\n".join(found) + f"\n\nQuestion: {plan.relate}"
