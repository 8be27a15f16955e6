"""Comparisons: a look-up for each thing, and a relation to be answered from them."""

from __future__ import annotations

import pytest

from tests.unit.decompose.planning import parts, planned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Which river is longer, the Nile or the Rhine?", ["How long is the Nile?", "How long is the Rhine?"]),
        ("Who is older, Tom Hanks or Tom Cruise?", ["When was Tom Hanks born?", "When was Tom Cruise born?"]),
        ("Who was born first Ann Lee or Bob Ray?", ["When was Ann Lee born?", "When was Bob Ray born?"]),
        ("Which film was released first: Alien or Jaws?", ["When was Alien released?", "When was Jaws released?"]),
        (
            "Which bank has more branches, Chase or Wells Fargo?",
            ["How many branches does Chase have?", "How many branches does Wells Fargo have?"],
        ),
        ("Who won more awards, Kate Bush or Enya?", ["How many awards did Kate Bush win?", "How many awards did Enya win?"]),
        ("Which battle lasted longer, Verdun or Ypres?", ["How long did Verdun last?", "How long did Ypres last?"]),
        ("Is the Nile longer than the Amazon?", ["How long is the Nile?", "How long is the Amazon?"]),
        ("Are Oslo and Bergen both in Norway?", ["Is Oslo in Norway?", "Is Bergen in Norway?"]),
        ("Are Kate Bush and Enya both singers?", ["Is Kate Bush a singer?", "Is Enya a singer?"]),
        ("Were Kate Bush and Enya born in the same year?", ["In which year was Kate Bush born?", "In which year was Enya born?"]),
        (
            "Are Kate Bush and Enya of the same nationality?",
            ["What is the nationality of Kate Bush?", "What is the nationality of Enya?"],
        ),
        ("What is the difference between a CD and a DVD?", ["What is a CD?", "What is a DVD?"]),
        ("Compare Java and Rust in terms of speed.", ["Describe Java in terms of speed.", "Describe Rust in terms of speed."]),
        ("How many more people live in Tokyo than in Rome?", ["How many people live in Tokyo?", "How many people live in Rome?"]),
        (
            "If the Eiffel Tower grew by 10% and the CN Tower shrank by 5%, which tower would be taller?",
            ["What is the height of the Eiffel Tower?", "What is the height of the CN Tower?"],
        ),
    ],
)
def test_each_thing_is_looked_up_and_related(text: str, expected: list[str]) -> None:
    plan = planned(text)
    assert [part.text for part in plan.parts] == expected
    assert plan.kind == "comparison"
    assert plan.relate == text
    assert not any(part.needs for part in plan.parts)


def test_a_condition_is_carried_into_the_parts_and_the_relation() -> None:
    plan = planned("What is the difference between a CD and a DVD? Answer in French.")
    assert [part.text for part in plan.parts] == ["What is a CD? Answer in French.", "What is a DVD? Answer in French."]
    assert plan.relate == "What is the difference between a CD and a DVD? Answer in French."


@pytest.mark.parametrize(
    "text",
    [
        "Is it better to buy or to rent a house?",
        "Are Romeo and Juliet married?",
        "What is the difference between plant-based and animal-based protein sources?",
        "Which actor starred in both Titanic and Inception?",
        "Do you prefer cats or dogs?",
        "Which is better for me, this one or that one?",
        "Who would win, Batman or Superman?",
        "If Tom is 9 years old and Ann is 12, how much older is Ann?",
        "Is my car better than most?",
        "What is the relationship between supply and demand?",
    ],
)
def test_what_only_looks_like_a_comparison_of_facts_is_left_alone(text: str) -> None:
    assert parts(text) == []
