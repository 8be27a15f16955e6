"""From the chunks of a stream to the completion object that the same call would have returned whole."""

from __future__ import annotations

from typing import Any

import msgspec

# These strings name something and come once (some servers repeat them in each chunk); all others are
# pieces of a text. Fields that no one has heard of yet are merged by the same rules, and so survive.
NAMES = frozenset({"role", "id", "type", "name", "object", "model"})


def assemble(chunks: list[bytes]) -> bytes:
    """One completion as JSON, from the JSON payloads of a stream in their order.

    Raises ValueError when there is no chunk at all, or one that is not a JSON object.
    """
    if not chunks:
        raise ValueError("a stream without chunks has no completion")
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for raw in chunks:
        chunk = msgspec.json.decode(raw)
        if not isinstance(chunk, dict):
            raise ValueError("a chunk of a stream must be a JSON object")
        for choice in chunk.pop("choices", None) or []:
            _add_choice(choices.setdefault(choice.get("index", 0), {}), choice)
        for name, value in chunk.items():
            if value is not None or name not in whole:
                whole[name] = value
    whole["object"] = "chat.completion"
    whole["choices"] = [_finished(index, choices[index]) for index in sorted(choices)]
    return msgspec.json.encode(whole)


def _add_choice(choice: dict[str, Any], piece: dict[str, Any]) -> None:
    merge(choice.setdefault("message", {}), piece.get("delta") or {})
    for name, value in piece.items():
        if name in ("delta", "index"):
            continue
        if isinstance(value, dict):  # logprobs
            known = choice.get(name)
            choice[name] = merge(known if isinstance(known, dict) else {}, value)
        elif value is not None or name not in choice:
            choice[name] = value


def merge(into: dict[str, Any], delta: dict[str, Any]) -> dict[str, Any]:
    """Add a delta to what is there: texts and lists grow, objects merge, names and numbers are set."""
    for name, value in delta.items():
        known = into.get(name)
        if value is None:
            into.setdefault(name, None)
        elif isinstance(value, str) and isinstance(known, str) and name not in NAMES:
            into[name] = known + value
        elif isinstance(value, dict):
            into[name] = merge(known if isinstance(known, dict) else {}, value)
        elif isinstance(value, list):
            into[name] = _merge_list(known if isinstance(known, list) else [], value)
        elif not (name in NAMES and value == "" and known):
            into[name] = value
    return into


def _merge_list(into: list[Any], new: list[Any]) -> list[Any]:
    for item in new:
        index = item.get("index") if isinstance(item, dict) else None
        same = next((known for known in into if isinstance(known, dict) and known.get("index") == index), None)
        if index is None or same is None:
            into.append(merge({}, item) if isinstance(item, dict) else item)
        else:
            merge(same, item)
    return into


def _finished(index: int, choice: dict[str, Any]) -> dict[str, Any]:
    message = choice.pop("message", {})
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        # `index` tells the pieces of a streamed call apart; a whole call does not have it.
        calls.sort(key=lambda call: call.get("index", 0) if isinstance(call, dict) else 0)
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} if isinstance(c, dict) else c for c in calls]
    return {"index": index, "message": message, **choice}
