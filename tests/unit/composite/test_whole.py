"""Which requests can be taken apart, and under which key a part is looked up."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pipeline.cache.semantic.question import question
from pipeline.composite.whole import whole
from pipeline.request.key import content_key
from pipeline.request.model import parse
from pipeline.request.plan import Apart
from tests.unit.composite.support import APART, request, taken

TEXT = "Who is A? Who is B?"


def test_a_part_has_the_key_that_it_has_when_it_is_asked_alone() -> None:
    apart = Apart("partition", False, True)
    found = whole(request(TEXT, system="Be kind.", temperature=0.5, max_tokens=99, stream=True), apart)
    assert not isinstance(found, str)
    asking = found.asking("Who is A?")
    alone = {
        "model": "m",
        "temperature": 0.5,
        "max_tokens": 99,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Who is A?"}],
    }
    parsed = parse("chat/completions", json.dumps(alone).encode())
    assert asking.content_key == content_key(parsed, "t", partition="partition")
    assert asking.question == question(parsed, "t", partition="partition")
    assert asking.text == "Who is A?"


def test_a_part_is_not_compared_by_meaning_where_the_whole_may_not_be() -> None:
    assert taken(TEXT).asking("Who is A?").question is None


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}], "history"),
        ([{"role": "system", "content": "Answer in JSON."}], "instructions"),
        ([{"role": "system", "content": "Answer in one sentence."}], "instructions"),
        ([{"role": "developer", "content": [{"type": "text", "text": "Only answer what you know."}]}], "instructions"),
    ],
)
def test_what_is_said_before_may_rule_it_out(messages: list[dict[str, Any]], reason: str) -> None:
    asked = request(TEXT)
    body = json.loads(asked.body)
    body["messages"] = [*messages, *body["messages"]]
    assert whole(msgspec.structs.replace(asked, body=json.dumps(body).encode()), APART) == reason


@pytest.mark.parametrize("last", [{"role": "user", "content": TEXT, "name": "Ann"}, {"role": "user", "content": None}])
def test_the_question_must_be_a_plain_one(last: dict[str, Any]) -> None:
    body = json.dumps({"model": "m", "messages": [last]}).encode()
    assert whole(msgspec.structs.replace(request(TEXT), body=body), APART) == "last_message"


def test_harmless_instructions_are_carried_along() -> None:
    found = taken(TEXT, system="You are a kind teacher. Answer in French.")
    assert json.loads(found.asking("Who is A?").body)["messages"][0]["content"] == "You are a kind teacher. Answer in French."


def test_a_smaller_cap_takes_the_place_of_the_callers() -> None:
    found = taken(TEXT, max_tokens=100, max_completion_tokens=80)
    assert found.cap == 80
    assert {name: json.loads(found.body("x", 50))[name] for name in ("max_tokens", "max_completion_tokens")} == {
        "max_tokens": 50,
        "max_completion_tokens": 50,
    }
    assert "max_tokens" not in json.loads(taken(TEXT).body("x", 50))
