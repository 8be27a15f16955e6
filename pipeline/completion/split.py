"""From a completion object to the chunks of a stream, for callers who want a stored answer streamed."""

from __future__ import annotations

from typing import Any

import msgspec


def split(completion: dict[str, Any], *, include_usage: bool) -> list[bytes]:
    """The JSON payloads of a stream that says what the completion says.

    For each choice a chunk with the role, one with the content, one with the finish reason; then, if
    asked for, the usage chunk, which has no choices (all others then carry `"usage": null`).
    """
    head = {k: v for k, v in completion.items() if k not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    tail: dict[str, Any] = {"usage": None} if include_usage else {}
    chunks = [{**head, "choices": [piece], **tail} for choice in completion.get("choices") or [] for piece in _pieces(choice)]
    if include_usage and completion.get("usage") is not None:
        chunks.append({**head, "choices": [], "usage": completion["usage"]})
    return [msgspec.json.encode(chunk) for chunk in chunks]


def _pieces(choice: dict[str, Any]) -> list[dict[str, Any]]:
    index = choice.get("index", 0)
    message = dict(choice.get("message") or {})
    rest = {k: v for k, v in choice.items() if k not in ("index", "message", "finish_reason", "logprobs")}
    role = {"role": message.pop("role", "assistant")}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [{"index": i, **call} if isinstance(call, dict) else call for i, call in enumerate(calls)]
    return [
        {"index": index, "delta": role, "logprobs": None, "finish_reason": None},
        {"index": index, "delta": message, "logprobs": choice.get("logprobs"), "finish_reason": None},
        {"index": index, "delta": {}, "logprobs": None, "finish_reason": choice.get("finish_reason"), **rest},
    ]
