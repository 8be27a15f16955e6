"""Lists: of questions, and of things to which one instruction applies."""

from __future__ import annotations

import pytest

from pipeline.decompose.split import plan
from tests.unit.decompose.planning import parts, planned


def test_an_instruction_is_said_for_each_thing() -> None:
    assert parts("Explain each of the following terms to a child:\n* gravity\n* magnetism") == [
        "Explain gravity to a child.",
        "Explain magnetism to a child.",
    ]


def test_things_may_stand_in_a_row() -> None:
    assert parts("Define the following terms: osmosis, diffusion") == ["Define osmosis.", "Define diffusion."]


def test_sentences_to_translate_stay_as_they_are() -> None:
    text = "Translate the following sentences into French:\n1. Good morning.\n2. Where is the station?"
    assert parts(text) == ["Translate into French: Good morning.", "Translate into French: Where is the station?"]


def test_the_things_of_for_each_stand_behind() -> None:
    text = "For each of these countries, tell me the capital:\n- Japan\n- Brazil"
    assert parts(text) == ["Tell me the capital: Japan", "Tell me the capital: Brazil"]


def test_lines_without_marks_are_a_list_when_they_are_announced() -> None:
    assert parts("What do these abbreviations mean?\nRAM\nCPU") == [
        "What do these abbreviations mean? RAM",
        "What do these abbreviations mean? CPU",
    ]


def test_conditions_around_a_list_are_carried() -> None:
    text = "Answer in one sentence each:\n- What is a bond?\n- What is a stock?\n\nThanks!"
    assert parts(text) == ["What is a bond? Answer in one sentence.", "What is a stock? Answer in one sentence."]


def test_labels_keep_the_numbers_of_the_caller() -> None:
    plan_ = planned("1) What is GDP?\n2) What is inflation?")
    assert [part.label for part in plan_.parts] == ["1) What is GDP?", "2) What is inflation?"]


@pytest.mark.parametrize(
    "text",
    [
        "Rank these countries by population:\n- Brazil\n- China\n- Japan",
        "Which of the following is a mammal?\nA) Shark\nB) Dolphin\nC) Salmon",
        "What is the largest planet? a) Mars b) Jupiter c) Venus",
        "Write a story with these words:\n- whale\n- universe",
        "Classify each review:\n1. I loved it\n2. I hated it",
        "Here are the facts.\n1. Ann is 9.\n2. Bob is 12.\nWho is older?",
        "1. What is recursion?\n2. Where was it first used?\n3. Compare your answers to 1 and 2.",
        "Do these steps:\n1. Open the file\n2. Delete the first line\n3. Save it",
        "1. Write a poem about spring\n2. Write a poem about autumn",
    ],
)
def test_a_list_that_is_one_task_is_left_alone(text: str) -> None:
    assert parts(text) == []


def test_more_than_eight_parts_are_too_many() -> None:
    assert plan("\n".join(f"{n}. What is the number {n} in Latin?" for n in range(1, 10))) == "too_many"
    assert len(parts("\n".join(f"{n}. What is the word for {n} in Latin?" for n in range(1, 9)))) == 8
