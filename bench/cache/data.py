"""The evaluation data, read where it lies: it is never copied into the repository."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pipeline.cache.semantic.question import LONGEST


class MissingDataError(Exception):
    """A file of the data is not there. The message says which."""


class Data:
    """`folder` holds the files that its MANIFEST.md describes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Raises MissingDataError."""
        path = self._folder / f"{name}.jsonl"
        if not path.is_file():
            raise MissingDataError(f"{path} is not there")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def pairs(self, *names: str) -> list[tuple[str, str, bool]]:
        """Labelled pairs; a negative that the positives contradict (`suspect`) is left out."""
        return [
            (row["a"], row["b"], bool(row["label"]))
            for name in names
            for row in self.rows(name)
            if row["label"] or not row.get("suspect")
        ]

    def prompts(self, name: str) -> list[str]:
        """Prompts of a set that are short enough for the cache, each once."""
        found = dict.fromkeys(_prompt(row) for row in self.rows(name))
        return [text for text in found if text and len(text) <= LONGEST]


def _prompt(row: dict[str, Any]) -> str:
    if "turns" in row:
        return str(row["turns"][0])
    return str(row.get("prompt") or row.get("question") or row.get("text") or row.get("a") or "")


def normalised(text: str) -> str:
    """The words of a text in lower case: what is left when case, spaces and punctuation do not count."""
    return " ".join(re.findall(r"\w+", text.lower()))
