"""The policy for answers: limits only where they are lower, an instruction at a place that stays."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.optimise.output import CONCISE, OutputPolicy, restrained

BRIEF = OutputPolicy(concise=CONCISE)
USER = {"role": "user", "content": "Hi"}


def test_off_it_is_the_very_same_object() -> None:
    body = {"messages": [USER]}
    assert restrained(body, OutputPolicy()) is body


@pytest.mark.parametrize(
    ("given_", "sent"),
    [
        ({}, {"max_tokens": 100}),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "low", "max_completion_tokens": 100}),
        ({"max_tokens": 500}, {"max_tokens": 100}),
        ({"max_tokens": 50}, {"max_tokens": 50}),
        ({"max_completion_tokens": 500}, {"max_completion_tokens": 100}),
        ({"max_completion_tokens": 500, "max_tokens": 20}, {"max_completion_tokens": 100, "max_tokens": 20}),
        ({"max_tokens": None}, {"max_tokens": 100}),
    ],
)
def test_a_limit_is_only_lowered(given_: dict[str, Any], sent: dict[str, Any]) -> None:
    body = {"messages": [USER], **given_}
    assert restrained(body, OutputPolicy(max_tokens=100)) == {"messages": [USER], **sent}
    assert body == {"messages": [USER], **given_}


def test_a_limit_that_is_low_enough_is_the_very_same_object() -> None:
    body = {"messages": [USER], "max_tokens": 5}
    assert restrained(body, OutputPolicy(max_tokens=100)) is body


@pytest.mark.parametrize(
    ("messages", "leading"),
    [
        ([USER], [{"role": "system", "content": CONCISE}]),
        ([{"role": "system", "content": "Be kind."}, USER], [{"role": "system", "content": f"Be kind.\n\n{CONCISE}"}]),
        ([{"role": "developer", "content": ""}, USER], [{"role": "developer", "content": CONCISE}]),
        (
            [{"role": "system", "content": [{"type": "text", "text": "x"}]}, USER],
            [{"role": "system", "content": [{"type": "text", "text": "x"}]}, {"role": "system", "content": CONCISE}],
        ),
    ],
)
def test_the_instruction_ends_the_system_messages(messages: list[Any], leading: list[Any]) -> None:
    body = {"messages": messages}
    found = restrained(body, BRIEF)["messages"]
    assert found == [*leading, USER]
    assert body == {"messages": messages}
    longer = restrained({"messages": [*messages, {"role": "assistant", "content": "a"}, USER]}, BRIEF)["messages"]
    assert longer[: len(found)] == found


@pytest.mark.parametrize(
    "messages", [[USER], [{"role": "system", "content": "Be kind."}, USER], [{"role": "system", "content": [{}]}]]
)
def test_it_is_said_once(messages: list[Any]) -> None:
    once = restrained({"messages": messages}, BRIEF)
    assert restrained(once, BRIEF) is once
