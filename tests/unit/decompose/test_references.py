"""Whether a part leans on what stands outside it."""

from __future__ import annotations

import pytest

from pipeline.decompose.references import points_out

BEFORE = ("How do I bake bread in my flat?",)


@pytest.mark.parametrize(
    "text",
    [
        "How does it differ from a VM?",
        "What is the best way to cook it?",
        "Who composed its music?",
        "Why did they do that?",
        "Based on that, what is x?",
        "Which one is better?",
        "What else can I do?",
        "What are the main benefits?",
        "How many people live there?",
        "How do you measure each?",
        "Can you teach me?",
        "What is the minimum requirement?",
        "Is the dough safe?",
        "What are the potential implications for the spread of lies?",
    ],
)
def test_it_points_out(text: str) -> None:
    assert points_out(text, BEFORE)


@pytest.mark.parametrize(
    "text",
    [
        "How do I unlock my phone if it is locked?",
        "Is it safe to eat raw eggs?",
        "How long does it take to fly to Rome?",
        "What time is it in Tokyo?",
        "How does a cat clean its fur?",
        "What are the benefits of yoga?",
        "Is there a bank in Leeds?",
        "What happened this year in France?",
        "How big is the sun?",
        "What is the price of gold?",
        "How can a man keep himself warm?",
    ],
)
def test_it_stands_alone(text: str) -> None:
    assert not points_out(text, BEFORE)
