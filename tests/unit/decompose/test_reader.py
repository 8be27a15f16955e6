"""Answers read out of one completion, however a model writes them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decompose.reader import MOST_CHARACTERS, Reader

ASKED = (1, 2, 3)
# No answer holds a form feed or a backspace: they are what is left of \frac and \beta when a backslash was forgotten.
ANSWERS = st.text(st.characters(blacklist_characters="\f\b\r\t"), min_size=1, max_size=200).filter(str.strip)
SPACES = st.sampled_from(["", " ", "\n"])


def read(text: str, chunks: list[str] | None = None) -> tuple[list[tuple[int, str]], tuple[int, ...]]:
    reader = Reader(ASKED)
    found = [answer for chunk in chunks or [text] for answer in reader.feed(chunk)]
    return found + reader.close(), reader.missing


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(at)]


@given(st.dictionaries(st.sampled_from(ASKED), ANSWERS), st.booleans(), st.booleans(), SPACES)
def test_answers_survive(answers: dict[int, str], array: bool, ascii_only: bool, space: str) -> None:
    rows = [json.dumps({"id": number, "answer": text}, ensure_ascii=ascii_only) for number, text in answers.items()]
    text = f"[{space}{(',' + space).join(rows)}{space}]" if array else "\n".join(rows)
    found, missing = read(text)
    assert found == list(answers.items())
    assert missing == tuple(number for number in ASKED if number not in answers)


@given(
    st.dictionaries(st.sampled_from(ASKED), ANSWERS),
    st.lists(st.integers(0, 5_000)),
    st.text('{}[]":,\\\n id12answer`', max_size=80),
)
def test_any_cut_gives_the_same_answers(answers: dict[int, str], places: list[int], noise: str) -> None:
    text = noise + "\n" + "\n".join(json.dumps({"id": number, "answer": answer}) for number, answer in answers.items()) + noise
    whole = read(text)
    assert read(text, cut(text, places)) == whole
    assert read(text, list(text)) == whole


@given(st.text('{}[]":,\\\n id12answer`abc', max_size=400))
def test_garbage_is_read_without_complaint(text: str) -> None:
    found, missing = read(text)
    assert {number for number, _ in found} | set(missing) == set(ASKED)


def test_an_answer_comes_as_soon_as_its_line_is_whole() -> None:
    reader = Reader(ASKED)
    assert reader.feed('{"id": 1, "answer": "a') == []
    assert reader.feed('"}\n{"id": 2, "ans') == [(1, "a")]
    assert reader.missing == (2, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('```json\n[{"id": 2, "answer": "b"}, {"id": 1, "answer": "a"}]\n```', {2: "b", 1: "a"}),
        ('Sure! {here} you go:\n{"id": 1, "answer": "a"}\nHope that helps.', {1: "a"}),
        ('{"answers": [{"id": 1, "answer": "a"}, {"id": 3, "answer": "c"}]}', {1: "a", 3: "c"}),
        ('{"1": "a", "2": "b"}', {1: "a", 2: "b"}),
        ('{"question": "what?", "id": "1", "answer": "a", "sure": true}', {1: "a"}),
        ('{"answer": "a", "id": 1}', {1: "a"}),
        ('{"id": 1, "answer": 42}', {1: "42"}),
        ('{"id": 1, "answer": ["a", "b"]}', {1: "a\nb"}),
        ('{"id": 1, "answer": "two\nlines"}', {1: "two\nlines"}),
        ('{"id": 1, "answer": "He said "hi" to me"}', {1: 'He said "hi" to me'}),
        ('{"id": 1, "answer": "Use {"a": "b"} here"}\n{"id": 2, "answer": "b"}', {1: 'Use {"a": "b"} here', 2: "b"}),
        (r'{"id": 1, "answer": "$2 \times \frac{1}{2}$, \d+"}', {1: r"$2 \times \frac{1}{2}$, \d+"}),
        ('{"id": 1, "answer": "first"}\n{"id": 1, "answer": "second"}', {1: "first"}),
        ('{"id": 1, "answer": " "}\n{"id": 2, "answer": ""}\n{"id": 3, "answer": null}', {}),
        ('{"id": 9, "answer": "nobody asked"}', {}),
        ('{"id": 1, "answer": "cut off here', {}),
        ('{"id": 1, "answer": "never ended\n{"id": 2, "answer": "b"}', {2: "b"}),
        ('{"id": 1, "answer": "an { open brace "quoted" only"}', {1: 'an { open brace "quoted" only'}),
        ('{"id": 1, "answer": "\\ud800 \\u00e9"}', {1: "\ud800 é"}),
    ],
)
def test_what_models_write(text: str, expected: dict[int, str]) -> None:
    found, missing = read(text)
    assert dict(found) == expected
    assert read(text, list(text))[0] == found
    assert missing == tuple(number for number in ASKED if number not in expected)


@pytest.mark.parametrize("unit", ["}", "{", "{ ", '"', '{"id":1,"answer":', '{"id":1,"answer":"{', '"}', '\\"}', "0}", "[" * 50])
def test_bad_completions_are_bounded(unit: str) -> None:
    text = '{"id":1,"answer":"{' + unit * (MOST_CHARACTERS // 10 // len(unit))
    reader = Reader(ASKED)
    for start in range(0, len(text), 997):
        reader.feed(text[start : start + 997])
    reader.close()


def test_what_comes_after_the_limit_is_not_read() -> None:
    reader = Reader((1,))
    reader.feed(" " * MOST_CHARACTERS)
    assert reader.feed('{"id": 1, "answer": "a"}') == []
    assert reader.missing == (1,)
