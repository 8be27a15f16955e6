"""Traps: each kind of change on a prompt written for it, and the changes that are none."""

from __future__ import annotations

import pytest

from bench.cache.names import Names, kind_of, names_in
from bench.cache.traps import traps

NAMES = Names(
    ["how far is Paris from here", "we saw Berlin and Smith there", "learn about Rust, or about Kotlin", "he works at NASA now"]
)


def of_kind(text: str, kind: str) -> set[str]:
    return {trap.text for trap in traps(text, NAMES) if trap.kind == kind}


def test_each_number_is_changed_in_the_way_in_which_it_is_written() -> None:
    found = of_kind("Share $1,200 among 3 people", "numbers")
    assert all(text.startswith("Share $1,2") or ",200 among" not in text for text in found)
    assert sum(text.endswith("among 3 people") for text in found) == 2
    assert sum(text.startswith("Share $1,200 ") for text in found) == 2
    assert not any("1,200 among 3 people" in text for text in found)


def test_numbers_in_words_are_numbers_too() -> None:
    (text,) = of_kind("what are the seven wonders", "numbers")
    assert text.startswith("what are the ")
    assert "seven" not in text


@pytest.mark.parametrize("text", ["1. Boil water", "one should know", "see https://a.b/2/c", "version v2x"])
def test_what_only_looks_like_a_number_stays(text: str) -> None:
    assert not of_kind(text, "numbers")


def test_years_months_and_weekdays_are_exchanged() -> None:
    assert all("in May" in text and "2019" not in text for text in of_kind("events in 2019 in May", "dates") if "in May" in text)
    assert any("May" not in text for text in of_kind("events in 2019 in May", "dates"))
    (text,) = of_kind("is the bank open on Monday", "dates")
    assert text.startswith("is the bank open on ")
    assert text.endswith("day")
    assert "Monday" not in text


def test_the_word_may_is_no_month() -> None:
    assert not of_kind("what may I bring", "dates")


def test_names_are_exchanged_with_others_of_their_kind_everywhere() -> None:
    found = of_kind("is Munich larger than Ulm, and Munich older", "names")
    assert found
    assert not any(text.count("Munich") == 1 for text in found)
    assert all("Rust" not in text and "NASA" not in text for text in found)


def test_a_name_is_not_exchanged_with_what_is_mentioned_already() -> None:
    assert not any("Berlin and Berlin" in text for text in of_kind("a train between Berlin and Ulm", "names"))


def test_names_are_capital_words_that_are_no_words() -> None:
    assert [match.group() for match in names_in("Please write to Angela about the Internet in New Delhi, where it began")] == [
        "Angela",
        "New Delhi",
    ]
    assert not list(names_in("How To Cook Rice With Saffron"))
    assert (kind_of("French"), kind_of("Python"), kind_of("Spain"), kind_of("Spanish")) == (
        "language",
        "technology",
        "country",
        "language",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How do I lose weight?", "How do I not lose weight?"),
        ("why can't I sleep?", "why can I sleep?"),
        ("tea without sugar", "tea with sugar"),
        ("Write a poem", "do not write a poem"),
        ("name countries that are not in the EU", "name countries that are in the EU"),
        ("people who will pay more", "people who will not pay more"),
    ],
)
def test_negation_is_put_in_and_taken_out(text: str, expected: str) -> None:
    assert expected in of_kind(text, "negation")


@pytest.mark.parametrize(
    "text", ["Isn't it cold?", "why don't you come?", "is tea or not", "if you don't mind, sit", "slow down, I can't hear you"]
)
def test_where_a_negation_says_nothing_it_stays(text: str) -> None:
    assert not of_kind(text, "negation")


def test_units_are_exchanged_within_their_dimension() -> None:
    (text,) = of_kind("is 5 kg of rice enough", "units")
    assert text in {f"is 5 {unit} of rice enough" for unit in ("mg", "lbs", "oz")}
    (text,) = of_kind("how many miles is it", "units")
    assert text.startswith("how many ")
    assert "miles" not in text


def test_a_unit_is_not_exchanged_with_one_that_is_there() -> None:
    assert all(text.count("kg") < 2 and text.count("lbs") < 2 for text in of_kind("turn 5 kg to 3 lbs", "units"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flights from Rome to Oslo", "flights from Oslo to Rome"),
        ("translate French to German", "translate German to French"),
        ("moving to Canada from India", "moving to India from Canada"),
        ("what to eat before surgery", "what to eat after surgery"),
        ("is it bad eating before sleeping?", "is it bad sleeping before eating?"),
    ],
)
def test_directions_are_turned_round(text: str, expected: str) -> None:
    assert expected in of_kind(text, "direction")


@pytest.mark.parametrize(
    "text", ["the distance from Rome to Oslo", "sum the numbers from 1 to 9", "how do I look after a cat", "from time to time"]
)
def test_what_has_no_direction_is_not_turned(text: str) -> None:
    assert not of_kind(text, "direction")


def test_the_same_prompt_gives_the_same_traps_each_once() -> None:
    text = "Send 3 parcels from Rome to Oslo in May 2020"
    found = traps(text, NAMES)
    assert found == traps(text, NAMES)
    assert len({trap.text for trap in found}) == len(found)
    assert text not in {trap.text for trap in found}
