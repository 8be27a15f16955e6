"""T1 puts a user's English prose in fewer words, and leaves everything else alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise import subject
from pipeline.optimise.cues import Cue
from pipeline.optimise.english import is_english, lowered, sentences
from pipeline.optimise.plain import plain
from pipeline.optimise.prose import MATERIAL
from tests.unit.optimise.support import texts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # requests
        ("I would like you to explain how vaccines work.", "Explain how vaccines work."),
        ("Could you please give me a list of five birds that sing?", "Give me a list of five birds that sing?"),
        ("I would be grateful if you could describe the process.", "Describe the process."),
        ("I'd appreciate it if you explained the mechanism behind it.", "Explain the mechanism behind it."),
        ("Would you mind comparing the two approaches for me?", "Compare the two approaches for me?"),
        ("I was wondering whether it might be possible for you to write a haiku about rain.", "Write a haiku about rain."),
        ("My laptop is slow, and I would like you to suggest some upgrades.", "My laptop is slow, and suggest some upgrades."),
        ("If you could also add a short summary, that would be great.", "Also add a short summary."),
        ("What I would like you to do is to list the planets and to rank them.", "List the planets and rank them."),
        ("Please be so kind as to translate nothing and summarize everything.", None),
        # wishes
        ("I would really like to know why the sky is blue in the daytime.", "Tell me why the sky is blue in the daytime."),
        ("I would be interested in learning more about the history of tea.", "Tell me more about the history of tea."),
        ("I need your help with planning a trip to Lisbon in May.", "Help me plan a trip to Lisbon in May."),
        ("I am looking for some advice on which bike I should buy.", "Give me some advice on which bike I should buy."),
        # announcements and long ways
        ("Please note that the server runs on port 8080 at the moment.", "The server runs on port 8080 at the moment."),
        ("I should mention that npm install fails on my machine.", "npm install fails on my machine."),
        (
            "It rains due to the fact that I forgot my umbrella in the office.",
            "It rains because I forgot my umbrella in the office.",
        ),
        ("In order to save money, I make use of an old phone.", "To save money, I use an old phone."),
        ("To be honest, I have never, as you may know, seen the sea.", "I have never seen the sea."),
        # courtesies around what is said
        (
            "Hello! What is the capital of my country, Kenya? Thank you so much in advance!",
            "What is the capital of my country, Kenya?",
        ),
        ("I hope you are well. Explain this rule to me, if you don't mind.", "Explain this rule to me."),
        ("Sort my list, please. I really appreciate your time and your patience with me.", "Sort my list."),
    ],
)
def test_what_is_asked_is_asked_in_fewer_words(before: str, after: str | None) -> None:
    assert plain(before).text == (before if after is None else after)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Explain TCP to me.", "too_short"),
        ("Pourriez-vous me dire comment je peux aller à la gare, s'il vous plaît ?", "not_english"),
        ("Which river is longer, the Nile or the Amazon, in order of length?", "impersonal"),
        ("I want you to act as a butler. I would like you to please thank me after each answer.", "role"),
        ("Input: I would like to thank you\nOutput: thanks\nInput: please help me\nOutput:", "examples"),
        ("I would like to thank you for coming. Please translate this into French.", "wording"),
        ("- I would like you to please be brief\n- please note that I am new here", "no_prose"),
    ],
)
def test_it_says_why_it_leaves_a_text_alone(text: str, reason: str) -> None:
    found = plain(text)
    assert found.text == text
    assert found.reasons == (reason,)


@pytest.mark.parametrize(
    "kept",
    [
        'He told me: "I would like you to please note that it rains." What did he mean by it, you think?',
        "My prompt is `please note that I would like you to stop` and I wonder what you think of my prompt.",
        "Can you freeze cheese if you do not have a lid for my box?",
        "Can you use a dead battery to jump start my car in winter?",
        "Would you recommend my son a career in law or in medicine today?",
        "It would be great if you could fly to the moon with me tomorrow.",
        "My boss would like you to know that we open at nine in the morning.",
        "I would not like you to write more than a page about my cat.",
        "I want to learn Spanish so I bought a book for my trip to Chile.",
        "Do you know the way to please the crowd when my band plays at night?",
        "If you could travel anywhere in the world, where would you go with me?",
        "As a beginner, I would like you to never use words that I do not know.",
        "What do you mean by the phrase in order to, if you look at it closely?",
        "You can see my house, and at that time, the owner was Mr. Smith.",
        "Have you, or anyone you know, had an accident in the last 5 years?",
    ],
)
def test_what_only_looks_like_a_courtesy_stays(kept: str) -> None:
    assert plain(kept).text == kept


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "I would like you to translate the following text into French:\n\nI would like to thank you in advance. Please note that.",  # noqa: E501
            "Translate the following text into French:\n\nI would like to thank you in advance. Please note that.",
        ),
        (
            "Could you please summarize this for me?\n\nContext: I would really appreciate it if you could come. Thank you so much.",  # noqa: E501
            "Summarize this for me?\n\nContext: I would really appreciate it if you could come. Thank you so much.",
        ),
        (
            "Please fix my code, in order to pass the tests.\n\n```python\n# please note that I would like you to keep this\n```",
            "Fix my code, to pass the tests.\n\n```python\n# please note that I would like you to keep this\n```",
        ),
        (
            "I would like you to write an email to my teacher. I really appreciate all that she did. Thank you for everything.",
            "Write an email to my teacher. I really appreciate all that she did. Thank you for everything.",
        ),
        (
            "Please keep these rules in mind when you answer me:\n- please note that I am new\n- thank you",
            "Keep these rules in mind when you answer me:\n- please note that I am new\n- thank you",
        ),
    ],
)
def test_only_what_speaks_to_the_model_changes(before: str, after: str) -> None:
    assert plain(before).text == after


def test_lines_that_are_wrapped_are_read_as_one() -> None:
    text = (
        "I would like you to please explain to me how exactly the human\nheart works, and in which order its valves open and close when\n"  # noqa: E501
        "it beats. Keep it short."
    )
    assert plain(text).text == (
        "Explain to me how exactly the human heart works, and in which order its valves open and close when it beats. Keep it short."  # noqa: E501
    )


def test_a_paragraph_of_nothing_but_thanks_goes_with_its_blank_line() -> None:
    assert plain("Explain my error message to me in two lines.\n\nThank you so much for all of your help!").text == (
        "Explain my error message to me in two lines."
    )


def test_a_message_of_nothing_but_courtesies_stays() -> None:
    text = "Hello there, I hope you are doing well today! Thank you so much for your help."
    assert plain(text).text == text


def test_the_question_marks_and_the_numbers_stay() -> None:
    text = "Could you please tell me whether 3,5 % of 1.000 is more than 35? I would love to know if you agree with it."
    found = plain(text).text
    assert found.count("?") == text.count("?")
    assert "3,5 % of 1.000 is more than 35" in found


# --- the parts ---


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? four.", ["One. ", "Two! ", "Three? ", "four."]),
        ("It is e.g. Mr. A. Smith, i.e. me. He left.", ["It is e.g. Mr. A. Smith, i.e. me. ", "He left."]),
        ("Version 3.11 is out. i like it", ["Version 3.11 is out. ", "i like it"]),
        ('He said "Go." Then he went.', ['He said "Go." ', "Then he went."]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert sentences(text) == found


@given(st.text())
def test_the_sentences_of_a_text_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


@given(st.text())
def test_the_lower_case_of_a_text_has_its_places(text: str) -> None:
    assert len(lowered(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("I do not know what this is", True),
        ("Je ne sais pas ce que c'est", False),
        ("Was ist das für ein Ding", False),
        ("これは何ですか", False),
        ("42 + 17 =", False),
    ],
)
def test_english_is_told_from_other_languages(text: str, english: bool) -> None:
    assert is_english(text) is english


CUES = {name: cue for name, cue in vars(subject).items() if isinstance(cue, Cue)} | {"MATERIAL": MATERIAL}


@pytest.mark.parametrize("name", sorted(CUES))
def test_a_cue_finds_whatever_its_pattern_matches(name: str) -> None:
    """Its heads are complete: looking only where they stand misses nothing."""
    cue = CUES[name]

    @settings(max_examples=150, deadline=None)
    @given(st.from_regex(re.compile(cue.pattern.pattern, re.ASCII)))
    def check(text: str) -> None:
        expected, found = cue.pattern.search(lowered(text)), cue.search(text)
        assert (expected and expected.span()) == (found and found.span())

    check()


@settings(max_examples=150, deadline=None)
@given(texts())
def test_it_only_leaves_out_or_shortens(text: str) -> None:
    assert len(plain(text).text) <= len(text)
