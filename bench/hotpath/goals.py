"""The goals, and whether a run reached them. A goal is judged by the median of the repetitions; the range is shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from bench.goals import Absent, Goal, Parts, judged, result
from bench.hotpath.misses import all_through_the_queue
from bench.hotpath.peers import HIT, PASS
from bench.hotpath.stats import differences, figure, ratios, spread


def judge(parts: Parts) -> list[Goal]:
    """All goals, in the order of the report."""
    return judged(GOALS, parts)


def by_repetition(peers: Mapping[str, Any], part: str, peer: str, connections: int, name: str) -> dict[int, float]:
    """One figure of one gateway: repetition -> value. Raises Absent where there is none."""
    cells = [c for c in peers["cells"] if (c["part"], c["peer"], c["c"]) == (part, peer, connections)]
    found = {cell["rep"]: float(cell[name]) for cell in cells if cell.get("ok") and cell.get(name) is not None}
    if not found:
        raise Absent(f"no figure of {peer} ({part}, {connections} connections)")
    return found


# --- against the peers ---


def _times(part: str, peer: str, aim: float) -> Callable[[Parts], tuple[str, bool]]:
    """At least `aim` times the requests a second of a peer, at 64 connections."""

    def verdict(parts: Parts) -> tuple[str, bool]:
        peers = result(parts, "peers")
        ours, theirs = (by_repetition(peers, part, name, 64, "rps") for name in (HIT, peer))
        found = spread(ratios(ours, theirs))
        if found is None:
            raise Absent("no repetition has both")
        kept = sum(ratio >= aim for ratio in ratios(ours, theirs))
        text = f"{found} times; {spread(ours.values())} against {spread(theirs.values())} requests/s"
        return f"{text}; {kept} of {found.n} repetitions{_errors(peers, part, 64)}", found.median >= aim

    return verdict


def _errors(peers: Mapping[str, Any], part: str, connections: int) -> str:
    """Our own errors: what is answered fast because it is refused is no success."""
    cells = [c for c in peers["cells"] if (c["part"], c["peer"], c["c"]) == (part, HIT, connections)]
    wrong = sum(cell.get("errors", 0) for cell in cells)
    return f"; {wrong} ERRORS" if wrong else ""


def _hit_alone(parts: Parts) -> tuple[str, bool]:
    peers = result(parts, "peers")
    ours, theirs = (by_repetition(peers, "hit", name, 1, "p50") for name in (HIT, "tensorzero-valkey"))
    limit = max(0.25, statistics.median(theirs.values()))
    text = f"p50 {spread(ours.values())} ms; TensorZero's {spread(theirs.values())} ms, so the limit is {figure(limit)} ms"
    return text, statistics.median(ours.values()) <= limit


def _over_direct(part: str, connections: int, name: str, aim: float) -> Callable[[Parts], tuple[str, bool]]:
    """At most `aim` milliseconds more than the upstream asked directly."""

    def verdict(parts: Parts) -> tuple[str, bool]:
        peers = result(parts, "peers")
        ours, direct = (by_repetition(peers, part, peer, connections, name) for peer in (PASS, "direct"))
        found = spread(differences(ours, direct))
        if found is None:
            raise Absent("no repetition has both")
        return f"{found} ms; {spread(ours.values())} against {spread(direct.values())} ms", found.median <= aim

    return verdict


# --- by ourselves ---


def _queue(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "misses")
    names = ("answered", "upstream_calls", "messages", "claims", "ledger_misses", "ledger_calls")
    counted = ", ".join(f"{name.replace('_', ' ')} {found[name]:,}" for name in names)
    still = found["standstill"]
    text = f"with stopped workers {still['answered']} of {still['callers']} answered, {still['calls']} upstream calls"
    return f"{counted}; {text}; headers {found['headers']}", all_through_the_queue(found)


def _joiners(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "joiners")
    measured = ", ".join(f"{name} {value}" for name, value in found.items() if name != "kept")
    return measured, bool(found["kept"])


def _start(parts: Parts) -> tuple[str, bool]:
    found = spread(start["seconds"] for start in result(parts, "startup")["starts"])
    if found is None:
        raise Absent("nothing was started")
    return f"{found} s", found.median < 3


def _exact_count(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "sustained")
    text = f"{found['answered']:,} answered, {found['events']:,} events; the backlog was empty {figure(found['drain_s'])} s later"
    return text, found["answered"] == found["events"]


GOALS: dict[str, Callable[[Parts], tuple[str, bool]]] = {
    "exact hits, 64 connections: at least 2 x TensorZero with Redis": _times("hit", "tensorzero-valkey", 2),
    "exact hits, 1 connection: p50 at most 0.25 ms, or TensorZero's own p50": _hit_alone,
    "misses, 64 connections: at least 5 x LiteLLM with Redis": _times("miss", "litellm-redis", 5),
    "all misses through the queue": _queue,
    "misses, 1 connection: p50 at most 4 ms over direct": _over_direct("pass", 1, "p50", 4),
    "streams, 1 connection: first token at most 5 ms over direct (p50)": _over_direct("stream", 1, "ttft_p50", 5),
    "streams, 16 connections: first token at most 10 ms over direct (p50)": _over_direct("stream", 16, "ttft_p50", 10),
    "100 joiners in the middle of a stream get every byte": _joiners,
    "start: less than 3 s from the command to ready": _start,
    "a minute of hits: as many events in SQL as requests answered": _exact_count,
}
