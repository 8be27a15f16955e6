"""What a dialogue is filled with: questions that tell nothing of the user, and answers of a model.

From the evaluation data where it is there; else from a few exchanges that were written for this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

WRITTEN = Path(__file__).parent / "memory-exchanges.jsonl"
LONGEST = 2_000  # characters of an answer
SHORTEST = 120


class Exchange(NamedTuple):
    question: str
    answer: str


def exchanges(data_dir: Path) -> list[Exchange]:
    """Exchanges in a fixed order."""
    found = [
        *_read(data_dir / "routing_gsm8k.jsonl", "prompt", "strong_answer"),
        *_read(data_dir / "self_instruct_human.jsonl", "prompt", "answer"),
    ]
    return found or _read(WRITTEN, "question", "answer")


def _read(path: Path, question: str, answer: str) -> list[Exchange]:
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Exchange(row[question].strip(), row[answer].strip()) for row in rows if SHORTEST <= len(row[answer].strip()) <= LONGEST
    ]
