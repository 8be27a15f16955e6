"""Courtesies around a question are left out; what is asked never is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.guards.courtesy import bare


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("please tell me the capital of Finland, thank you", "the capital of Finland"),
        ("Could you please tell me what the capital of Kenya is please?", "what the capital of Kenya is?"),
        ("tell me which city is the capital of Norway please", "which city is the capital of Norway"),
        ("Hi there, can you explain recursion? Thanks a lot!", "explain recursion!"),
        ("Do you know why the sky is blue?", "why the sky is blue?"),
        ("I'd like to know how bees make honey. Thanks in advance.", "how bees make honey."),
        ("I was wondering if eggs float", "if eggs float"),
        ("Quick question: how long does rice keep", "how long does rice keep"),
        ("Can you help me? My oven is cold.", "My oven is cold."),
        ("PLEASE TRANSLATE 'THANK YOU' INTO FRENCH", "TRANSLATE 'THANK YOU' INTO FRENCH"),
    ],
)
def test_courtesies_are_left_out(text: str, asked: str) -> None:
    assert bare(text) == asked


@pytest.mark.parametrize(
    "text",
    [
        "Can you freeze cheese?",
        "Could you run a car on vodka?",
        "What is a polite way to say thank you?",
        "How do you say please",
        "tell me a joke about cats",
        "Do you know Kung Fu?",
        "I want to learn Spanish in six months",
        "Thanks!",
        "please",
        "Would you rather fly or be invisible?",
        "Hello world in C",
        "Ok Google does not hear me",
    ],
)
def test_what_is_asked_stays(text: str) -> None:
    assert bare(text) == text


@given(st.text(max_size=100))
def test_it_is_done_once_and_for_all(text: str) -> None:
    assert bare(bare(text)) == bare(text)
    assert text.endswith(bare(text).rstrip("?.! ")) or bare(text).rstrip("?.! ") in text


def test_near_misses_are_no_nearer_for_it() -> None:
    """Of the written groups, no base becomes equal to its near misses."""
    folder = Path(__file__).parents[3] / "bench" / "verifier" / "pairs"
    groups = [json.loads(line) for path in sorted(folder.glob("groups-*.jsonl")) for line in path.read_text().splitlines()]
    equal = [
        (group["base"], other)
        for group in groups
        for _, other in group["other"]
        if bare(group["base"]).casefold().rstrip("?.! ") == bare(other).casefold().rstrip("?.! ")
        and group["base"].casefold().rstrip("?.! ") != other.casefold().rstrip("?.! ")
    ]
    assert equal == []
