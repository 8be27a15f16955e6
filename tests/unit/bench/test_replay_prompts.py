"""Questions of the trace player: which wordings share an answer, and which only look so."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from bench.replay import prompts, tiny
from bench.replay.prompts import MAX_WORDINGS, Question
from tests.unit.bench.test_replay_workload import DATA, needs_data


def wordings(questions: list[Question]) -> set[frozenset[str]]:
    return {frozenset(question.texts) for question in questions}


def test_duplicates_are_joined_over_common_wordings() -> None:
    found = prompts.questions([("a", "b", True), ("c", "b", True), ("d", "e", False)], ["f"])
    assert wordings(found) == {frozenset("abc"), frozenset("d"), frozenset("e"), frozenset("f")}


def test_case_and_spaces_make_no_new_wording() -> None:
    found = prompts.questions([("What is  this?", "what is this?", True), ("What is this?", "Why?", True)])
    assert wordings(found) == {frozenset({"What is this?", "Why?"})}


def test_a_pair_that_is_labelled_different_is_a_trap_both_ways() -> None:
    found = prompts.questions([("a", "a2", True), ("a", "b", False)])
    (trap,) = found[0].traps
    assert (trap.near, found[trap.question].texts, trap.text) == ("a", ("b",), "b")
    (back,) = found[1].traps
    assert (back.near, back.question, back.text) == ("b", 0, "a")


def test_labels_that_contradict_each_other_set_no_trap() -> None:
    (found,) = prompts.questions([("a", "b", True), ("b", "c", True), ("a", "c", False)])
    assert found.traps == ()


def test_long_chains_of_duplicates_are_left_out_with_their_traps() -> None:
    chain = [(f"w{n}", f"w{n + 1}", True) for n in range(MAX_WORDINGS)]
    found = prompts.questions([*chain, ("w0", "other", False)])
    assert wordings(found) == {frozenset({"other"})}
    assert found[0].traps == ()


def test_the_built_in_prompts_have_paraphrases_and_traps() -> None:
    found = tiny.questions()
    texts = [text for question in found for text in question.texts]
    assert len(texts) == len(set(texts))
    assert sum(len(question.texts) > 1 for question in found) >= 20
    for family in tiny.FAMILIES:
        for one, other in combinations(family, 2):
            assert not set(one) & set(other)


@needs_data
def test_no_trap_of_the_real_sets_leads_to_the_same_question() -> None:
    found = prompts.load(prompts.DEFAULT, DATA)
    assert len(found) > 10_000
    for number, question in enumerate(found):
        for trap in question.traps:
            assert trap.question != number
            assert trap.near in question.texts
            assert trap.text in found[trap.question].texts
            assert trap.text not in question.texts


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="qqp_test"):
        prompts.load(("qqp_test",), tmp_path)
