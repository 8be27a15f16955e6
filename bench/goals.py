"""Goals of a bench, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Parts = Mapping[str, Mapping[str, Any]]  # by name: what was run, with its `status` and `result`
REACHED, MISSED, UNKNOWN = "reached", "missed", "not measured"
Verdict = Callable[[Parts], tuple[str, bool]]  # what was measured, and whether that reaches the goal; raises Absent


class Goal(NamedTuple):
    """`verdict` is 'reached', 'missed' or 'not measured'; `measured` says why in the last case."""

    aim: str
    measured: str
    verdict: str


class Absent(Exception):
    """What a goal is judged by was not measured. The message says why."""


def judged(goals: Mapping[str, Verdict], parts: Parts) -> list[Goal]:
    """All goals, in their order."""
    return [_judged(aim, verdict, parts) for aim, verdict in goals.items()]


def result(parts: Parts, name: str) -> Any:
    """The result of a part. Raises Absent where there is none."""
    part = parts.get(name)
    if part is None:
        raise Absent(f"the part `{name}` was not run")
    if part["status"] != "done":
        raise Absent(f"the part `{name}` is {part['status']}")
    return part["result"]


def _judged(aim: str, verdict: Verdict, parts: Parts) -> Goal:
    try:
        measured, reached = verdict(parts)
    except Absent as why:
        return Goal(aim, str(why), UNKNOWN)
    return Goal(aim, measured, REACHED if reached else MISSED)
