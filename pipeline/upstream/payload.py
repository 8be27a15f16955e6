"""Looking into what an upstream sent without taking it apart: usage, the end, an error."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from pipeline.upstream.types import Usage

Count = Annotated[int, msgspec.Meta(ge=0)]


class _PromptDetails(msgspec.Struct):
    cached_tokens: Count | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Count
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Fields(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    choices: msgspec.Raw = msgspec.Raw()


class _Choice(msgspec.Struct):
    finish_reason: str | None = None


class Peek(msgspec.Struct, frozen=True):
    """What matters of one JSON payload. `error` is the JSON text of its top-level `error`, or empty."""

    usage: Usage | None = None
    finished: bool = False
    error: bytes = b""


_fields = msgspec.json.Decoder(_Fields)
_choices = msgspec.json.Decoder(list[_Choice])
_usage = msgspec.json.Decoder(_Usage | None)


def peek(payload: bytes) -> Peek:
    """Look into one payload. Raises msgspec.DecodeError when it is not a JSON object."""
    fields = _fields.decode(payload)
    error = bytes(fields.error)
    return Peek(read_usage(bytes(fields.usage)), _finished(bytes(fields.choices)), b"" if error == b"null" else error)


def read_usage(raw: bytes) -> Usage | None:
    """The usage from its JSON text. What is missing or malformed is None as a whole: tokens are never guessed."""
    if not raw:
        return None
    try:
        told = _usage.decode(raw)
    except msgspec.DecodeError:
        return None
    return _complete(told) if told is not None else None


def _complete(told: _Usage) -> Usage | None:
    completion = told.completion_tokens
    if completion is None:
        # Embeddings tell only prompt and total: the rest is their difference, not a guess.
        if told.total_tokens is None or told.total_tokens < told.prompt_tokens:
            return None
        completion = told.total_tokens - told.prompt_tokens
    total = told.total_tokens if told.total_tokens is not None else told.prompt_tokens + completion
    cached = told.prompt_tokens_details.cached_tokens if told.prompt_tokens_details else None
    reasoning = told.completion_tokens_details.reasoning_tokens if told.completion_tokens_details else None
    return Usage(told.prompt_tokens, completion, total, cached or 0, reasoning or 0)


def _finished(raw: bytes) -> bool:
    if not raw:
        return False
    try:
        return any(choice.finish_reason for choice in _choices.decode(raw))
    except msgspec.DecodeError:
        return False


def error_status(error: bytes) -> int:
    """The HTTP status that an error object inside a 200 answer names in `code`; 502 when it names none."""
    try:
        told: Any = msgspec.json.decode(error)
    except msgspec.DecodeError:
        return 502
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else 502


def error_message(body: bytes) -> str:
    """The message of an OpenAI error envelope, or empty when the body is none. At most 500 characters."""
    try:
        told: Any = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return ""
    error = told.get("error") if isinstance(told, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return message[:500] if isinstance(message, str) else ""


def is_error_envelope(body: bytes) -> bool:
    """Whether `body` is a JSON object with a top-level `error`, so that OpenAI's clients can parse it."""
    try:
        return bool(peek(body).error)
    except msgspec.DecodeError:
        return False
