"""Which notes go with a question: within the budget, in a stable order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.memory.decay import DAY
from pipeline.memory.inject import render
from pipeline.memory.items import Kind, Slot
from pipeline.memory.select import SHORTLIST, Budget, effective, overlap, select
from tests.unit.memory.support import NOW, items, note, words


@given(st.lists(items, max_size=20), st.text(max_size=40), st.integers(0, 120))
def test_the_block_never_exceeds_its_room(able, question, room) -> None:
    chosen = select(able, question, NOW, room, words, render)
    assert words(render([each.item for each in chosen])) <= room


@given(st.integers(0, 10**6), st.integers(0, 400), st.floats(0, 1))
def test_the_room_is_within_the_budget_and_the_share(prompt, tokens, share) -> None:
    room = Budget(tokens, share).of(prompt)
    assert 0 <= room <= tokens
    assert room <= share * prompt


def test_the_budget_of_the_design() -> None:
    assert [Budget().of(tokens) for tokens in (0, 100, 1_400, 1_500, 100_000)] == [0, 10, 140, 150, 150]
    assert Budget(least=40).of(10) == 40


@given(st.lists(items, max_size=12, unique_by=lambda item: item.slot), st.randoms())
def test_the_order_does_not_depend_on_that_of_the_shelf(able, random) -> None:
    chosen = select(able, "question", NOW, 10_000, words, render)
    random.shuffle(able)
    assert select(able, "question", NOW, 10_000, words, render) == chosen
    assert [each.item.created for each in chosen] == sorted(each.item.created for each in chosen)


def test_the_order_does_not_depend_on_the_question() -> None:
    able = [note("name: Ana", created=NOW - 2), note("dog's name: Rex", created=NOW - 1)]
    found = [[each.item.text for each in select(able, question, NOW, 100, words, render)] for question in ("my dog", "my name")]
    assert found == [["name: Ana", "dog's name: Rex"]] * 2


def test_what_the_question_is_about_comes_first() -> None:
    able = [note(f"thing{n}: value{n}", id=str(n)) for n in range(30)]
    chosen = select(able, "what was value17 again", NOW, words(render([able[0]])), words, render)
    assert [each.item.text for each in chosen] == ["thing17: value17"]


def test_a_meaning_counts_where_there_is_an_embedder() -> None:
    able = [note("likes: jazz"), note("lives in: Oslo")]
    room = words(render([able[0]]))

    def similarity(question: str, texts: list[str]) -> list[float]:
        return [0.9 if "jazz" in text else 0.0 for text in texts]

    chosen = select(able, "which concert should I go to", NOW, room, words, render, similarity)
    assert [each.item.text for each in chosen] == ["likes: jazz"]


def test_not_all_notes_are_compared_by_meaning() -> None:
    asked: list[int] = []

    def similarity(question: str, texts: list[str]) -> list[float]:
        asked.append(len(texts))
        return [0.0] * len(texts)

    select([note(f"a{n}: b", id=str(n)) for n in range(SHORTLIST * 2)], "q", NOW, 50, words, render, similarity)
    assert asked == [SHORTLIST]


def test_what_is_replaced_or_over_is_not_chosen() -> None:
    able = [note("a: b", superseded=NOW), note("c: d", kind=Kind.EPHEMERAL, created=NOW - 3 * DAY)]
    assert select(able, "b d", NOW, 100, words, render) == []


def test_what_holds_here_comes_before_what_holds_everywhere() -> None:
    slot = Slot("user", "language of answers")
    lasting = note("answers in: French", slot=slot, created=NOW)
    here = note("answers in: German", slot=slot, created=NOW - 9, conversation="c")
    assert effective([lasting, here]) == effective([here, lasting]) == [here]


def test_overlap_is_between_0_and_1() -> None:
    assert overlap("what is my dog's name", "dog's name: Rex") > overlap("what is my name", "dog's name: Rex") > 0
    assert overlap("", "x") == overlap("x", "") == 0
    assert overlap("rex", "rex") == 1
