"""Is the body a request at all? Each refusal names the parameter, what it was, and what was expected.

Only what the gateway relies on, and plain type errors, are refused here; whether a value makes sense
to a model is the upstream's to say, so that whatever it accepts passes through.
"""

from __future__ import annotations

from typing import Any

from pipeline.errors import BadRequest
from pipeline.request.parameters import TABLES, Kind


def validate(endpoint: str, body: Any) -> dict[str, Any]:
    """The body as a dict, checked against the endpoint's parameter table. Raises BadRequest."""
    if not isinstance(body, dict):
        raise BadRequest(f"The body must be a JSON object, not {_kind_of(body).value}.", code="invalid_type")
    for name, row in TABLES[endpoint].items():
        value = body.get(name)
        if value is not None and row.kind is not Kind.ANY and not _is(value, row.kind):
            raise _wrong(name, f"must be {row.kind.value}, not {_kind_of(value).value}", "invalid_type")
    if not body.get("model"):
        raise _missing("model", "the name of a model; GET /v1/models lists those that are known here")
    _REST[endpoint](body)
    return body


def _validate_chat(body: dict[str, Any]) -> None:
    messages = body.get("messages")
    if not messages:
        raise _missing("messages", "a list with at least one message")
    for index, message in enumerate(messages):
        _validate_message(f"messages[{index}]", message)
    n = body.get("n")
    if n is not None and n < 1:
        raise _wrong("n", f"must be at least 1, not {n}", "invalid_value")


def _validate_message(where: str, message: Any) -> None:
    if not isinstance(message, dict):
        raise _wrong(where, f"must be an object, not {_kind_of(message).value}", "invalid_type")
    if not isinstance(message.get("role"), str):
        raise _wrong(f"{where}.role", "must be a string such as 'user'", "invalid_type")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _wrong(f"{where}.content", f"must be a string or an array of parts, not {_kind_of(content).value}", "invalid_type")
    for index, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise _wrong(f"{where}.content[{index}]", "must be an object with a string `type`", "invalid_type")


def _validate_embeddings(body: dict[str, Any]) -> None:
    text = body.get("input")
    if text in (None, "", []):
        raise _missing("input", "a string, a list of strings, or a list of tokens")
    if not isinstance(text, str | list):
        raise _wrong("input", f"must be a string or an array, not {_kind_of(text).value}", "invalid_type")


_REST = {"chat/completions": _validate_chat, "embeddings": _validate_embeddings}


def _is(value: Any, kind: Kind) -> bool:
    actual = _kind_of(value)
    return actual is kind or (kind is Kind.NUMBER and actual is Kind.INTEGER)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):  # before int, of which bool is a subclass
        return Kind.BOOLEAN
    kinds = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, dict: Kind.OBJECT, list: Kind.ARRAY}
    return kinds.get(type(value), Kind.ANY)


def _missing(param: str, expected: str) -> BadRequest:
    return BadRequest(f"Missing required parameter: '{param}' ({expected}).", param=param, code="missing_required_parameter")


def _wrong(param: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"Invalid '{param}': it {problem}.", param=param, code=code)
