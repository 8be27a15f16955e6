"""Tool schemas without boilerplate, and in one order of keys: equal tools are equal bytes, and hit the provider's prefix cache.

The order of properties stays, since a model fills them in that order, and so does everything that restricts a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Keywords whose value is a schema, a list of schemas, or an object whose values are schemas (JSON Schema 2020-12).
_ONE = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties"}
)
_LIST = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def tools(given: Sequence[Any]) -> list[Any]:
    """The tools of a request, or its `functions`, as they are sent on. The input is not changed."""
    return [_tool(one) for one in given]


def _tool(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    if isinstance(given.get("function"), dict):
        return _sorted({**given, "function": _function(given["function"])})
    return _function(given) if "name" in given and "type" not in given else given


def _function(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: value for key, value in given.items() if not (key == "description" and _is_blank(value))}
    if isinstance(found.get("parameters"), dict):
        found["parameters"] = _schema(found["parameters"], "")
    return _sorted(found)


def _schema(given: Any, name: str) -> Any:
    """A schema, which `name` is the property of."""
    if not isinstance(given, dict):
        return given
    return _sorted({key: _value(key, value) for key, value in given.items() if not _says_nothing(key, value, name)})


def _value(key: str, value: Any) -> Any:
    if key in _ONE:
        return _schema(value, "")
    if key in _LIST and isinstance(value, list):
        return [_schema(one, "") for one in value]
    if key in _NAMED and isinstance(value, dict):
        return {name: _schema(one, name) for name, one in value.items()}
    if key == "required" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return list(dict.fromkeys(value))
    return value


def _says_nothing(key: str, value: Any, name: str) -> bool:
    if key == "description":
        return _is_blank(value)
    if key == "title":
        return isinstance(value, str) and (not value.strip() or (bool(name) and _words(value) == _words(name)))
    return (key == "required" and value == []) or key == "$schema"


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _words(text: str) -> list[str]:
    """`userName`, `user_name` and "User Name" have the same words: a title that generators make of the name."""
    return [word.lower() for word in _WORDS.findall(text)]


def _sorted(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: given[key] for key in sorted(given)}
