"""A text is made of parts: together they are the text, and none is torn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise.extract_question import DETAIL, EVERYTHING, OVERVIEW, read
from pipeline.optimise.extract_speech import is_transcript
from pipeline.optimise.extract_tidy import tidy
from pipeline.optimise.extract_units import NO_HEAD, split
from pipeline.optimise.rank import average, by_words, evenness, spread, standard
from pipeline.optimise.rank_words import terms


def parts(text: str) -> list[str]:
    return [text[unit.start : unit.end] for unit in split(text)]


@given(st.text(alphabet="ab .!?\n\r\t|#-`~:,{}[]A1\u2028。\ud800", max_size=300))
@settings(max_examples=300, deadline=None)
def test_the_parts_are_the_text(text: str) -> None:
    units = split(text)
    assert "".join(text[unit.start : unit.end] for unit in units) == text
    assert all(unit.start < unit.end and unit.head < number for number, unit in enumerate(units))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One is here. Two is there! Three?", ["One is here. ", "Two is there! ", "Three?"]),
        ("Mr. Smith met Dr. Jones at 3.5 p.m. in Rome. He left.", ["Mr. Smith met Dr. Jones at 3.5 p.m. in Rome. ", "He left."]),
        ("He waited... and left. Then:", ["He waited... and left. ", "Then:"]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("- one\n- two\n1. three\n", ["- one\n", "- two\n", "1. three\n"]),
        ("```\na. B\n\nc\n```\nOut.", ["```\na. B\n\nc\n```\n", "Out."]),
        ("~~~\nnever closed. Is it?\n", ["~~~\nnever closed. Is it?\n"]),
        ("A wrapped\nsentence. And\nanother.", ["A wrapped\nsentence. ", "And\nanother."]),
        ("# A\n\nText.\n", ["# A\n\n", "Text.\n"]),
    ],
)
def test_what_the_parts_are(text: str, found: list[str]) -> None:
    assert parts(text) == found


def test_lines_without_an_end_are_parts_where_they_are_many() -> None:
    log = "".join(f"2024-05-01 12:00:{second:02} started job number {second}\n" for second in range(60))
    assert len(parts(log)) == 60


def test_headings_hold_until_one_of_their_level() -> None:
    units = split("# A\nx.\n## B\ny.\n# C\nz.\n")
    assert [unit.head for unit in units] == [NO_HEAD, 0, 0, 2, NO_HEAD, 4]


TURNS = "Anna: hello\nBoris (Chair): good morning\n" * 8


@pytest.mark.parametrize(
    ("text", "speaks"),
    [
        (TURNS, True),
        ("[00:01] Speaker 1: hello\n[00:02] Speaker 2: yes\n" * 8, True),
        ("**Anna**: hello\n\n**Boris**: yes\n\n" * 8, True),
        ("Anna: hello\nBoris: yes\n" * 2, False),
        ("".join(f"key{number}: value\n" for number in range(40)), False),
        ("Some prose here.\n" * 40, False),
    ],
)
def test_a_transcript_is_known_by_its_turns(text: str, speaks: bool) -> None:
    assert is_transcript(text.splitlines(keepends=True)) is speaks


ENGLISH = "A: that is it, and we know the way to the end of it\nB: you and the others know that it is so\n"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("A: {vocalsound} yes {disfmarker} no .\n", "A: yes no .\n"),
        ("A: Uh , um , I think uh it is [laughter] fine (coughs) .\n", "A: I think it is fine .\n"),
        ("A: Uh-huh. Uh - huh . Mm-hmm. um-hmm\n", "A: Uh-huh. Uh - huh . Mm-hmm. um-hmm\n"),
        ("A: [inaudible] and {name} paid (30) {order_id}\n", "A: [inaudible] and {name} paid (30) {order_id}\n"),
        ("A: the UM of Michigan, an umbrella, the number\n", "A: the UM of Michigan, an umbrella, the number\n"),
    ],
)
def test_sounds_are_left_out_and_words_are_not(said: str, left: str) -> None:
    assert tidy(ENGLISH + said, "what did they think") == ENGLISH + left


def test_um_is_a_word_in_other_languages() -> None:
    said = "A: Quero um café e um pão, por favor.\nB: Er geht um die Ecke, um vier Uhr.\n"
    assert tidy(said, "?") == said


@pytest.mark.parametrize("question", ["Quote her exact words", "When did they laugh?", "Give me that verbatim"])
def test_who_asks_for_the_sounds_gets_them(question: str) -> None:
    said = f"{ENGLISH}A: uh , well {{vocalsound}}\n"
    assert tidy(said, question) == said


@pytest.mark.parametrize(
    ("question", "breadth"),
    [
        ("Summarize the meeting", EVERYTHING),
        ("What was the meeting about?", EVERYTHING),
        ("Translate the following text into German", EVERYTHING),
        ("How often is the price mentioned?", EVERYTHING),
        ("Summarize the discussion about prices", OVERVIEW),
        ("What did the group discuss about prices?", OVERVIEW),
        ("What was said about hiring?", OVERVIEW),
        ("Fasse die Diskussion über Preise zusammen", OVERVIEW),
        ("What did Anna think of red when discussing prices?", DETAIL),
        ("When does the lease end?", DETAIL),
    ],
)
def test_how_much_a_question_asks_for(question: str, breadth: str) -> None:
    assert read(question).breadth == breadth


def test_speakers_are_nothing_to_look_for_unless_there_is_nothing_else() -> None:
    speakers = {"Anna Berg", "Boris"}
    assert read("What did Anna Berg think of red?", speakers).terms == ("red",)
    assert read("What did Anna Berg say?", speakers).terms == ("anna", "berg")


def test_terms_are_stems_without_small_words() -> None:
    assert terms("The batteries of U.S.A. TVs, L C D") == ["batteri", "usa", "tvs", "lcd"]
    assert terms("x" * 500_000)


def test_rarer_words_weigh_more_and_pairs_more_than_their_words() -> None:
    pieces = [["red", "boat"], ["boat", "red"], ["red"], ["red"], ["sun"]]
    scores = by_words(pieces, ["red", "boat"])
    assert scores[0] > scores[1] > scores[2] == scores[3] > scores[4] == 0
    assert by_words([], ["red"]) == []


def test_scores_reach_their_neighbourhood() -> None:
    found = spread([0, 0, 1, 0, 0], [0, 10, 20, 30, 90], 10)
    assert found[2] == 1
    assert found[1] == found[3] == pytest.approx(0.3679, abs=1e-4)
    assert found[0] > found[4]
    assert average([2, 2, 2], [1, 5, 1], [0, 1, 2], 10) == pytest.approx([2, 2, 2])
    assert spread([], [], 10) == []


def test_evenness_is_the_share_that_values_fill() -> None:
    assert evenness([1, 1, 1, 1], [1, 1, 1, 1]) == 1
    assert evenness([1, 0, 0, 0], [1, 1, 1, 1]) == 0.25
    assert evenness([0, 0], [1, 1]) == 1
    assert standard([3, 3]) == [0, 0]
