"""When requests come, and how many tokens they carry: two published traces of real LLM traffic.

azure-conv, azure-code   Azure's LLM inference trace of 2023: one hour of a chat and of a coding service (CC BY 4.0)
mooncake                 Mooncake's conversation trace: one hour of chat with its shared prefixes (Apache-2.0)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

TRACES = ("azure-conv", "azure-code", "mooncake")
MOONCAKE_STEP_S = 3.0  # its times are published in steps of three seconds


class Arrival(msgspec.Struct, frozen=True):
    """One request of a trace: seconds since the first one, tokens in and out, and (Mooncake) the blocks of its prefix."""

    at: float
    in_tokens: int
    out_tokens: int
    blocks: tuple[int, ...] = ()


class MissingDataError(Exception):
    """A file of the evaluation data is not there; the message says which, and what to do."""


def rows(data: Path, name: str) -> Iterator[dict[str, Any]]:
    """The rows of NAME.jsonl under `data`. Raises MissingDataError."""
    path = data / f"{name}.jsonl"
    if not path.is_file():
        raise MissingDataError(
            f"{path} is not there. Point --data (or the environment variable REPLAY_DATA) at the folder with the evaluation "
            "data, or play the built-in prompts, which need none: python -m bench.replay --tiny"
        )
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def load(name: str, data: Path) -> list[Arrival]:
    """All arrivals of a trace in their order. Raises MissingDataError."""
    return _mooncake(data) if name == "mooncake" else _azure(name.removeprefix("azure-"), data)


def window(arrivals: list[Arrival], count: int, speed: float, rng: Random) -> list[Arrival]:
    """`count` arrivals in a row from a place that `rng` chooses, with their gaps divided by `speed`."""
    count = min(count, len(arrivals))
    first = rng.randrange(len(arrivals) - count + 1)
    chosen = arrivals[first : first + count]
    return [msgspec.structs.replace(arrival, at=(arrival.at - chosen[0].at) / speed) for arrival in chosen]


def _azure(part: str, data: Path) -> list[Arrival]:
    return [
        Arrival(row["t"], row["in_tokens"], row["out_tokens"])
        for row in rows(data, "azure_llm_trace_2023")
        if row["trace"] == part
    ]


def _mooncake(data: Path) -> list[Arrival]:
    # Ten requests in the same millisecond, then nothing for three seconds, is how the trace was published and not how
    # people asked: the requests of a step are spread over it.
    rng = Random("mooncake")  # always the same: it belongs to the trace, not to a run
    found = [
        Arrival(row["t_ms"] / 1000 + rng.uniform(0, MOONCAKE_STEP_S), row["in_tokens"], row["out_tokens"], tuple(row["hash_ids"]))
        for row in rows(data, "mooncake_conversation_trace")
    ]
    return sorted(found, key=lambda arrival: arrival.at)
