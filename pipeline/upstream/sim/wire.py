"""A planned answer as OpenAI sends it: one JSON object, or chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pipeline.upstream.sim import embed
from pipeline.upstream.sim.plan import BadBodyError, Choice, Count, SimulatedAnswer, parse
from pipeline.upstream.types import Usage

FINGERPRINT = "fp_leo_simulator"
ERROR_TYPES = {429: "rate_limit_error", 401: "authentication_error", 403: "permission_error"}


def usage_fields(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": 0},
    }


def completion(answer: SimulatedAnswer, created: int) -> bytes:
    """The whole answer as one chat.completion. `created` is in unix seconds."""
    choices = [
        {"index": index, "message": _message(choice), "logprobs": None, "finish_reason": choice.finish_reason}
        for index, choice in enumerate(answer.choices)
    ]
    return msgspec.json.encode(
        {**_head(answer, created, "chat.completion"), "choices": choices, "usage": usage_fields(answer.usage)}
    )


def chunks(answer: SimulatedAnswer, created: int) -> Iterator[tuple[bool, bytes]]:
    """Every chunk as (is a token, JSON), in the order and with the usage rules of OpenAI's streams."""
    head = _head(answer, created, "chat.completion.chunk")
    usage = {"usage": None} if answer.include_usage else {}

    def chunk(index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return msgspec.json.encode({**head, "choices": [choice], **usage})

    for index, choice in enumerate(answer.choices):
        yield False, chunk(index, _opening(choice))
        for piece in choice.pieces:
            yield True, chunk(index, {"content": piece})
        for piece in choice.tool_call.arguments if choice.tool_call else ():
            yield True, chunk(index, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        yield False, chunk(index, {}, choice.finish_reason)
    if answer.include_usage:
        yield False, msgspec.json.encode({**head, "choices": [], "usage": usage_fields(answer.usage)})


def error(status: int, message: str, *, param: str | None = None, code: str = "simulated_error") -> bytes:
    kind = ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def embeddings(body: bytes, *, seed: int, count: Count) -> bytes:
    """The answer to an embeddings body. Raises BadBodyError."""
    asked = parse(body)
    try:
        inputs, dimensions = embed.inputs_of(asked), embed.dimensions_of(asked)
    except ValueError as problem:
        raise BadBodyError(str(problem), "input") from None
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(item, dimensions, seed, asked.get("encoding_format"))}
        for index, item in enumerate(inputs)
    ]
    tokens = sum(embed.tokens_of(item, count) for item in inputs)
    head = {"object": "list", "data": data, "model": f"leo-simulator/{asked.get('model', '')}"}
    return msgspec.json.encode({**head, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})


def models(names: list[str], now: Callable[[], float]) -> bytes:
    data = [{"id": name, "object": "model", "created": int(now()), "owned_by": "leo-simulator"} for name in names]
    return msgspec.json.encode({"object": "list", "data": data})


def _vector(item: Any, dimensions: int, seed: int, encoding_format: Any) -> str | list[float]:
    return embed.rendered(embed.unit_vector(item, dimensions, seed), encoding_format)


def _head(answer: SimulatedAnswer, created: int, kind: str) -> dict[str, Any]:
    head = {"id": answer.id, "object": kind, "created": created, "model": answer.model}
    return {**head, "service_tier": "default", "system_fingerprint": FINGERPRINT}


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(choice.pieces), "refusal": None, "annotations": []}
    if choice.tool_call is not None:
        function = {"name": choice.tool_call.name, "arguments": "".join(choice.tool_call.arguments)}
        message["content"] = None
        message["tool_calls"] = [{"id": choice.tool_call.id, "type": "function", "function": function}]
    return message


def _opening(choice: Choice) -> dict[str, Any]:
    """The first delta of a choice: the role, and for a tool call its name."""
    if choice.tool_call is None:
        return {"role": "assistant", "content": "", "refusal": None}
    function = {"name": choice.tool_call.name, "arguments": ""}
    call = {"index": 0, "id": choice.tool_call.id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}
