"""The official Python client, pointed at the gateway by nothing but its base URL and key."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.e2e.conftest import MAX_BODY, Question
from tests.support.gateway import KEY, GatewayProcesses, SimulatedUpstream

MODEL = "sim-model"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Verdict(BaseModel):
    city: str
    degrees: int
    sunny: bool


@pytest.fixture(scope="module")
def client(gateway: GatewayProcesses) -> Iterator[OpenAI]:
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def direct(upstream: SimulatedUpstream) -> Iterator[OpenAI]:
    """The same client without a gateway between."""
    with OpenAI(base_url=upstream.base_url, api_key="any", max_retries=0) as made:
        yield made


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def streamed(client: OpenAI, text: str, **more: object) -> tuple[str, str, object]:
    """The text, id and last usage of a streamed answer."""
    pieces, usage, ids = [], None, set()
    for chunk in client.chat.completions.create(model=MODEL, messages=user(text), stream=True, **more):
        ids.add(chunk.id)
        pieces += [choice.delta.content or "" for choice in chunk.choices]
        usage = chunk.usage or usage
    assert len(ids) == 1
    return "".join(pieces), ids.pop(), usage


# --- answers ---


def test_a_whole_answer_is_the_upstreams(client: OpenAI, direct: OpenAI, question: Question) -> None:
    text = question()
    given = client.chat.completions.create(model=MODEL, messages=user(text))
    wanted = direct.chat.completions.create(model=MODEL, messages=user(text))
    assert given.choices == wanted.choices
    assert given.usage == wanted.usage
    assert (given.object, given.model) == (wanted.object, wanted.model)


def test_a_streamed_answer_is_the_upstreams(client: OpenAI, direct: OpenAI, question: Question) -> None:
    text = question()
    assert streamed(client, text)[0] == streamed(direct, text)[0] != ""


def test_a_stream_has_no_usage_unless_it_was_asked_for(client: OpenAI, question: Question) -> None:
    assert streamed(client, question())[2] is None


def test_a_stream_with_include_usage_ends_with_the_true_usage(client: OpenAI, direct: OpenAI, question: Question) -> None:
    text = question()
    usage = streamed(client, text, stream_options={"include_usage": True})[2]
    assert usage == direct.chat.completions.create(model=MODEL, messages=user(text)).usage


def test_the_stream_helper_reads_a_stream(client: OpenAI, question: Question) -> None:
    with client.chat.completions.stream(model=MODEL, messages=user(question())) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].finish_reason == "stop"


def test_a_tool_is_called(client: OpenAI, question: Question) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=user(question()), tools=[WEATHER], tool_choice="required")
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.name == "get_weather"
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_tool_is_called_in_a_stream(client: OpenAI, question: Question) -> None:
    text = question()
    asked = {"model": MODEL, "messages": user(text), "tools": [WEATHER], "tool_choice": "required"}
    for _ in ("miss", "hit"):
        with client.chat.completions.stream(**asked) as stream:
            stream.until_done()
            final = stream.get_final_completion().choices[0].message
        whole = client.chat.completions.create(**asked).choices[0].message
        assert final.tool_calls[0].function.arguments == whole.tool_calls[0].function.arguments
        assert final.tool_calls[0].id == whole.tool_calls[0].id


def test_several_choices_come_whole_and_streamed(client: OpenAI, question: Question) -> None:
    text = question()
    whole = [c.message.content for c in client.chat.completions.create(model=MODEL, messages=user(text), n=2).choices]
    assert len(set(whole)) == 2
    pieces: dict[int, str] = {0: "", 1: ""}
    for chunk in client.chat.completions.create(model=MODEL, messages=user(text), n=2, stream=True):
        for choice in chunk.choices:
            pieces[choice.index] += choice.delta.content or ""
    assert list(pieces.values()) == whole


def test_an_image_in_a_message_reaches_the_upstream(
    client: OpenAI, direct: OpenAI, question: Question, upstream: SimulatedUpstream
) -> None:
    parts = [{"type": "text", "text": question()}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    given = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
    assert PIXEL in base64.b64decode(upstream.last()[-1]["body"]).decode()
    assert given.choices == direct.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}]).choices


def test_a_json_schema_is_kept_to(client: OpenAI, question: Question) -> None:
    schema = {"name": "verdict", "strict": True, "schema": {**Verdict.model_json_schema(), "additionalProperties": False}}
    answer = client.chat.completions.create(
        model=MODEL, messages=user(question()), response_format={"type": "json_schema", "json_schema": schema}
    )
    Verdict.model_validate_json(answer.choices[0].message.content or "")


def test_parse_gives_a_model(client: OpenAI, question: Question) -> None:
    text = question()
    for _ in ("miss", "hit"):
        answer = client.chat.completions.parse(model=MODEL, messages=user(text), response_format=Verdict)
        assert isinstance(answer.choices[0].message.parsed, Verdict)


def test_embeddings_are_the_upstreams_in_both_encodings(client: OpenAI, direct: OpenAI, question: Question) -> None:
    texts = [question(), question()]
    for form in ("float", "base64"):
        given = client.embeddings.create(model=MODEL, input=texts, encoding_format=form, dimensions=8)
        wanted = direct.embeddings.create(model=MODEL, input=texts, encoding_format=form, dimensions=8)
        assert given.data == wanted.data
        assert given.usage == wanted.usage
    assert len(base64.b64decode(str(given.data[0].embedding))) == struct.calcsize("<8f")


def test_the_default_encoding_of_embeddings_works_and_repeats(client: OpenAI, question: Question) -> None:
    text = question()
    first = client.embeddings.with_raw_response.create(model=MODEL, input=text)
    again = client.embeddings.with_raw_response.create(model=MODEL, input=text)
    assert (first.headers["X-LEO-Cache"], again.headers["X-LEO-Cache"]) == ("miss", "exact")
    assert first.parse().data == again.parse().data


def test_embeddings_that_ask_for_a_stream_come_whole(client: OpenAI, question: Question) -> None:
    answer = client.embeddings.create(model=MODEL, input=question(), dimensions=8, extra_body={"stream": True})
    assert len(answer.data[0].embedding) == 8


def test_models_are_listed_and_retrieved(client: OpenAI, direct: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert set(names) >= {model.id for model in direct.models.list()}
    assert client.models.retrieve(names[0]).id == names[0]


def test_the_asynchronous_client_works_many_at_once(gateway: GatewayProcesses, direct: OpenAI, question: Question) -> None:
    texts = [question() for _ in range(20)]

    async def one(client: AsyncOpenAI, text: str) -> str | None:
        return (await client.chat.completions.create(model=MODEL, messages=user(text))).choices[0].message.content

    async def stream(client: AsyncOpenAI, text: str) -> str:
        chunks = await client.chat.completions.create(model=MODEL, messages=user(text), stream=True)
        return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices])

    async def everything() -> tuple[list[str | None], list[str]]:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:
            whole = await asyncio.gather(*(one(client, text) for text in texts))
            return whole, await asyncio.gather(*(stream(client, text) for text in texts))

    whole, streams = asyncio.run(everything())
    wanted = [direct.chat.completions.create(model=MODEL, messages=user(text)).choices[0].message.content for text in texts]
    assert whole == streams == wanted


# --- the cache, seen through the client ---


def test_a_repeated_request_is_a_hit_with_a_fresh_id_and_the_same_content(
    client: OpenAI, question: Question, upstream: SimulatedUpstream
) -> None:
    text, calls = question(), upstream.stats()["calls"]
    first = client.chat.completions.with_raw_response.create(model=MODEL, messages=user(text))
    again = client.chat.completions.with_raw_response.create(model=MODEL, messages=user(text))
    assert (first.headers["X-LEO-Cache"], again.headers["X-LEO-Cache"]) == ("miss", "exact")
    assert again.headers["X-LEO-Route"] == "CACHE"
    one, two = first.parse(), again.parse()
    assert one.id != two.id
    assert (one.choices, one.usage, one.model) == (two.choices, two.usage, two.model)
    assert upstream.stats()["calls"] == calls + 1


@pytest.mark.parametrize("first", ["whole", "stream"])
@pytest.mark.parametrize("second", ["whole", "stream"])
def test_a_hit_has_the_content_of_the_miss_in_every_form(client: OpenAI, question: Question, first: str, second: str) -> None:
    text, told = question(), []
    for form in (first, second):
        if form == "whole":
            raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=user(text))
            answer = raw.parse()
            told.append((raw.headers["X-LEO-Cache"], answer.choices[0].message.content, answer.usage, answer.id))
        else:
            with client.chat.completions.with_streaming_response.create(
                model=MODEL, messages=user(text), stream=True, stream_options={"include_usage": True}
            ) as raw:
                cache = raw.headers["X-LEO-Cache"]
                chunks = list(raw.parse())
            words = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
            told.append((cache, words, chunks[-1].usage, chunks[0].id))
    miss, hit = told
    assert (miss[0], hit[0]) == ("miss", "exact")
    assert miss[1:3] == hit[1:3]
    assert miss[3] != hit[3]


def test_the_completion_says_what_was_done_for_it(client: OpenAI, question: Question) -> None:
    text = question()
    client.chat.completions.create(model=MODEL, messages=user(text))
    metrics = client.chat.completions.create(model=MODEL, messages=user(text)).optimization_metrics
    assert metrics["cache_hit"] is True
    assert metrics["tokens_saved"] > 0


def test_the_request_id_is_the_gateways(client: OpenAI, question: Question) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=user(question()))
    assert raw.parse()._request_id == raw.headers["X-LEO-Request-ID"]
    assert raw.request_id == raw.headers["x-request-id"]


def test_a_providers_key_beside_a_gateway_key_is_ignored(
    gateway: GatewayProcesses, question: Question, upstream: SimulatedUpstream
) -> None:
    with OpenAI(base_url=gateway.base_url, api_key="sk-provider-key", default_headers={"X-API-Key": KEY}, max_retries=0) as both:
        both.chat.completions.create(model=MODEL, messages=user(question()))
    assert upstream.last()[-1]["headers"]["authorization"] == "Bearer upstream-secret-key"
    assert "sk-provider-key" not in gateway.log


# --- errors ---


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (502, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_an_upstreams_error_is_the_clients_own_exception(
    client: OpenAI, question: Question, status: int, kind: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=MODEL, messages=user(question(status=status)), stream=stream)
    assert caught.value.status_code == status
    assert caught.value.code == "simulated_error"
    assert caught.value.request_id


def test_an_upstreams_wish_to_wait_is_passed_on(client: OpenAI, question: Question) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=MODEL, messages=user(question(status=429, retry_after=7)))
    assert caught.value.response.headers["Retry-After"] == "7"


def test_the_client_retries_by_itself_what_may_succeed(
    gateway: GatewayProcesses, question: Question, upstream: SimulatedUpstream
) -> None:
    calls = upstream.stats()["calls"]
    with (
        OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=2) as patient,
        pytest.raises(openai.RateLimitError),
    ):
        patient.chat.completions.create(model=MODEL, messages=user(question(status=429, retry_after=0)))
    assert upstream.stats()["calls"] == calls + 3


def test_a_wrong_key_is_an_authentication_error(gateway: GatewayProcesses, question: Question) -> None:
    with (
        OpenAI(base_url=gateway.base_url, api_key="sk-nonsense", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        stranger.chat.completions.create(model=MODEL, messages=user(question()))
    assert caught.value.code == "invalid_api_key"
    assert "sk-nonsense" not in str(caught.value)


def test_a_bad_parameter_is_a_bad_request_that_names_it(client: OpenAI, question: Question) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=user(question()), temperature="hot")
    assert caught.value.param == "temperature"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("vendor/unknown")
    assert caught.value.code == "model_not_found"


def test_an_idempotency_key_with_another_body_is_a_conflict_that_is_not_retried(
    gateway: GatewayProcesses, question: Question
) -> None:
    key, text = question(), question()
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=2) as client:
        create, headers = client.chat.completions.with_raw_response.create, {"Idempotency-Key": key}
        first = create(model=MODEL, messages=user(text), extra_headers=headers)
        again = create(model=MODEL, messages=user(text), extra_headers=headers)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.parse().choices == first.parse().choices
        with pytest.raises(openai.ConflictError) as caught:
            create(model=MODEL, messages=user(question()), extra_headers=headers)
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_body_over_the_limit_is_refused_with_413(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=MODEL, messages=user("x" * (MAX_BODY + 1)))
    assert caught.value.status_code == 413
    assert caught.value.code == "request_too_large"


def test_a_stream_that_breaks_off_is_an_error_and_not_a_short_answer(client: OpenAI, question: Question) -> None:
    # Whether the client has seen a chunk by then is for the timing to say: both ways it must be an APIError.
    with pytest.raises(openai.APIError) as caught:
        streamed(client, question(tokens=50, token_ms=20, drop_after=5))
    assert caught.value.code == "interrupted"
