"""Several questions in one message, as pipeline.decompose.together asks them: the simulator answers in the form asked for."""

from __future__ import annotations

import re

import msgspec

from pipeline.upstream.sim.text import Dice, sentences

_QUESTION = re.compile(r'^\{"id": ?\d+, ?"question": ?".*"\}$', re.MULTILINE)
_FORM = '{"id": <id of the question>, "answer": "<your answer>"}'


class Question(msgspec.Struct, frozen=True):
    id: int
    question: str


def questions_in(text: str) -> list[Question]:
    """The questions; none in a message that asks for another form."""
    if _FORM not in text:
        return []
    return [msgspec.json.decode(line, type=Question) for line in _QUESTION.findall(text)]


def answers(questions: list[Question], tokens: tuple[int, int]) -> str:
    """An object a line. `tokens` are the bounds of each answer."""
    lines = []
    for one in questions:
        dice = Dice(one.question.encode("utf-8", "surrogatepass"))
        lines.append({"id": one.id, "answer": "".join(sentences(dice, dice.between(*tokens)))})
    return "\n".join(msgspec.json.encode(line).decode() for line in lines)
