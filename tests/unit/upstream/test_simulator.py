from __future__ import annotations

import base64
import json
import math
import time
from array import array
from typing import Any

import pytest

from pipeline.errors import Cancelled, DeadlineExceeded, UpstreamError
from pipeline.settings import Settings
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.routes import Upstream
from pipeline.upstream.secret import Secret
from pipeline.upstream.sim.text import WORDS, Dice, sentences
from pipeline.upstream.simulator import Failure, SimSettings, Simulation, Simulator
from pipeline.upstream.tokens import TokenCounter, count_tokens
from pipeline.upstream.transport import Exchange
from tests.unit.upstream.support import words

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 40},
        "age": {"type": "integer", "minimum": 18, "maximum": 20},
        "mood": {"enum": ["good", "bad"]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
        "maybe": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "ok": {"type": ["boolean", "null"]},
        "self": {"$ref": "#"},
        "extra": {"type": "string"},
    },
    "required": ["name", "age", "mood", "tags", "maybe", "ok"],
    "$defs": {"tag": {"const": "t"}},
}


def body(content: str = "hello", **fields: Any) -> bytes:
    return json.dumps({"model": "gpt", "messages": [{"role": "user", "content": content}], **fields}).encode()


def answer(content: str = "hello", settings: SimSettings | None = None, **fields: Any) -> dict[str, Any]:
    simulation = Simulation(settings or SimSettings(), words)
    planned = simulation.chat(body(content, **fields))
    assert not isinstance(planned, Failure), planned
    return dict(json.loads(simulation.completion(planned)))


def text(content: str = "hello", settings: SimSettings | None = None, **fields: Any) -> str:
    return str(answer(content, settings, **fields)["choices"][0]["message"]["content"])


def failed(**fields: Any) -> Failure:
    planned = Simulation(SimSettings(), words).chat(body(**fields))
    assert isinstance(planned, Failure)
    return planned


def exchange(
    sent: bytes, *, endpoint: str = "chat/completions", seconds: float = 30, cancel: CancelToken | None = None
) -> Exchange:
    return Exchange(
        upstream=Upstream(name="simulator"),
        endpoint=endpoint,
        body=sent,
        stream=False,
        key=Secret(),
        deadline=time.monotonic() + seconds,
        cancel=cancel or CancelToken(),
    )


def test_the_same_question_gets_the_same_answer_whoever_asks_and_however_it_is_sent() -> None:
    assert text() == text(stream=True, stream_options={"include_usage": True}, user="u", metadata={"a": "b"})


def test_another_question_model_or_seed_gets_another_answer() -> None:
    assert len({text(), text("bye"), text(temperature=0.5), text(settings=SimSettings(seed=1))}) == 4


def test_the_model_name_says_that_it_is_simulated() -> None:
    assert answer()["model"] == "leo-simulator/gpt"


def test_a_text_of_so_many_pieces_has_so_many_real_tokens() -> None:
    for start in range(0, len(WORDS), 10):
        assert count_tokens("".join(f" {word}" for word in WORDS[start : start + 10])) == len(WORDS[start : start + 10])
    for tokens in (1, 11, 12, 160):
        assert count_tokens("".join(sentences(Dice(b"x"), tokens))) == tokens


def test_the_vocabulary_is_loaded_by_the_first_count_only() -> None:
    counter = TokenCounter()
    assert counter.count("") == 0
    assert not counter.loaded
    assert counter.count("hello <|endoftext|>") > 2
    assert counter.loaded


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_bounded_answer_ends_for_its_length(name: str) -> None:
    simulation = Simulation(SimSettings())
    planned = simulation.chat(body("[[sim: tokens=50]]", **{name: 5}))
    assert not isinstance(planned, Failure)
    assert planned.usage.completion_tokens == 5
    assert planned.choices[0].finish_reason == "length"
    assert planned.usage.prompt_tokens > 3


def test_a_stop_sequence_ends_the_answer_before_itself() -> None:
    whole = text("[[sim: tokens=60]]")
    assert "." in whole
    stopped = answer("[[sim: tokens=60]]", stop=["."])["choices"][0]
    assert "." not in stopped["message"]["content"]
    assert stopped["finish_reason"] == "stop"


def test_n_choices_differ() -> None:
    choices = answer(n=3)["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in choices}) == 3


def test_a_forced_tool_is_called_with_its_required_arguments() -> None:
    tool = {"type": "function", "function": {"name": "save", "parameters": PERSON}}
    for choice in ("required", {"type": "function", "function": {"name": "save"}}):
        chosen = answer(tools=[tool], tool_choice=choice)["choices"][0]
        assert chosen["finish_reason"] == "tool_calls"
        call = chosen["message"]["tool_calls"][0]
        assert call["function"]["name"] == "save"
        assert set(json.loads(call["function"]["arguments"])) == set(PERSON["required"])
    assert answer(tools=[tool], tool_choice="auto")["choices"][0]["finish_reason"] == "stop"


def test_json_is_answered_where_json_is_asked_for() -> None:
    assert isinstance(json.loads(text(response_format={"type": "json_object"})), dict)
    person = json.loads(text(response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}}))
    assert len(person["name"]) >= 40
    assert 18 <= person["age"] <= 20
    assert person["mood"] in ("good", "bad")
    assert person["tags"] == ["t", "t"]
    assert isinstance(person["ok"], bool)


