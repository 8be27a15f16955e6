"""Questions inside questions."""

from __future__ import annotations

import pytest

from pipeline.decompose.plan import levels
from tests.unit.decompose.planning import parts, planned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "In the country that has the anthem Kimigayo, who are the famous athletes?",
            ["What is the country that has the anthem Kimigayo?", "In #1, who are the famous athletes?"],
        ),
        (
            "What is the population of the city where Mozart was born?",
            ["What is the city where Mozart was born?", "What is the population of #1?"],
        ),
        ("When was the director of Jaws born?", ["Who is the director of Jaws?", "When was #1 born?"]),
        (
            "Who is the wife of the actor who played Iron Man?",
            ["Who is the actor who played Iron Man?", "Who is the wife of #1?"],
        ),
        ("Where does Leviathan's author live?", ["Who is Leviathan's author?", "Where does #1 live?"]),
        (
            "What college did the president who attended Minneapolis High School go to?",
            ["Who is the president who attended Minneapolis High School?", "What college did #1 go to?"],
        ),
    ],
)
def test_what_is_described_is_asked_first(text: str, expected: list[str]) -> None:
    plan = planned(text)
    assert [part.text for part in plan.parts] == expected
    assert levels(plan) == ((1,), (2,))
    assert plan.kind == "chain"
    assert plan.relate is None


@pytest.mark.parametrize(
    "text",
    [
        "What are the foods that cause bloating?",
        "Who is the director of Jaws?",
        "What should I say to the person who insulted me?",
        "How do I fix the error that my printer shows?",
        "Why is the capital of Assam Dispur and not Guwahati?",
        "What is the best restaurant in the city where I live?",
    ],
)
def test_what_is_one_question_stays_one(text: str) -> None:
    assert parts(text) == []
