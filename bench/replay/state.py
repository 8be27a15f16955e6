"""Finished parts on disk, so that a run that was interrupted can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from bench.replay.metrics import Figures
from bench.replay.plan import Plan, Summary


class Results(msgspec.Struct):
    """Everything that a report says. Keys are trace/seed/way, and trace/seed for workloads."""

    machine: dict[str, Any]
    plan: Plan
    ways: dict[str, str] = {}
    notes: list[str] = []
    workloads: dict[str, Summary] = {}
    parts: dict[str, Figures] = {}


def part_key(trace: str, seed: int, way: str = "") -> str:
    return "/".join(filter(None, (trace, str(seed), way)))


class State:
    """The results so far, in a file that is replaced as a whole after each part."""

    def __init__(self, path: Path, results: Results) -> None:
        self.path = path
        self.results = results

    @classmethod
    def open(cls, folder: Path, machine: dict[str, Any], plan: Plan, *, resume: bool) -> State:
        """A fresh state, or with `resume` the one that a run with the same plan and commit left behind."""
        path = folder / f"replay-{plan.fingerprint(str(machine['commit']))}.partial.json"
        if resume and path.is_file():
            return cls(path, load(path))
        return cls(path, Results(machine, plan, {}, [], {}, {}))

    def has(self, trace: str, seed: int, way: str) -> bool:
        return part_key(trace, seed, way) in self.results.parts

    def add(self, trace: str, seed: int, way: str, figures: Figures) -> None:
        self.results.parts[part_key(trace, seed, way)] = figures
        save(self.path, self.results)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def save(path: Path, results: Results) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".new")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    part.replace(path)


def load(path: Path) -> Results:
    """Raises OSError, and msgspec.DecodeError for what is no result."""
    return msgspec.json.decode(path.read_bytes(), type=Results)
