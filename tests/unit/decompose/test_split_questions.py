"""Several questions in a running text."""

from __future__ import annotations

import pytest

from tests.unit.decompose.planning import parts, planned

RIVER, PRICE = "What is the longest river in Asia?", "How much does a passport cost in Spain?"


@pytest.mark.parametrize(
    "text",
    [
        "What is the longest river in Asia? How much does a passport cost in Spain?",
        "What is the longest river in Asia? Also, how much does a passport cost in Spain?",
        "what is the longest river in Asia; how much does a passport cost in Spain",
        "What is the longest river in Asia and how much does a passport cost in Spain?",
        "what is the longest river in Asia, and how much does a passport cost in Spain",
        "What is the longest river in Asia\nHow much does a passport cost in Spain",
        "First, what is the longest river in Asia? Then, how much does a passport cost in Spain?",
        "What is the longest river in Asia? Another question: how much does a passport cost in Spain?",
        "Hi! Two quick questions: what is the longest river in Asia? And how much does a passport cost in Spain? Thanks a lot!",
        "1. What is the longest river in Asia?\n2. How much does a passport cost in Spain?",
        "Please answer these questions:\na) what is the longest river in Asia\nb) how much does a passport cost in Spain",
        "- What is the longest river in Asia?\n- How much does a passport cost in Spain?",
        "(1) What is the longest river in Asia? (2) How much does a passport cost in Spain?",
        "Q1: What is the longest river in Asia?\nQ2: How much does a passport cost in Spain?",
        "What is the longest river in Asia & how much does a passport cost in Spain?",
    ],
)
def test_however_two_questions_are_joined_they_are_two(text: str) -> None:
    assert parts(text) == [RIVER, PRICE]


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("{} {} Answer in one sentence each.", "Answer in one sentence."),
        ("{} {} Please answer in French.", "Answer in French."),
        ("{} {} Explain like I'm five.", "Explain like I'm five."),
        ("Use metric units. {} {}", "Use metric units."),
        ("Answer both questions in German. {} {}", "Answer in German."),
        ("{} {} Keep it short.", "Keep the answer short."),
    ],
)
def test_what_is_said_of_all_answers_is_said_by_each_part(text: str, behind: str) -> None:
    assert parts(text.format(RIVER, PRICE)) == [f"{RIVER} {behind}", f"{PRICE} {behind}"]


def test_a_topic_is_carried_into_each_part() -> None:
    text = "I have two questions about Iceland: what currency is used? what language is spoken?"
    assert parts(text) == ["About Iceland: what currency is used?", "About Iceland: what language is spoken?"]


def test_a_language_said_once_is_meant_for_all() -> None:
    assert parts("In Python, how do I reverse a list? And how do I sort a dictionary?") == [
        "In Python, how do I reverse a list?",
        "In Python, how do I sort a dictionary?",
    ]


def test_a_phrase_before_the_first_question_that_may_be_meant_for_all_makes_it_one_task() -> None:
    assert parts("If I travel to Japan by ship, what adapter do I need? What currency is used?") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who wrote Emma and when was it published?", ["Who wrote Emma?", "When was Emma published?"]),
        ("What is Docker? How does it differ from a VM?", ["What is Docker?", "How does Docker differ from a VM?"]),
        ("Who was Alan Turing and what was he famous for?", ["Who was Alan Turing?", "What was Alan Turing famous for?"]),
        (
            "When was the Eiffel Tower built and who designed it?",
            ["When was the Eiffel Tower built?", "Who designed the Eiffel Tower?"],
        ),
    ],
)
def test_a_pronoun_for_what_was_named_is_put_into_words(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_a_pronoun_for_what_was_asked_needs_its_answer() -> None:
    plan = planned("Who invented the telephone and when did he die?")
    assert [part.text for part in plan.parts] == ["Who invented the telephone?", "When did #1 die?"]
    assert plan.parts[1].needs == (1,)
    assert plan.kind == "chain"


def test_two_question_words_ask_two_questions() -> None:
    assert parts("When and where was Marie Curie born?") == ["When was Marie Curie born?", "Where was Marie Curie born?"]


def test_a_question_mark_in_a_title_ends_nothing() -> None:
    assert parts('Who directed "Where Is the Friend\'s House?" and who wrote "What Is Art?"?') == [
        'Who directed "Where Is the Friend\'s House?"',
        'Who wrote "What Is Art?"?',
    ]
