"""What the guards see in a prompt: numbers in all spellings, units, dates, negations, names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.guards import words
from pipeline.cache.guards.reading import is_common, read, stem

# --- it takes anything ---


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    reading = read(text)
    assert all(reading.words)
    assert reading == read(text)


KNOWN = sorted(words.NUMERIC | set(words.UNITS) | set(words.DATES) | words.NEGATORS)
PIECES = [
    *KNOWN,
    *("²", "½", "2½", "x²", "٣", "१२", "５", "-", "−4", "--", "'", "’s", ".", "a.m.", "5pm", "°", "°\tC", "° f", "$", "%", "£5m"),
    *(
        "https://a.b/c-",
        "http://",
        "/usr/-g",
        "/--g",
        "//",
        "~/x-",
        "../-",
        "a@b.co",
        "5@x.yz",
        "x_y",
        "İ",
        "ǅ",
        "ß",
        "一",
        "5个",
    ),
    *("9" * 400, "1e999", "0.000", "1,000,000.5", "1.2.3.4", "3:4:5", "401k", "trillion " * 40, "\ud800", "\x00"),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12), st.sampled_from(["", " ", "-", "'"]))
def test_any_row_of_odd_pieces_can_be_read(pieces: list[str], between: str) -> None:
    assert all(read(between.join(pieces)).words)


def test_numbers_beyond_all_bounds_are_still_told_apart() -> None:
    assert read("1" * 5000).numbers == ("1" * 5000,)
    assert len(read("trillion " * 500).numbers) == 500
    assert read("card 4000123412341234567").numbers != read("card 4000123412341234568").numbers


# --- numbers ---


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("7 eggs", ["7"]),
        ("seven eggs", ["7"]),
        ("1,000 eggs", ["1000"]),
        ("1,000.50 euros", ["1000.5"]),
        ("1,5 kg", ["1.5"]),
        ("5k", ["5000"]),
        ("2.5k", ["2500"]),
        ("2 million", ["2000000"]),
        ("2.5 million", ["2500000"]),
        ("two million", ["2000000"]),
        ("50M rows", ["50000000"]),
        ("$3m", ["3000000"]),
        ("3bn", ["3000000000"]),
        ("twenty five", ["25"]),
        ("twenty-five", ["25"]),
        ("one hundred", ["100"]),
        ("a hundred dollars", ["100"]),
        ("a thousand-dollar fee", ["1000"]),
        ("two hundred and six", ["206"]),
        ("one thousand and one nights", ["1001"]),
        ("twenty five thousand", ["25000"]),
        ("three hundred and fifty thousand", ["350000"]),
        ("one million two hundred five thousand and six", ["1205006"]),
        ("between twenty and thirty", ["20", "30"]),
        ("between one hundred and two hundred", ["100", "200"]),
        ("five or six", ["5", "6"]),
        ("ages of four and five", ["4", "5"]),
        ("page 20 five words", ["20", "5"]),
        ("a dozen eggs", ["12"]),
        ("two dozen eggs", ["24"]),
        ("half a cup", ["0.5"]),
        ("½ cup", ["0.5"]),
        ("2½ cups", ["2.5"]),
        ("two and a half cups", ["2.5"]),
        ("one and a half cups", ["1.5"]),
        ("the third man", ["3"]),
        ("the 3rd man", ["3"]),
        ("the 21st century", ["21"]),
        ("the twenty first century", ["21"]),
        ("World War II", ["2"]),
        ("world war ii", ["2"]),
        ("chapter IV", ["4"]),
        ("Who am I?", []),
        ("the 1990s", ["1990s"]),
        ("COVID-19", ["19"]),
        ("at -5 degrees", ["-5"]),
        ("at minus 5 degrees", ["-5"]),
        ("minus forty", ["-40"]),
        ("10 - 5", ["10", "5"]),
        ("pages 5-10", ["10", "5"]),
        ("x minus five", ["5"]),
        ("-20% on shoes", ["20"]),
        ("10:30", ["10:30"]),
        ("5 apples, 3 pears", ["3", "5"]),
        ("Python 3.10", ["3.10"]),
        ("it costs 3.10", ["3.1"]),
        ("GBP 39.90", ["39.9"]),
        ("我有5个苹果", ["5"]),
        ("frames per second", []),
        ("a 90-second toast", ["90"]),
        ("the second amendment", ["2"]),
    ],
)
def test_numbers_are_read_in_all_spellings(text: str, numbers: list[str]) -> None:
    assert list(read(text).numbers) == sorted(numbers)


@given(st.integers(0, 999_999_999))
def test_a_number_with_and_without_commas_is_one_number(number: int) -> None:
    assert read(f"{number:,} things").numbers == read(f"{number} things").numbers == (str(number),)


ONES = (
    *("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def spoken(number: int) -> str:
    for size, name in ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {spoken(number % size)}" if number % size else ""
            return f"{spoken(number // size)} {name}{rest}"
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")


@given(st.integers(2, 999_999_999))
def test_a_number_in_words_is_the_number_in_digits(number: int) -> None:
    assert read(spoken(number)).numbers == (str(number),), spoken(number)


@pytest.mark.parametrize(
    ("text", "has"), [("one idea", True), ("the first idea", True), ("chapter one", True), ("which one", False)]
)
def test_one_is_a_number_only_where_it_counts(text: str, has: bool) -> None:
    assert read(text).has_one == has


# --- units and measures ---


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("5 km", {"kilometer"}),
        ("5km", {"kilometer"}),
        ("100m", {"meter"}),
        ("in m", {"meter"}),
        ("I'm fine", set()),
        ("5 m and 3 l", {"meter", "liter"}),
        ("5 l", {"liter"}),
        ("30 °C", {"celsius"}),
        ("30 C", {"celsius"}),
        ("vitamin C", set()),
        ("30 degrees F", {"fahrenheit"}),
        ("240 V and 30A", {"volt", "amp"}),
        ("$5", {"dollar"}),
        ("5 %", {"percent"}),
        ("a foot of snow", {"foot"}),
        ("my foot hurts", set()),
        ("one day", {"day"}),
        ("the day before", set()),
        ("5 pm", {"pm"}),
        ("5 p.m.", {"pm"}),
        ("5pm", {"pm"}),
        ("I am here", set()),
        ("meters per second", {"meter", "seconds"}),
        ("the second man", set()),
        ("0.1 M NaOH", set()),
    ],
)
def test_units_are_read_where_they_are_units(text: str, units: set[str]) -> None:
    assert {name for name, _ in read(text).units} == units


def test_a_measure_is_a_number_with_its_unit() -> None:
    assert read("5km or 5 km or five km").measures == {("5", "kilometer", "length")}


# --- dates ---


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("in May", {"may"}),
        ("in may", {"may"}),
        ("1 may", {"may"}),
        ("May I go?", set()),
        ("you may go", set()),
        ("May 5 is a holiday", {"may"}),
        ("a march on Rome", set()),
        ("early march", {"march"}),
        ("in march", {"march"}),
        ("leaves fall", set()),
        ("in fall", {"autumn"}),
        ("on Mondays", {"monday"}),
        ("Dec 24", {"december"}),
        ("I am at home", set()),
        ("in the morning", {"morning"}),
    ],
)
def test_months_that_are_words_as_well_are_told_apart(text: str, dates: set[str]) -> None:
    assert read(text).dates == dates


# --- negations ---


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I do not", 1),
        ("I don't", 1),
        ("I don’t", 1),
        ("I dont", 1),
        ("never say never", 2),
        ("true or not", 0),
        ("with or without you", 0),
        ("no more than 5", 0),
        ("no longer a planet", 1),
        ("minus 5", 0),
        ("without salt", 1),
    ],
)
def test_negations_are_counted_where_they_negate(text: str, count: int) -> None:
    assert read(text).negations == count


# --- names ---


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Where is Lima?", {"lima"}),
        ("Where is Lima's harbour?", {"lima"}),
        ("where is lima", set()),
        ("What does NASA do?", {"nasa"}),
        ("Write a poem", set()),
        ("Zanzibar is where?", {"zanzibar"}),
        ("HOW DO I STOP THE ENGINE NOW", set()),
        ("It is 30 C", set()),
        ("I think so", set()),
    ],
)
def test_names_are_words_with_a_capital_that_grammar_does_not_ask_for(text: str, names: set[str]) -> None:
    assert read(text).names == names


def test_what_belongs_to_a_country_names_it() -> None:
    assert read("german wine").places == read("wine of Germany").places == {"germany"}
    assert read("the US").places == {"usa"}
    assert read("tell us about turkey sandwiches").places == set()
    assert read("in Turkey").places == {"turkey"}


def test_acronyms_are_names_in_capitals() -> None:
    assert read("the JVM's memory in Java").acronyms == {"jvm"}


# --- codes ---


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("open https://Example.com/a-b.", {"https://example.com/a-b"}),
        ("edit /etc/hosts.", {"/etc/hosts"}),
        ("write to bob@example.com", {"bob@example.com"}),
        ("call my_function", {"my_function"}),
        ("call useState", {"usestate"}),
        ("use Node.js", {"node.js"}),
        ("vitamin B12", {"b12"}),
        ("and/or", set()),
        ("7 p.m.", set()),
    ],
)
def test_addresses_paths_and_identifiers_are_codes(text: str, codes: set[str]) -> None:
    assert read(text).codes == codes


# --- the rest ---


def test_formats_audiences_and_languages_have_one_name_each() -> None:
    reading = read("Explain JS to kids as a bulleted table in Spanish")
    assert (reading.formats, reading.audiences) == ({"list", "table"}, {"child"})
    assert reading.languages == {"javascript", "spanish"}
    assert read("explain it to a five-year-old").audiences == {"child"}
    assert read("explain it to a five-year-old").numbers == ("5",)


def test_what_stands_behind_a_preposition_has_its_role() -> None:
    assert read("from the city of Paris to Rome").roles == {("from", "citi"), ("to", "rome")}
    assert ("with", "oil") in read("replace butter with oil").roles
    assert ("with", "oil") not in read("fry it with oil").roles
    assert ("to", "cm") in read("how many cm are in an inch").roles


def test_a_verb_and_its_particle_are_a_phrase() -> None:
    assert read("turn the heating off").phrases == read("turn off the heating").phrases == {"turn off"}


def test_what_is_counted_stands_beside_its_number() -> None:
    assert read("2 eggs and three cups").counts == {("2", "egg"), ("3", "cup")}


def test_common_words_are_the_languages_own() -> None:
    assert (is_common("water"), is_common("zanzibar")) == (True, False)
    assert is_common(stem("explaining"))


def test_words_are_stemmed_alike_in_all_threads() -> None:
    made = [f"{first}{last}" for first in words.STOPWORDS for last in ("ization", "ousness", "fully", "ational", "ing")]
    alone = [stem(word) for word in made]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda _: [stem.__wrapped__(word) for word in made], range(8)))
    assert all(found == alone for found in together)
