"""BERT's tokenizer, by examples that were worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.semantics.wordpiece import END, LONGEST_WORD, START, UNKNOWN, WordPiece

PIECES = [
    "[PAD]",
    "un",
    "##aff",
    "##able",
    "aff",
    "able",
    "hello",
    "world",
    ",",
    "!",
    "##s",
    "a",
    "##a",
    "一",
    "e",
    "##e",
    "+",
    "$",
]


@pytest.fixture(scope="module")
def small() -> WordPiece:
    return WordPiece({piece: number for number, piece in enumerate(PIECES)})


@pytest.fixture(scope="module")
def bert() -> WordPiece:
    return WordPiece.load()


def pieces(tokenizer: WordPiece, text: str) -> list[str]:
    return ["[UNK]" if number == UNKNOWN else PIECES[number] for number in tokenizer.ids(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\r ", []),
        ("unaffable", ["un", "##aff", "##able"]),
        ("UNAFFABLE", ["un", "##aff", "##able"]),
        ("unaffables", ["un", "##aff", "##able", "##s"]),
        ("affable able", ["aff", "##able", "able"]),
        ("unknown", ["[UNK]"]),
        ("unaffablex", ["[UNK]"]),
        ("hello,world!!", ["hello", ",", "world", "!", "!"]),
        ("hello-world", ["hello", "[UNK]", "world"]),
        ("a一a", ["a", "一", "a"]),
        ("一一", ["一", "一"]),
        ("é", ["e"]),
        ("e\u0301É", ["e", "##e"]),
        ("hello\u00a0world", ["hello", "world"]),
        ("hel\u200blo", ["hello"]),
        ("hel\x00lo\ufffd", ["hello"]),
        ("a+a$a", ["a", "+", "a", "$", "a"]),
        ("hello\u2028world", ["hello", "world"]),
        ("hello。world", ["hello", "[UNK]", "world"]),
        ("a" * LONGEST_WORD, ["a"] + ["##a"] * (LONGEST_WORD - 1)),
        ("a" * (LONGEST_WORD + 1), ["[UNK]"]),
    ],
)
def test_words_become_the_longest_pieces_that_are_known(small: WordPiece, text: str, expected: list[str]) -> None:
    assert pieces(small, text) == expected


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello, world!", [7592, 1010, 2088, 999]),
        ("unaffable", [14477, 20961, 3468]),
        ("What is the capital of France?", [2054, 2003, 1996, 3007, 1997, 2605, 1029]),
        ("naïve café", [15743, 7668]),
        ("don't", [2123, 1005, 1056]),
        ("[CLS]", [1031, 18856, 2015, 1033]),
    ],
)
def test_the_vocabulary_is_that_of_bert(bert: WordPiece, text: str, ids: list[int]) -> None:
    assert bert.ids(text) == ids


@given(text=st.text(max_size=200))
def test_any_text_has_ids(bert: WordPiece, text: str) -> None:
    assert all(0 <= number < 30522 for number in bert.ids(text))
    assert START not in bert.ids(text)
    assert END not in bert.ids(text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00", "\u202e", "İ", "ﬁ", "\U0010ffff"])
def test_odd_characters_have_ids(bert: WordPiece, text: str) -> None:
    assert isinstance(bert.ids(text), list)


@given(st.text(alphabet="abc ,.!", max_size=60), st.text(alphabet="abc ,.!", max_size=60))
def test_two_texts_with_a_space_between_are_both_of_them(small: WordPiece, one: str, other: str) -> None:
    assert small.ids(f"{one} {other}") == small.ids(one) + small.ids(other)


# --- pairs ---


def test_a_pair_stands_between_its_marks(small: WordPiece) -> None:
    assert small.pair([1, 2], [3], 10) == ([START, 1, 2, END, 3, END], [0, 0, 0, 0, 1, 1])


@given(st.integers(0, 40), st.integers(0, 40), st.integers(5, 60))
def test_the_longer_one_of_a_pair_loses_its_end(small: WordPiece, one: int, other: int, longest: int) -> None:
    mine, theirs = list(range(1000, 1000 + one)), list(range(2000, 2000 + other))
    row, kinds = small.pair(mine, theirs, longest)
    assert len(row) == len(kinds) == min(one + other + 3, longest)
    middle = row.index(END)
    left, right = row[1:middle], row[middle + 1 : -1]
    assert (row[0], row[-1], kinds) == (START, END, [0] * (len(left) + 2) + [1] * (len(right) + 1))
    assert left == mine[: len(left)]
    assert right == theirs[: len(right)]
    half = (longest - 3) // 2
    assert len(left) >= min(one, half)
    assert len(right) >= min(other, half)
