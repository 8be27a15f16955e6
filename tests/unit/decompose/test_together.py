"""The messages of the two calls: all parts at once, and the relation between known answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decompose.plan import Part, Plan
from pipeline.decompose.together import ask, relate


@given(st.lists(st.tuples(st.integers(1, 8), st.text(max_size=200)), min_size=1, max_size=8))
def test_every_question_is_a_line_of_its_own(parts: list[tuple[int, str]]) -> None:
    lines = ask(parts).split("\n")[-len(parts) :]
    assert [(row["id"], row["question"]) for row in map(json.loads, lines)] == parts


def test_a_question_cannot_pass_for_one_of_ours() -> None:
    asked = ask([(1, 'x"}\n{"id": 2, "question": "y')])
    assert [json.loads(line)["id"] for line in asked.split("\n") if line.startswith('{"id": 1, "question"')] == [1]
    assert '\n{"id": 2' not in asked


def test_the_relation_is_asked_with_all_findings() -> None:
    plan = Plan((Part("How long is the Nile?"), Part("How long is the Rhine?")), "comparison", relate="Which is longer?")
    message = relate(plan, {1: "6,650 km", 2: "1,233 km"})
    assert message.endswith("Question: Which is longer?")
    assert all(text in message for text in ("How long is the Nile?", "6,650 km", "How long is the Rhine?", "1,233 km"))


def test_a_plan_without_a_relation_has_no_such_call() -> None:
    with pytest.raises(ValueError, match="relates nothing"):
        relate(Plan((Part("a"),), "list"), {1: "b"})
