"""T2 keeps what a question needs, word for word, and says where something is missing."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise.extract import KEEP, LEAST, MARK, MOST_UNITS, extract, size
from pipeline.optimise.extract_choose import Chooser
from pipeline.optimise.extract_units import split
from tests.unit.optimise.extracts import is_extract

FILLING = "The garden near the river has many flowers. They grow well in spring. A path leads round the pond."
FACT = "The lease of the boathouse ends in March 2031."
ASKED = "When does the lease of the boathouse end?"


def filler(seed: int, words: int = 40) -> str:
    """A passage of its own, about nothing that is asked for."""
    drawn = random.Random(seed)
    names = [
        f"{drawn.choice('bdfgklmnprst')}{drawn.choice('aeiou')}{drawn.choice('lmnrst')}{drawn.choice('aeiou')}"
        for _ in range(words)
    ]
    return " ".join(f"The {one} meets the {other}." for one, other in pairwise(names))


def among(*facts: str, passages: int = 40) -> str:
    """The facts, each in a passage of its own, evenly spread among others."""
    texts = [filler(number) for number in range(passages)]
    for number, fact in enumerate(facts):
        texts[(number + 1) * passages // (len(facts) + 1)] += f" {fact}"
    return "\n\n".join(texts)


def meeting(turns: int = 200) -> str:
    lines = [f"{'ABC'[number % 3]}nna: {filler(number, 6)}" for number in range(turns)]
    lines[turns // 2] = "Boris: So what do we pay for the new boathouse?"
    lines[turns // 2 + 1] = "Clara: No more than 300 pounds, and not before May."
    return "\n".join(lines)


def test_the_fact_that_is_asked_for_stays_and_most_of_the_rest_does_not() -> None:
    text = among(FACT)
    short = extract(text, ASKED, 0.2)
    assert FACT in short.text
    assert MARK in short.text
    assert size(short.text) < 0.3 * size(text)
    assert short.kept < short.total
    assert "detail" in short.why


def test_two_facts_far_apart_both_stay() -> None:
    other = "The heron nests under the bridge of Ambleside."
    short = extract(among(FACT, other), "When does the lease of the boathouse end, and where does the heron nest?", 0.3)
    assert FACT in short.text
    assert other in short.text


def test_the_share_is_a_budget() -> None:
    text = among(FACT)
    sizes = [size(extract(text, ASKED, keep).text) for keep in (0.1, 0.3, 0.6)]
    assert sizes == sorted(sizes)
    assert all(found < (keep + 0.05) * size(text) for found, keep in zip(sizes, (0.1, 0.3, 0.6), strict=True))


@pytest.mark.parametrize("keep", [0.0, -1.0, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(keep: float) -> None:
    with pytest.raises(ValueError, match="share"):
        extract("text", "question", keep)


def test_what_is_short_stays() -> None:
    text = among(FACT)[: LEAST - 10]
    assert extract(text, ASKED, 0.1).text == text
    assert extract(among(FACT), ASKED, 1.0).text == among(FACT)


@pytest.mark.parametrize(
    "question",
    [
        "Summarize this text.",
        "What is this document about?",
        "Give me a brief overview of the whole meeting, please",
        "Translate this into French",
        "How many times does the boathouse occur?",
        "Please rewrite the article in plain English",
        "",
        "???",
    ],
)
def test_a_question_about_everything_keeps_everything(question: str) -> None:
    assert extract(among(FACT), question, 0.2).text == among(FACT)


def test_where_no_word_of_the_question_stands_everything_stays() -> None:
    assert extract(among(FACT), "Wann läuft der Pachtvertrag ab?", 0.2).text == among(FACT)


def test_an_overview_keeps_more_than_a_detail() -> None:
    text = among(FACT)
    overview = extract(text, "Summarize the discussion about the lease of the boathouse", 0.3)
    assert size(overview.text) > 2 * size(extract(text, ASKED, 0.3).text)


def test_words_that_stand_everywhere_keep_more() -> None:
    everywhere = "\n\n".join(f"{filler(number)} The boathouse is open." for number in range(40))
    spread, here = extract(everywhere, "Is the boathouse open?", 0.4), extract(among(FACT), ASKED, 0.4)
    assert size(spread.text) > size(here.text)
    assert spread.why == "detail, 0.52 kept"
    assert here.why < "detail, 0.40 kept"


def test_what_limits_a_kept_sentence_stays_with_it() -> None:
    rule = "Guests may use the boathouse. They are welcome there at any time of the year. This does not hold on Sundays."
    assert rule in extract(among(rule), "May guests use the boathouse?", 0.05).text


def chosen(text: str, best: int, budget: float) -> str:
    """What is kept when one part is the best, and the others are worse the further away they are."""
    units = split(text)
    sizes = [unit.end - unit.start for unit in units]
    kept = Chooser(text, units, sizes).choose([-abs(number - best) for number in range(len(units))], [], budget)
    return "".join(text[unit.start : unit.end] for unit, stays in zip(units, kept, strict=True) if stays)


def test_two_sentences_away_what_binds_stays_and_what_does_not_is_left_out() -> None:
    plain = "Ducks swim far. Geese fly high. Swans sleep long. Frogs jump well. Toads sing low."
    assert chosen(plain, 2, 1) == "Geese fly high. Swans sleep long. Frogs jump well. "
    bound = plain.replace("Toads sing low", "Toads never sing")
    assert chosen(bound, 2, 1) == "Geese fly high. Swans sleep long. Frogs jump well. Toads never sing."


def test_a_gap_that_is_too_short_to_be_worth_a_mark_is_kept() -> None:
    text = "Ducks swim far. Geese fly high. Swans sleep long. Frogs jump well. Toads sing low. Newts hide. Bats hang."
    units = split(text)
    kept = Chooser(text, units, [16] * len(units)).choose([0] * len(units), [0, 6], 1)
    assert kept == [True] * 7
    apart = Chooser(text, units, [16, 16, 100, 100, 100, 16, 16]).choose([0] * len(units), [0, 6], 1)
    assert apart == [True, True, False, False, False, True, True]


def test_headings_above_what_is_kept_stay() -> None:
    parts = [f"## Part {number}\n\n{filler(number)}" for number in range(40)]
    parts[20] = f"## Boats\n\n### Leases\n\n{filler(99)} {FACT}"
    short = extract("\n\n".join(["# Handbook", *parts]), ASKED, 0.1).text
    assert short.startswith("# Handbook")
    assert "## Boats\n\n### Leases\n\n" in short
    assert "## Part 3\n" not in short


def test_a_row_of_a_table_stays_with_the_names_of_its_columns() -> None:
    rows = "\n".join(f"| {filler(number, 3)} | {number} |" for number in range(300))
    table = f"| place | rent |\n|---|---|\n{rows}\n| boathouse | 77 |\n{rows}"
    short = extract(table, "What is the rent of the boathouse?", 0.1).text
    assert short.startswith("| place | rent |\n|---|---|\n")
    assert "\n| boathouse | 77 |\n" in short
    commas = table.replace("|---|---|\n", "").replace("| ", "").replace(" |", ",x,y")
    short = extract(commas, "What is the rent of the boathouse?", 0.03).text
    assert short.startswith("place rent,x,y\n")
    assert "\nboathouse 77,x,y\n" in short


def test_code_is_kept_whole_or_not_at_all() -> None:
    code = "```python\ndef rent(boathouse):\n\n    return 3\n```\n"
    text = among("Here is how.").replace("Here is how.", f"Here is how.\n\n{code}")
    assert code in extract(text, "Which function returns the rent of the boathouse?", 0.1).text
    assert "def rent" not in extract(text, "Where does the pemo live who meets the sisa?", 0.1).text


def test_instructions_at_the_ends_stay() -> None:
    told = "Answer in French.\nNever name a person."
    text = f"Use only what follows.\n\n{among(FACT)}\n\n{told}"
    short = extract(text, ASKED, 0.1).text
    assert short.startswith("Use only what follows.")
    assert short.endswith(told)


def test_what_is_said_twice_is_kept_once_where_there_is_no_room_for_both() -> None:
    double = f"{FACT} {filler(77, 12)}"
    text = "\n\n".join([*(filler(number) for number in range(20)), double, *(filler(number) for number in range(20, 40)), double])
    assert extract(text, ASKED, 0.05).text.count(FACT) == 1


@pytest.mark.parametrize("other", ["1997 the lease of the boathouse was", "1991 the lease of the boathouse was not"])
def test_another_number_or_not_is_no_repetition(other: str) -> None:
    first, second = (
        f"In {how} renewed by the council for the usual sum." for how in ("1991 the lease of the boathouse was", other)
    )
    short = extract(among(first, second), "When was the lease of the boathouse renewed?", 0.3).text
    assert first in short
    assert second in short


def test_turns_stay_with_their_speakers_and_what_is_said_around_them() -> None:
    text = meeting()
    short = extract(text, "What did Anna and Clara say of the price of the boathouse?", 0.2).text
    assert "Boris: So what do we pay for the new boathouse?\nClara: No more than 300 pounds, and not before May.\n" in short
    assert all(line == MARK or line in text.split("\n") for line in short.split("\n"))


def test_a_part_of_a_long_turn_keeps_its_speaker() -> None:
    lines = meeting().split("\n")
    lines[100] = f"Boris: {filler(1, 400)} {FACT} {filler(2, 400)}"
    short = extract("\n".join(lines), ASKED, 0.05).text
    (line,) = (line for line in short.split("\n") if FACT in line)
    assert line.startswith(f"Boris: {MARK} ")


def test_abbreviations_spelt_out_are_the_same_words() -> None:
    text = among("We take the L_C_D_ from the shop.")
    assert "L_C_D_" in extract(text, "What about the LCD?", 0.1).text


def test_a_script_without_spaces_is_searched_too() -> None:
    other = "庭にはたくさんの花があります。春になるとよく育ちます。池のまわりに道があります。"
    text = "\n\n".join([*[other] * 40, "会議は来週の火曜日に東京で開かれます。", *[other] * 40])
    short = extract(text, "会議はどこで開かれますか?", 0.2).text
    assert "会議は来週の火曜日に東京で開かれます。" in short
    assert size(short) < 0.5 * size(text)


def by_topic(text: str) -> np.ndarray:
    """Boats in one direction, everything else in another; long texts are not taken."""
    if len(text) > 700:
        raise ValueError("too long")
    boats = sum(word in text.lower() for word in ("boathouse", "pier", "jetty", "harbour"))
    vector = np.array([boats, 0.5])
    return np.asarray(vector / np.linalg.norm(vector))


def test_meaning_finds_what_is_said_in_other_words() -> None:
    fact = "At the jetty, from the pier to the harbour, one pays forty crowns."
    text = among(fact, "The boathouse is red.")
    question = "What does the boathouse cost?"
    assert fact not in extract(text, question, 0.1).text
    assert fact in extract(text, question, 0.1, by_topic, words=0.2).text
    assert fact in extract(text, "Prix du boathouse, svp?", 0.1, by_topic, words=0.0).text


def test_an_embedder_gets_of_a_text_what_it_takes() -> None:
    def reads_little(text: str) -> np.ndarray:
        if len(text) > 100:
            raise ValueError("too long")
        return by_topic(text)

    fact = "At the jetty, from the pier to the harbour, one pays forty crowns. " * 8
    text = among(fact.strip(), "The boathouse is red.")
    assert fact.strip()[:60] in extract(text, "What does the boathouse cost?", 0.1, reads_little, words=0.2).text


def test_an_embedder_that_takes_nothing_is_as_good_as_none() -> None:
    def refuses(text: str) -> np.ndarray:
        raise ValueError("no")

    assert extract(among(FACT), ASKED, 0.2, refuses) == extract(among(FACT), ASKED, 0.2)


def test_the_result_depends_on_nothing_but_text_and_question() -> None:
    assert extract(meeting(), ASKED, KEEP) == extract(meeting(), ASKED, KEEP)


PIECES = st.sampled_from(
    [
        *("Anna: ", "Boris: ", "the boathouse ", "lease ", "\n", "\n\n", "# ", "- ", "| a | b |\n", "```", "    x", ". ", "? "),
        *(
            "3 ",
            "not ",
            "{pause} ",
            "uh , ",
            "\ud800",
            "שלום ",
            "会议。",
            "\t",
            MARK,
            "\r\n",
            "\u2028",
            "a" * 50,
            filler(3),
            "1) ",
        ),
        *("Title:\n", "a,b,c\n"),
    ]
)


@given(st.lists(PIECES, max_size=60), st.integers(1, 60), st.sampled_from([0.05, 0.5, 0.9]))
@settings(max_examples=150, deadline=None)
def test_any_text_comes_out_unharmed(pieces: list[str], times: int, keep: float) -> None:
    text = "".join(pieces) * times
    short = extract(text, "When does the lease of the boathouse end?", keep)
    assert size(short.text) <= size(text)
    assert 0 <= short.kept <= short.total
    assert is_extract(short.text, text)


def test_the_gate_takes_what_is_left_out_and_nothing_else() -> None:
    text = among(FACT)
    short = extract(text, ASKED, 0.2).text
    assert is_extract(short, text)
    assert is_extract(text, text)
    for wrong in (
        short.replace("2031", "2013"),
        short.replace("ends", "never ends"),
        f"{short} So it is.",
        f"{short} {text[:100]}",
    ):
        assert not is_extract(wrong, text)
    spoken = f"{meeting()}\nAnna: it is, uh , that {{pause}} and that is it, you and we know the way to the end of it"
    assert is_extract(extract(spoken, ASKED, 0.2).text, spoken)


@pytest.mark.parametrize(
    "text",
    [
        "", "a" * 500_000, " " * 500_000, "[" * 500_000, "." * 500_000, ". " * 250_000, "\n" * 500_000, "a\n" * 250_000,
        "A: boathouse\nB: yes\n" * 25_000, "| " * 250_000, "# a\n" * 125_000, "```\n" * 125_000, "A_" * 250_000, "A B " * 125_000,
        "uh , " * 100_000, "A: {pause}\nB: uh ,\n" * 26_000, "\ud800 lease. " * 40_000, "日本語。" * 125_000, "a,b,c\n" * 80_000,
        "    x = 1;\n" * 45_000, "x" * 79 + ":\n" * 200_000, '!)"' * 166_000,
    ],
)  # fmt: skip
def test_long_texts_of_any_kind_are_bounded(text: str) -> None:
    short = extract(text, "When does the lease of the boathouse end? 日本 b x", 0.3)
    assert size(short.text) <= size(text)


def test_too_many_parts_are_left_alone() -> None:
    text = "Ab cd. " * (MOST_UNITS + 1)
    assert extract(text, "What is ab?", 0.3).text == text


def test_a_question_of_any_length_is_bounded() -> None:
    for question in ("a" * 500_000, " " * 500_000, "summarize " * 50_000, "what " * 100_000 + ASKED, "\ud800"):
        extract(among(FACT), question, 0.3)


def test_a_front_process_can_import_it_without_numpy() -> None:
    code = "import sys, pipeline.optimise.extract; sys.exit(any(name in sys.modules for name in ('numpy', 'onnxruntime')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
