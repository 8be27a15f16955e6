"""Parts, their levels, and the words of a part once its needs are known."""

from __future__ import annotations

import pytest

from pipeline.decompose.plan import Part, Plan, levels, stand_alone

CHAIN = Plan((Part("Which country has the flag with a maple leaf?"), Part("What is the capital of #1?", needs=(1,))), "chain")


def test_independent_parts_are_one_level() -> None:
    assert levels(Plan((Part("a"), Part("b"), Part("c")), "questions")) == ((1, 2, 3),)


def test_a_part_is_asked_after_what_it_needs() -> None:
    plan = Plan((Part("#2?", needs=(2,)), Part("b"), Part("#1 and #2", needs=(1, 2))), "chain")
    assert levels(plan) == ((2,), (1,), (3,))


def test_parts_that_need_one_another_are_an_error() -> None:
    with pytest.raises(ValueError, match="need one another"):
        levels(Plan((Part("#2", needs=(2,)), Part("#1", needs=(1,))), "chain"))


def test_a_short_answer_takes_the_place_of_its_placeholder() -> None:
    assert stand_alone(CHAIN, 2, {1: "Canada."}) == "What is the capital of Canada?"


def test_a_long_answer_is_put_behind_the_question() -> None:
    answer = "The flag with the red maple leaf on white is the one of Canada, adopted in 1965."
    assert stand_alone(CHAIN, 2, {1: answer}).splitlines() == [
        "What is the capital of #1?",
        f'(#1 is the answer to "Which country has the flag with a maple leaf?", which is: {answer})',
    ]


def test_a_number_sign_of_the_caller_is_no_placeholder() -> None:
    assert stand_alone(Plan((Part("Who is #9 on the Detroit Lions?"),), "list"), 1, {}) == "Who is #9 on the Detroit Lions?"


def test_an_answer_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        stand_alone(CHAIN, 2, {})
