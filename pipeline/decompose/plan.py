"""What a prompt falls into: parts which can be asked by themselves, and what has to be done with their answers.

Parts are counted from 1, everywhere: in `needs`, in `levels`, in the placeholders `#1` of a text, in the answers of a model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

MOST_PARTS = 8
SHORT_WORDS = 8  # an answer up to this long is put into the question itself

Kind = Literal["list", "questions", "comparison", "chain"]


class Part(msgspec.Struct, frozen=True):
    """A question which stands alone and carries the constraints it shared with the others.

    `needs` are the parts whose answers stand in its text as `#1`, `#2`. `label` is what the caller wrote, to be found again by.
    """

    text: str
    needs: tuple[int, ...] = ()
    label: str = ""


class Plan(msgspec.Struct, frozen=True):
    """`relate` is a question only a model can answer, from the parts' answers; None when putting them together is enough.

    `sure`: each question behind the first names something of its own, or the caller listed them. Without that they may be about
    one thing which only the first one names.
    """

    parts: tuple[Part, ...]
    kind: Kind
    relate: str | None = None
    sure: bool = True


def levels(plan: Plan) -> tuple[tuple[int, ...], ...]:
    """The parts that can be asked at once, level by level: each level needs only answers of those before it."""
    asked: set[int] = set()
    found = []
    while len(asked) < len(plan.parts):
        ready = tuple(n for n, part in enumerate(plan.parts, 1) if n not in asked and asked.issuperset(part.needs))
        if not ready:
            raise ValueError("parts that need one another")
        found.append(ready)
        asked.update(ready)
    return tuple(found)


_PLACEHOLDER = re.compile(r"#(\d)\b")


def stand_alone(plan: Plan, number: int, answers: Mapping[int, str]) -> str:
    """The text of a part with the answers it needs: short ones in place, long ones behind it. KeyError without them."""
    part = plan.parts[number - 1]
    if not part.needs:
        return part.text
    long: list[str] = []

    def put(match: re.Match[str]) -> str:
        needed = int(match.group(1))
        if needed not in part.needs:
            return match.group()
        answer = answers[needed].strip()
        if "\n" not in answer and len(answer.split()) <= SHORT_WORDS:
            return answer.rstrip(".")
        long.append(f'(#{needed} is the answer to "{plan.parts[needed - 1].text}", which is: {answer})')
        return match.group()

    return "\n".join([_PLACEHOLDER.sub(put, part.text), *dict.fromkeys(long)])
