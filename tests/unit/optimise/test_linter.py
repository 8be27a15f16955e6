"""What must survive is missed when it is gone, and when it was not there before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.optimise import linter
from tests.unit.optimise.support import COURTEOUS_ONLY, texts

BASE = "Please write to Ann Lee in London by 5 May, at least 300 words and not more than 2 pages, as a table. You must say why."


@pytest.mark.parametrize(
    ("old", "new", "missed"),
    [
        ("300", "30", "number"),
        ("300 words", "words", "number"),
        ("2 pages", "two pages", "number"),
        ("5 May", "6 May", "number"),
        ("not more", "more", "negation"),
        ("at least", "about", "quantity"),
        ("more than", "as many as", "quantity"),
        ("must", "can", "modal"),
        ("why", "it", "question"),
        ("table", "text", "format"),
        ("Ann Lee", "her", "name"),
        ("London", "Paris", "name"),
        (" by 5 May", "", "number"),
        (".", ". Never.", "negation"),
        ("pages", "pages or 3 sheets", "number"),
        ("write", "write and then?", "question"),
    ],
)
def test_a_change_of_what_counts_is_missed(old: str, new: str, missed: str) -> None:
    assert missed in linter.check(BASE, BASE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("original", "new", "missed"),
    [
        ("Read https://a.example/x?y=1 first", "Read it first", ("address",)),
        ("Mail to ann@b.example now", "Mail to bob@b.example now", ("address",)),
        ("Open /etc/hosts in vi", "Open it in vi", ("address",)),
        ("Run it with --force today", "Run it today", ("address",)),
        ("Call get_user() and userName", "Call it and userName", ("code",)),
        ("Call `x = 1` here", "Call `x = 2` here", ("quote",)),
        ('Say "yes please" to it', 'Say "yes" to it', ("quote",)),
        ("Say 'yes please' to it", "Say to it", ("quote",)),
        ("Keep\n```\na\n```\nof it", "Keep\n```\nb\n```\nof it", ("code_block",)),
        ("It is 10 km away", "It is 10 miles away", ("number",)),
        ("It costs $5 now", "It costs €5 now", ("number",)),
        ("Do it on Monday then", "Do it then", ("date", "name")),
        ("You don't have to go", "You have to go", ("negation",)),
        ("You need to go there", "You go there", ("modal",)),
        ("Ask Will about it", "Ask about it", ("name",)),
        ("Is x < 3 or so", "Is x 3 or so", ("sign",)),
    ],
)
def test_each_kind_is_known(original: str, new: str, missed: tuple[str, ...]) -> None:
    assert linter.check(original, new) == missed
    assert linter.check(new, original) == missed


@pytest.mark.parametrize(
    ("original", "new"),
    [
        ("Could you please explain why it rains?", "Explain why it rains?"),
        ("If you don't mind, tell me more. Thank you!", "Tell me more."),
        ("I would like to mention that Python is slow.", "Python is slow."),
        ("It should be noted that Ann is 5.", "Ann is 5."),
        ("I need to know when it opens.", "Tell me when it opens."),
        ("Good morning! Could you help me with something? Sort 3 lists.", "Sort 3 lists."),
        ("First of all, any help is appreciated. Go on.", "Go on."),
        ("Please note that npm fails.", "npm fails."),
        ("What I would like is for you to keep it short.", "Keep it short."),
        ("Please, march on in March.", "March on in March."),
    ],
)
def test_courtesies_do_not_count(original: str, new: str) -> None:
    assert linter.check(original, new) == ()


def test_a_quoted_courtesy_counts() -> None:
    assert linter.check('Translate "if you don\'t mind" for me', "Translate it for me") == ("quote",)


def test_an_extract_may_leave_out_but_not_add() -> None:
    text = "Ann paid 300 euros. Bob did not. It was in May."
    assert linter.added(text, "Ann paid 300 euros. [...]") == ()
    assert linter.added(text, "Ann did not pay 300 euros, Bob did not.") == ("negation",)
    assert linter.added(text, "Ann paid 400 euros.") == ("number",)
    assert linter.added(text, "Eve paid 300 euros.") == ("name",)
    assert linter.added(text, "Ann must pay 300 euros.") == ("modal",)


@settings(max_examples=200, deadline=None)
@given(texts())
def test_a_text_holds_what_it_holds(text: str) -> None:
    assert linter.check(text, text) == ()
    assert linter.added(text, text) == ()


@settings(max_examples=200, deadline=None)
@given(texts(), st.sampled_from(["7341", "nicht_so", "https://x.example", '"so"', "`so`", "Zebulon", "7 %"]), st.integers(0, 200))
def test_what_is_put_into_a_text_is_missed_when_it_goes(text: str, planted: str, place: int) -> None:
    """In a paragraph of its own, where no quote is open."""
    whole = f"{text}\n\nIt is {planted} here.\n\n{COURTEOUS_ONLY}"
    if text.count("```") % 2 == 0:
        assert linter.check(whole, whole.replace(planted, "", 1)) != ()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_it_is_symmetric(one: str, other: str) -> None:
    assert linter.check(one, other) == linter.check(other, one)
