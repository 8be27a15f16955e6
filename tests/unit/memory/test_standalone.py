"""Follow-ups that are made to stand alone, and those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.memory.standalone import standalone


def ask(*turns: str, answer: str = "Here is what I found.") -> str | None:
    messages = []
    for turn in turns:
        messages += [{"role": "user", "content": turn}, {"role": "assistant", "content": answer}]
    return standalone(messages[:-1]).question


@pytest.mark.parametrize(
    ("question", "follow_up", "alone"),
    [
        ("How do I sort a list in Ruby?", "and in Python?", "How do I sort a list in Python?"),
        ("How do I sort a list in Ruby?", "How would I do that in Go?", "How do I sort a list in Go?"),
        ("What is the capital of France?", "What about Germany?", "What is the capital of Germany?"),
        ("What is the capital of France?", "And Genovia?", "What is the capital of Genovia?"),
        ("What is the population of Norway?", "and its area?", "What is the area of Norway?"),
        ("Who is the president of Brazil?", "How old is he?", "How old is the president of Brazil?"),
        ("What is Kubernetes?", "Who created it?", "Who created Kubernetes?"),
        ("How tall is the Eiffel Tower?", "Who designed it?", "Who designed the Eiffel Tower?"),
        ("When was Mozart born?", "And where?", "Where was Mozart born?"),
        ("What is 15% of 80?", "And 20%?", "What is 20% of 80?"),
        ("How long does milk last in the fridge?", "And eggs?", "How long do eggs last in the fridge?"),
        ("Who was the first person on the Moon?", "And the second?", "Who was the second person on the Moon?"),
        ("What was inflation in Spain in 2019?", "And in 2021?", "What was inflation in Spain in 2021?"),
        ("How do I make pancakes?", "And without eggs?", "How do I make pancakes without eggs?"),
    ],
)
def test_where_one_reading_is_left_a_follow_up_is_rewritten(question: str, follow_up: str, alone: str) -> None:
    assert ask(question, follow_up) == alone


@pytest.mark.parametrize(
    ("question", "follow_up"),
    [
        ("How do I sort a list in Ruby?", "Why?"),
        ("How do I sort a list in Ruby?", "Is it fast?"),
        ("How do I sort a list in Ruby?", "Can you explain that?"),
        ("Name three rivers in Spain.", "The second one?"),
        ("What is the capital of France?", "How big is it?"),
        ("What is the capital of France?", "And its population?"),
        ("Who directed Alien?", "What else did he direct?"),
        ("Who is taller, Messi or Ronaldo?", "And Neymar?"),
        ("How far is the Moon from the Earth?", "And Mars?"),
        ("What is photosynthesis?", "And in French?"),
        ("Tell me a joke.", "Another one."),
        ("Explain recursion.", "Shorter, please."),
        ("What is this?", "And that?"),
        ("How do I fix my router?", "And in Python?"),
        ("What is the capital of Spain?", "Are you sure?"),
    ],
)
def test_else_it_is_left_alone(question: str, follow_up: str) -> None:
    assert ask(question, follow_up) is None


def test_follow_ups_may_lean_on_follow_ups() -> None:
    assert ask("How do I sort a list in Ruby?", "and in Python?", "And in Go?") == "How do I sort a list in Go?"
    assert ask("What is the capital of France?", "thanks!", "And Spain?") == "What is the capital of Spain?"


def test_what_was_told_before_may_matter() -> None:
    assert ask("My code must run on old machines.", "How do I sort a list in Ruby?", "and in Python?") is None
    assert ask("How do I sort a list in Ruby?", "Why?", "and in Python?") is None


def test_a_yes_or_a_no_is_all_that_is_read_of_an_answer() -> None:
    question = "Is Pluto smaller than the Moon?"
    assert ask(question, "Why?", answer="Yes, it is.") == "Why is Pluto smaller than the Moon?"
    assert ask(question, "Why?", answer="It depends.") is None
    assert ask("Can dogs eat grapes?", "Why not?", answer="No, never.") == "Why can't dogs eat grapes?"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "no_question"),
        ([{"role": "user", "content": "What is rust?"}], "first"),
        ([{"role": "user", "content": "What is rust?"}, {"role": "assistant", "content": "Iron oxide."}], "no_question"),
    ],
)
def test_reasons(messages, reason) -> None:
    assert standalone(messages).reason == reason


def test_a_question_that_leans_on_nothing_is_not_rewritten() -> None:
    assert ask("What is the capital of France?", "How do I boil an egg?") is None


@settings(max_examples=300)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_are_read(first: str, second: str) -> None:
    ask(first, second)
    ask("How do I sort a list in Ruby?", second)


words = st.sampled_from(
    [
        "in",
        "Ruby",
        "Python",
        "the",
        "a",
        "second",
        "Paris",
        "it",
        "its",
        "12",
        "and",
        "20%",
        "why",
        "?",
        ".",
        "for",
        "of",
        "Mozart",
        "born",
        "dogs",
        "eat",
        "Is",
        "How",
        "do",
    ]
)


@settings(max_examples=300)
@given(st.lists(words, max_size=8).map(" ".join), st.lists(words, max_size=6).map(" ".join))
def test_no_word_of_the_assistant_gets_into_a_question(first: str, second: str) -> None:
    made = ask(first, second, answer="Yes, Zanzibar.")
    assert made is None or "Zanzibar" not in made


@pytest.mark.parametrize("piece", ["a", " ", "(", '"', "and ", "in ", "A ", "1 ", "?", "\ud800", "it ", "the A of "])
def test_hostile_texts_are_read_in_bounded_time(piece: str) -> None:
    long = piece * (500_000 // len(piece))
    for text in (long, long[:190]):
        ask("How do I sort a list in Ruby?", text)
        ask(text, "and in Python?")
        ask(f"How {text[:180]}?", "and in Python?")
