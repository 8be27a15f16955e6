"""What a user has pasted is told from what he says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from pipeline.optimise.protected import fences, quoted
from pipeline.optimise.repeats import Seen
from pipeline.optimise.segments import retrieved
from tests.unit.optimise.support import texts

LONG = "The sky is blue and the grass is green. " * 12
SHORT = "The sky is blue."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Context:\n{LONG}\n\nQuestion: why?", [LONG.rstrip()]),
        (f"Here is the meeting transcript:\n\n{LONG}\n\nWhat was said about the sky?", [LONG.rstrip()]),
        (f"Document 1: {LONG}\nDocument 2: {LONG}\nBased on the documents, answer.", [f"{LONG}\nDocument 2: {LONG}".rstrip()]),
        (f"<doc>{LONG}</doc> What now?", [LONG]),
        (f'Sum it up: """{LONG}"""', [LONG]),
        (f"Look:\n```\n{LONG}\n```", [f"{LONG}\n"]),
        (f"Look:\n```python\n{LONG}\n```", []),
        (f"Context: {SHORT}\n\nQuestion: why?", []),
        (f"Write a story:\n{LONG}", []),
        (LONG, []),
        ("<doc>" + LONG, []),
    ],
)
def test_pasted_text_is_found(text: str, found: list[str]) -> None:
    assert [text[slice(*span)] for span in retrieved(text)] == found


@settings(max_examples=200, deadline=None)
@given(texts())
def test_spans_are_in_order_and_apart(text: str) -> None:
    for spans in (retrieved(text), quoted(text), [block.whole for block in fences(text)]):
        edges = [edge for span in spans for edge in span]
        assert edges == sorted(edges)
        assert all(0 <= edge <= len(text) for edge in edges)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("a\n```py\nb\n```\nc", ["b\n"]),
        ("~~~\n```\n~~~\n", ["```\n"]),
        ("```\nnever closed", ["never closed"]),
        ("see ```x = 1``` there", ["x = 1"]),
        ("````\n```\n````", ["```\n"]),
        ("no fence", []),
    ],
)
def test_fences(text: str, inside: list[str]) -> None:
    assert [text[slice(*block.inside)] for block in fences(text)] == inside


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('say "a b" and “c”', ['"a b"', "“c”"]),
        ("don't say 'it's so' or Ann's", ["'it's so'"]),
        ('run `x = "y"` now', ['`x = "y"`']),
        ('a pipe of 5" and more', ['" and more']),
        ("« oui » und „ja“", ["« oui »", "„ja“"]),
    ],
)
def test_quotes(text: str, found: list[str]) -> None:
    assert [text[slice(*span)] for span in quoted(text)] == found


def test_a_reference_names_one_block_only() -> None:
    seen = Seen()
    one, other = f"One two three four five six seven {LONG}", f"One two three four five six eight {LONG}"
    assert seen.referred(one) == one
    assert seen.referred(other) == other
    assert seen.referred(one) == '[as above: "One two three four five six …"]'
    assert seen.referred(other).startswith('[as above: "One two three four five six eight The sky is')


def test_a_block_among_others_is_replaced() -> None:
    seen = Seen()
    seen.note(f"{LONG}\n\nShort.")
    assert seen.referred(f"New.\n\n{LONG}\n\nShort.") == 'New.\n\n[as above: "The sky is blue and the …"]\n\nShort.'


def test_short_blocks_stay() -> None:
    seen = Seen()
    seen.note("Short and said before.")
    assert seen.referred("Short and said before.") == "Short and said before."
