"""What rules read out of a message of the user, and what they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.memory.extract import MOST, extract
from pipeline.memory.items import Slot
from pipeline.memory.ops import Drop, DropAll, DropLast, Put, Swap


def told(text: str, *before: str) -> list[str]:
    """What a message puts, as texts, without what only changes notes that are there."""
    return [op.text for op in extract(text, before) if isinstance(op, Put) and not op.if_known]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("My name is Ana.", ["name: Ana"]),
        ("I'm Ana and I live in Oslo, so use metric units.", ["name: Ana", "lives in: Oslo", "units: metric"]),
        ("Hi there, quick note before we start: I am Ana.", ["name: Ana"]),
        ("my name is ana", ["name: ana"]),
        ("Ana here, can you help me?", ["name: Ana"]),
        ("Call me Bob.", ["wants to be called: Bob"]),
        ("I live in Berlin, Germany and work as a product manager.", ["lives in: Berlin, Germany", "job: product manager"]),
        ("I'm in Paris this week.", ["is at the moment in: Paris"]),
        ("We use Go for everything.", ["programming language: Go"]),
        ("Our database is Postgres.", ["database: Postgres"]),
        ("I'm working on a compiler.", ["working on: a compiler"]),
        ("My deadline is next Friday.", ["deadline: next Friday"]),
        ("My dog is called Rex.", ["dog's name: Rex"]),
        ("We just adopted a dog, his name is Rex.", ["dog's name: Rex"]),
        ("My wife Anna and I are planning a trip.", ["wife's name: Anna"]),
        ("Always answer in French.", ["answers in: French"]),
        ("Could you answer in French from now on?", ["answers in: French"]),
        ("Keep your answers short.", ["length of answers: short"]),
        ("Don't use emojis.", ["answers: without emojis"]),
        ("I prefer window seats.", ["prefers: window seats"]),
        ("I prefer tea over coffee.", ["prefers: tea"]),
        ("I don't like cilantro.", ["dislikes: cilantro"]),
        ("I'm vegetarian.", ["diet: vegetarian"]),
        ("My favourite colour is green.", ["favourite colour: green"]),
        ("My budget is 300 euros.", ["budget: 300 euros"]),
        ("Remember that the wifi network is called Falcon.", ["wifi network: Falcon"]),
        ("Please remember: my locker is number 27.", ["locker: number 27"]),
        ('Call me "Bo".', ["wants to be called: Bo"]),
    ],
)
def test_what_users_say_of_themselves_is_noted(text: str, notes: list[str]) -> None:
    assert told(text) == notes


@pytest.mark.parametrize(
    "text",
    [
        "Is my name Ana?",
        "I live in Oslo, right?",
        "What if I lived in Oslo?",
        "Imagine I live in Oslo. My name is Ana.",
        "Suppose my budget is 300 euros.",
        "If I live in Oslo, do I need a car?",
        "I used to live in Oslo.",
        "I might move to Oslo.",
        "I wish I lived in Oslo.",
        'He said: "I live in Oslo."',
        "Translate 'my name is Ana' into French.",
        "Translate this into French:\n\nMy name is Ana. I live in Oslo.",
        "Proofread this for me: I live in Oslo and my name is Ana.",
        "> My name is Ana\n> I live in Oslo",
        "```\n# my name is Ana\n```",
        "    my_name = 'Ana'\n    # I live in Oslo",
        "Customer: my name is Ana\nAgent: hello\nCustomer: I live in Oslo",
        "Dear Ana,\nI live in Oslo.\nBest regards,\nBo",
        "My friend's name is Ana.",
        "My colleague lives in Oslo.",
        "She told me that I live in Oslo.",
        "Let's role-play. I am Ana, the queen. I live in Oslo.",
        "Write a story that begins so: I live in Oslo.",
        "I'm tired.",
        "I'm stuck, can you help?",
        "I have a question.",
        "I like that.",
        "Call me later.",
        "My code is broken.",
        "Use Python to sort this list.",
        "I don't live in Oslo.",
    ],
)
def test_what_is_not_said_of_oneself_is_not_noted(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "My card number is 4111 1111 1111 1111.",
        "Remember that my password is hunter2!",
        "Remember: the door code and my pin is 4821.",
        "My e-mail is ana@example.com.",
        "My phone number is +47 22 33 44 55.",
        "My IBAN is DE89 3704 0044 0532 0130 00.",
        "I live at 12 Baker Street.",
        "Remember that I have diabetes.",
        "I'm allergic to nuts.",
        "I'm pregnant.",
        "My religion is Catholic.",
        "My salary is 4000 euros.",
        "My API key is sk-proj-a8Zk29xLmQ0pVt71.",
    ],
)
def test_what_is_sensitive_is_not_noted(text: str) -> None:
    assert extract(text) == [] or told(text) == []


def test_a_date_is_no_phone_number() -> None:
    assert told("My deadline is 2026-12-01.") == ["deadline: 2026-12-01"]


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("We switched from Python to Go.", "Python"),
        ("Not Python any more, use Go.", "Python"),
        ("Use Go instead of Python.", "Python"),
        ("We dropped Python and use Go now.", "Python"),
        ("I no longer use Python; I use Go now.", "Python"),
    ],
)
def test_an_update_says_what_it_replaces(text: str, old: str) -> None:
    (put,) = extract(text)
    assert isinstance(put, Put)
    assert (put.text, put.old) == ("programming language: Go", old)


def test_an_exchange_needs_no_slot() -> None:
    assert extract("I traded the Skoda for a Toyota.") == [Swap("Skoda", "Toyota")]
    assert extract("It's Ana, not Anna.") == [Swap("Anna", "Ana")]


@pytest.mark.parametrize("text", ["Forget that.", "Please forget what I just said.", "forget it"])
def test_a_wish_to_forget_the_last(text: str) -> None:
    assert extract(text) == [DropLast()]


@pytest.mark.parametrize(
    "text", ["Forget everything about me.", "Forget all you know about me.", "Forget everything I told you."]
)
def test_a_wish_to_forget_everything(text: str) -> None:
    assert extract(text) == [DropAll()]


def test_a_wish_to_forget_something() -> None:
    assert extract("Forget where I live.") == [Drop(slot=Slot("user", "home"))]
    assert extract("Forget that I live in Oslo.") == [Drop("Oslo", Slot("user", "home"))]


@pytest.mark.parametrize("text", ["Delete the last line.", "Remove the background.", "Clear everything.", "Drop the table."])
def test_a_task_is_no_wish_to_forget(text: str) -> None:
    assert extract(text) == []


def test_a_role_play_goes_on_for_some_messages() -> None:
    play = "Let's role-play: you are a dragon and I am a knight."
    assert told("My name is Roland.", play) == []
    assert told("My name is Roland.", play, "I draw my sword.") == []
    assert told("My name is Ana.", play, "Stop the role play.") == ["name: Ana"]
    assert told("My name is Ana.", play, "How many moons does Jupiter have?") == ["name: Ana"]


def test_a_role_play_still_lets_notes_be_corrected() -> None:
    play = "Let's role-play: you are a dragon and I am a knight."
    (put,) = extract("I don't live in Oslo any more, I live in Rome now.", [play])
    assert isinstance(put, Put)
    assert put.if_known


def test_an_instruction_without_a_word_of_time_holds_in_its_conversation() -> None:
    assert [op.everywhere for op in extract("Answer in French.") if isinstance(op, Put)] == [False]
    assert [op.everywhere for op in extract("Always answer in French.") if isinstance(op, Put)] == [True]


def test_a_message_has_few_operations() -> None:
    assert len(extract(" ".join(f"My dog{'abcdefghijklmno'[n]} is called Rex{n}." for n in range(15)))) <= MOST


@settings(max_examples=300)
@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    extract(text, [text])


LANGUAGES = [
    "Ich heiße Anna und wohne in "
    "Köln.", "Je m'appelle Anna.", "Me llamo Ana y vivo en Madrid.", "Mi chiamo Anna.", "Меня зовут Анна.",
    "私の名前はアンナです。", "我叫安娜。", "שמי אנה ואני גרה בחיפה.", "اسمي آنا وأعيش في القاهرة.", "मेरा नाम अन्ना है।",
]  # fmt: skip


@pytest.mark.parametrize("text", LANGUAGES)
def test_other_languages_change_nothing(text: str) -> None:
    assert extract(text) == []


HOSTILE = [
    "", " ", "a", "\n", "(", "[", '"', "'", "`", "```\n", ".", "?", "a ", "i ", "my ", "my name is ", "I live in A. ", "and ",
    ", i ",
    "1 ", "A ", "\ud800", "x@x.", "> my name is x\n", "Bob: hi\n", "not ", "dog's ", "forget that ", "actually, ", "remember ",
    "{", "<b>",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_is_read_in_bounded_time(piece: str) -> None:
    long = piece * (500_000 // max(1, len(piece)))
    extract(long, [long])
    extract(long[:5_900])
