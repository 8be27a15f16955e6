"""Going on with a stream that another attempt tells again from its start.

A worker died while it streamed, and its callers have part of the answer. The next attempt asks the
upstream again. If what it says begins with what was sent already, the callers get the rest and notice
nothing; if it says something else, the stream has to end with an error: two different answers glued
together would be a wrong one.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.completion.assemble import NAMES, assemble

Path = tuple[int | str, ...]


class Diverged(Exception):
    """The new attempt says something else than what was sent."""


class Resumed:
    """Strips from a new attempt's chunks what was sent before. Feed it each chunk in order."""

    def __init__(self, sent: list[bytes]) -> None:
        whole = msgspec.json.decode(assemble(sent)) if sent else {"choices": []}
        self._sent: dict[Path, str] = {}
        self._said: dict[Path, str] = {}
        for choice in whole["choices"]:
            self._sent.update(_texts(choice["message"], (choice["index"],), {}))

    def feed(self, chunk: bytes) -> bytes | None:
        """What of this chunk is new, or None when all of it was sent before. Raises Diverged."""
        parsed = msgspec.json.decode(chunk)
        choices = [self._strip(choice) for choice in parsed.get("choices") or []]
        if choices and not any(self._says_something(choice) for choice in choices):
            return None
        return msgspec.json.encode({**parsed, "choices": choices})

    def _strip(self, choice: dict[str, Any]) -> dict[str, Any]:
        index = choice.get("index", 0)
        delta = self._new(choice.get("delta") or {}, (index,))
        if choice.get("finish_reason") is not None:
            self._check_all_said(index)
        return {**choice, "delta": delta}

    def _new(self, value: dict[str, Any], path: Path) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for name, item in value.items():
            here = (*path, name)
            if isinstance(item, str):
                rest = self._rest(here, item, name in NAMES)
                if rest:
                    new[name] = rest
            elif isinstance(item, dict):
                new[name] = self._new(item, here)
            elif isinstance(item, list):
                new[name] = [self._new(x, (*here, x.get("index", i))) if isinstance(x, dict) else x for i, x in enumerate(item)]
            else:
                new[name] = item
        return new

    def _rest(self, path: Path, text: str, is_name: bool) -> str:
        sent = self._sent.get(path, "")
        if is_name:
            # An id is made anew by each attempt; the one that was sent stands.
            if sent and path[-1] == "name" and text and text != sent:
                raise Diverged(f"{path}: {text!r} instead of {sent!r}")
            return "" if sent else text
        before = self._said.get(path, "")
        now = self._said[path] = before + text
        if not (sent.startswith(now) or now.startswith(sent)):
            raise Diverged(f"the text at {path} is not what was sent before")
        return now[max(len(sent), len(before)) :]

    def _check_all_said(self, index: int) -> None:
        for path, sent in self._sent.items():
            if path[0] == index and path[-1] not in NAMES and len(self._said.get(path, "")) < len(sent):
                raise Diverged(f"the text at {path} ended before what was sent")

    @staticmethod
    def _says_something(choice: dict[str, Any]) -> bool:
        return choice.get("finish_reason") is not None or bool(_texts(choice["delta"], (), {}))


def _texts(value: Any, path: Path, found: dict[Path, str]) -> dict[Path, str]:
    """All strings inside a message by their path; list items go by their `index` where they have one."""
    if isinstance(value, str):
        found[path] = value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name != "index":
                _texts(item, (*path, name), found)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _texts(item, (*path, item.get("index", position) if isinstance(item, dict) else position), found)
    return found