@pytest.mark.parametrize(
    "fields",
    [{"messages": []}, {"messages": "x"}, {"messages": [3]}, {"n": 0}, {"n": 1000}, {"max_tokens": 0}, {"max_tokens": "x"},
     {"tools": [3], "tool_choice": "required"}, {"tools": [], "tool_choice": {"type": "function", "function": {"name": "x"}}}],
)  # fmt: skip
def test_a_body_that_cannot_be_answered_is_a_400(fields: dict[str, Any]) -> None:
    refused = failed(**fields)
    assert refused.status == 400
    assert json.loads(refused.body)["error"]["type"] == "invalid_request_error"


def test_a_directive_overrides_this_call() -> None:
    assert len(text("[[sim: tokens=7 latency_ms=x nonsense=1]]").split()) == 7
    planned = Simulation(SimSettings(retry_after=1), words).chat(body("[[sim: status=429 retry_after=2]]"))
    assert isinstance(planned, Failure)
    assert (planned.status, planned.headers) == (429, {"retry-after": "2"})


def test_only_the_last_user_message_gives_orders() -> None:
    history = [{"role": "user", "content": "[[sim: status=500]]"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert not isinstance(Simulation(SimSettings(), words).chat(body(messages=history)), Failure)


def test_failures_are_repeatable_and_about_as_frequent_as_asked() -> None:
    def failures() -> list[bool]:
        simulation = Simulation(SimSettings(error_rate=0.3, seed=7), words)
        return [isinstance(simulation.chat(body()), Failure) for _ in range(200)]

    assert failures() == failures()
    assert 30 < sum(failures()) < 90


def test_the_next_calls_fail_when_told_to() -> None:
    simulation = Simulation(SimSettings(fail_next=2, error_status=500), words)
    assert [isinstance(simulation.chat(body()), Failure) for _ in range(3)] == [True, True, False]
    assert simulation.calls == 3


def test_settings_of_the_gateway_are_taken_over() -> None:
    settings = SimSettings.of(Settings(sim_latency_ms=1, sim_token_ms=2, sim_error_rate=0.5, sim_error_status=500, sim_seed=3))
    assert settings == SimSettings(1, 2, 0.5, 500, 3)


def embedded(sent: dict[str, Any]) -> dict[str, Any]:
    given = Simulation(SimSettings(), words).embeddings(json.dumps(sent).encode())
    assert isinstance(given, bytes), given
    return dict(json.loads(given))


def test_embeddings_are_unit_vectors_that_depend_on_their_input() -> None:
    told = embedded({"model": "e", "input": ["one two", "three"], "dimensions": 64})
    first, second = (row["embedding"] for row in told["data"])
    assert math.isclose(sum(x * x for x in first), 1.0, rel_tol=1e-4)
    assert first != second
    assert first == embedded({"model": "e", "input": "one two", "dimensions": 64})["data"][0]["embedding"]
    assert told["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_embeddings_in_base64_are_the_same_numbers() -> None:
    plain = embedded({"input": [1, 2, 3]})["data"][0]["embedding"]
    coded = embedded({"input": [[1, 2, 3]], "encoding_format": "base64"})["data"][0]["embedding"]
    assert array("f", base64.b64decode(coded)).tolist() == plain
    assert len(plain) == 1536


@pytest.mark.parametrize(
    "sent", [{}, {"input": ""}, {"input": []}, {"input": [""]}, {"input": 3}, {"input": "x", "dimensions": 0}]
)
def test_embeddings_of_nothing_are_a_400(sent: dict[str, Any]) -> None:
    given = Simulation(SimSettings(), words).embeddings(json.dumps(sent).encode())
    assert isinstance(given, Failure)
    assert given.status == 400


def test_the_upstream_in_process_streams_the_pieces_of_the_whole_answer() -> None:
    simulator = Simulator(count=words)
    with simulator.post(exchange(body(stream=True, stream_options={"include_usage": True}))) as reply:
        payloads = [json.loads(payload) for batch in reply.payloads() for payload in batch]
        assert reply.done
    said = "".join(p["choices"][0]["delta"].get("content") or "" for p in payloads if p["choices"])
    assert said == text()
    assert [p["usage"] for p in payloads[:-1]] == [None] * (len(payloads) - 1)
    assert payloads[-1]["choices"] == []
    assert payloads[-1]["usage"] == answer()["usage"]
    assert simulator.calls == 1


def test_usage_is_not_streamed_to_those_who_did_not_ask() -> None:
    with Simulator(count=words).post(exchange(body(stream=True))) as reply:
        assert not [payload for batch in reply.payloads() for payload in batch if b'"usage"' in payload]


def test_a_dropped_stream_breaks_after_so_many_chunks() -> None:
    batches: list[list[bytes]] = []
    with Simulator(count=words).post(exchange(body("[[sim: drop_after=3]]", stream=True))) as reply:
        with pytest.raises(UpstreamError, match="broke off"):
            batches.extend(reply.payloads())
        assert not reply.done
    assert sum(map(len, batches)) == 3


def test_its_delay_ends_when_cancelled_or_out_of_time() -> None:
    simulator = Simulator(SimSettings(latency_ms=3_600_000), count=words)
    cancel = CancelToken()
    cancel.cancel("gone")
    with pytest.raises(Cancelled), simulator.post(exchange(body(), cancel=cancel)):
        pass
    with pytest.raises(DeadlineExceeded), simulator.post(exchange(body(), seconds=0.01)):
        pass
    with pytest.raises(DeadlineExceeded), simulator.post(exchange(b'{"input":"x"}', endpoint="embeddings", seconds=0.01)):
        pass


def test_its_errors_are_replies_like_any_other() -> None:
    with Simulator(SimSettings(fail_next=1), count=words).post(exchange(body())) as reply:
        assert (reply.status, json.loads(reply.read())["error"]["code"]) == (503, "simulated_error")
