"""A small JSON value that satisfies a JSON schema, as far as the usual keywords go."""

from __future__ import annotations

from typing import Any

from pipeline.upstream.sim.text import Dice, sentences

MAX_DEPTH = 12  # a schema may refer to itself


def instance_of(schema: Any, dice: Dice) -> Any:
    """A minimal instance: required properties only, the shortest lists that are allowed."""
    return _value(schema, schema, dice, MAX_DEPTH)


def _value(schema: Any, root: Any, dice: Dice, depth: int) -> Any:
    if not isinstance(schema, dict) or depth <= 0:
        return None
    if "$ref" in schema:
        return _value(_referred(schema["$ref"], root), root, dice, depth - 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][dice.below(len(schema["enum"]))]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _value(_alternative(schema, keyword), root, dice, depth - 1)
    return _typed(schema, root, dice, depth)


def _alternative(schema: dict[str, Any], keyword: str) -> Any:
    options = schema[keyword]
    if keyword != "allOf":
        return options[0]
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for option in options:
        for key, value in option.items() if isinstance(option, dict) else ():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged.setdefault(key, value)
    return merged


def _typed(schema: dict[str, Any], root: Any, dice: Dice, depth: int) -> Any:
    kind = schema.get("type") or ("object" if "properties" in schema else "array" if "items" in schema else None)
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _value(properties.get(name, {}), root, dice, depth - 1) for name in schema.get("required", [])}
    if kind == "array":
        return [_value(schema.get("items"), root, dice, depth - 1) for _ in range(schema.get("minItems", 0))]
    if kind in ("integer", "number"):
        return _number(schema, dice)
    if kind == "boolean":
        return bool(dice.below(2))
    return _string(schema, dice) if kind == "string" else None


def _number(schema: dict[str, Any], dice: Dice) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 101) - 1)
    whole: int | float = int(low) + dice.below(max(1, int(high) - int(low) + 1))
    return whole if low <= whole <= high else low


def _string(schema: dict[str, Any], dice: Dice) -> str:
    text = "".join(sentences(dice, 3))
    while len(text) < schema.get("minLength", 0):
        text += " " + "".join(sentences(dice, 3))
    return str(text[: schema.get("maxLength", len(text))])


def _referred(reference: Any, root: Any) -> Any:
    place: Any = root
    for step in str(reference).removeprefix("#").strip("/").split("/") if reference != "#" else ():
        place = place.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
    return place
