"""The merged text: every answer, in order, under the words of its question."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.decompose.merge import MOST_HEADING, merge, pieces
from pipeline.decompose.plan import Part, Plan

TEXTS = st.text(max_size=300)
PLANS = st.lists(st.tuples(st.text(min_size=1, max_size=300), TEXTS), min_size=1, max_size=8).map(
    lambda rows: Plan(tuple(Part(text, label=label) for text, label in rows), "questions")
)


@given(PLANS, st.data())
def test_streamed_pieces_and_answers_are_the_merged_text(plan: Plan, data: st.DataObject) -> None:
    answers = {number: data.draw(TEXTS) for number in range(1, len(plan.parts) + 1)}
    streamed = "".join(piece + answers[number] for number, piece in enumerate(pieces(plan), 1))
    assert streamed == merge(plan, answers)
    at = 0
    for answer in answers.values():  # every answer, in the order of the parts
        at = merge(plan, answers).index(answer, at) + len(answer)


def test_the_numbers_of_a_list_are_kept() -> None:
    plan = Plan(
        (Part("What is GDP?", label="a) What is GDP?"), Part("What is inflation?", label="b) What is inflation?")), "list"
    )
    assert merge(plan, {1: "x", 2: "y"}) == "**a) What is GDP?**\n\nx\n\n**b) What is inflation?**\n\ny"


def test_a_heading_is_one_line_and_not_too_long() -> None:
    heading = pieces(Plan((Part("x", label="many **bold**\nwords " * 100),), "questions"))[0].strip()
    assert "\n" not in heading
    assert heading.count("**") == 2
    assert len(heading) <= MOST_HEADING + 4


def test_a_part_without_a_label_is_headed_by_its_text() -> None:
    assert pieces(Plan((Part("what is GDP?"),), "questions")) == ("**What is GDP?**\n\n",)
