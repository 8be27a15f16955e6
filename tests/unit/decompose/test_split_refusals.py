"""Single tasks that look like several, and input that nobody should send."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decompose.plan import MOST_PARTS, Plan, levels
from pipeline.decompose.split import MOST_CHARACTERS, plan
from tests.unit.decompose.planning import parts

EXAMPLES = Path(__file__).parents[3] / "bench" / "less"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Write a story about a dog and a cat. Make it funny.", "artefact"),
        ("What is recursion? Give me an example.", "refers_back"),
        ("Suggest a good book. Then tell me why you chose it.", "refers_back"),
        ("How do black holes form? What are the main consequences?", "refers_back"),
        ("How do I bake bread? What temperature should the oven have?", "refers_back"),
        ("What does HTTP 404 mean? What about 503?", "refers_back"),
        ("What is Oslo? Which is bigger?", "refers_back"),
        ("What would happen if the moon vanished? Would tides stop?", "scope"),
        ("Tom has 12 apples and gives 4 away. How many apples are left? Who has them?", "context"),
        ("You are a pirate. What is your ship called, and where are we sailing?", "role"),
        ("def add(a, b):\n    return a - b\nWhat does it do? Why is it wrong?", "code"),
        ("Translate to German: Where is the station? How much is a ticket?", "text"),
        ("Solve 3x + 5 = 20 and explain your reasoning. What is x?", "reasoning"),
        ("Sentence: I am tired.\nWhat is the verb? What is the subject?", "form"),
        ("How are you? What is the capital of Peru?", "chat"),
        ("What is a bond? What is a stock? Answer both in one table.", "whole_answer"),
        ("¿Cuál es la capital de Perú? ¿Quién pintó el Guernica?", "context"),
        ("什么是通货膨胀？什么是国内生产总值？谁写了红楼梦？", "language"),
        ("ما هي عاصمة فرنسا؟ وما هي عملة اليابان؟", "language"),
        ("How do I install Docker on Ubuntu and run a container?", "single"),
        ("", "short"),
        ("What is x? " * 400, "too_long"),
    ],
)
def test_one_task_is_left_alone_for_a_reason(text: str, reason: str) -> None:
    assert plan(text) == reason


@pytest.mark.parametrize("name", ["decomposition.jsonl", "decomposition-heldout.jsonl"])
def test_the_written_examples_that_are_one_task_are_never_split(name: str) -> None:
    rows = [json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]
    wrong = [row["text"] for row in rows if row["want"] == "one" and isinstance(plan(row["text"]), Plan)]
    assert len(rows) > 80
    assert wrong == []


@pytest.mark.parametrize("name", ["decomposition.jsonl", "decomposition-heldout.jsonl"])
def test_nearly_all_written_examples_of_several_questions_are_split(name: str) -> None:
    rows = [json.loads(line) for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["want"] == "split"]
    right = sum(len(parts(row["text"])) == len(row["parts"]) for row in rows)
    assert right >= 0.95 * len(rows)


UNITS = st.sampled_from(
    [
        "a",
        " ",
        "(",
        "[",
        "{",
        '"',
        "'",
        "“",
        "?",
        "? ",
        ". ",
        "\n",
        "-",
        "- a\n",
        "1. ",
        "and ",
        "what is ",
        "the ",
        "A and B ",
        "or ",
        "than ",
        "compare A and ",
        ", what is b",
        "please ",
        "if ",
        "both ",
        "\ud800",
        "é",
        "日本",
        "مرحبا ",
        "it is ",
        "5%",
        "#1 ",
        "a: ",
    ]
)


@given(st.lists(UNITS, max_size=200).map("".join) | st.text(max_size=300))
def test_any_text_is_planned_or_refused(text: str) -> None:
    found = plan(text)
    if isinstance(found, str):
        assert found.isidentifier()
        return
    assert 2 <= len(found.parts) <= MOST_PARTS
    assert all(part.text.strip() for part in found.parts)
    assert sum(map(len, levels(found))) == len(found.parts)


@pytest.mark.parametrize(
    "unit", ["a", " ", "(", "-", "_", "please ", "1. a\n", "what is a and ", "A and B both ", '"', "it is ", "A, "]
)
def test_a_text_of_one_thing_repeated_is_bounded(unit: str) -> None:
    for length in (MOST_CHARACTERS - 20, 500_000):
        assert isinstance(plan((unit * (length // len(unit))) + " what is b?"), str | Plan)


def test_unpaired_surrogates_go_through() -> None:
    assert parts("What is \ud800 called in Unicode? How tall is Mount Everest?") == [
        "What is \ud800 called in Unicode?",
        "How tall is Mount Everest?",
    ]
