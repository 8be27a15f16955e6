"""The plots of the report, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.goals import Absent, Parts, result
from bench.hotpath.goals import by_repetition
from bench.hotpath.peers import HIT, PASS
from bench.hotpath.stats import differences, spread
from bench.hotpath.stats import figure as shown
from bench.plots import drawn

OURS, OTHERS = "#c2410c", "#64748b"
COLOURS = ("#c2410c", "#0369a1", "#15803d", "#7c3aed", "#64748b")


def draw(parts: Parts, report: Path) -> dict[str, str]:
    """Draw what there is beside a report: name -> file (see bench/plots.py)."""
    return drawn(PLOTS, parts, report)


# --- beside the peers ---


def _dots(axes: Any, values: Mapping[str, list[float]], title: str) -> None:
    """One row a gateway: the median as a dot, with its value and the range of the repetitions, on a logarithmic scale."""
    from matplotlib.ticker import NullFormatter

    found = {name: it for name, each in values.items() if (it := spread(each)) and it.median > 0}
    if not found:
        raise Absent("nothing was measured")
    lowest = {name: max(it.low, it.median / 100) for name, it in found.items()}  # a logarithm needs more than nothing
    for row, (name, it) in enumerate(found.items()):
        colour, low = OURS if name in (HIT, PASS) else OTHERS, lowest[name]
        axes.errorbar([it.median], [row], xerr=[[it.median - low], [it.high - it.median]], marker="o", capsize=3, color=colour)
        axes.annotate(shown(it.median), (it.median, row), (0, 7), textcoords="offset points", ha="center", color=colour)
    axes.set_xscale("log")
    axes.set_yticks(range(len(found)), list(found))
    axes.set_ylim(len(found) - 0.5, -0.7)
    axes.set_xlim(min(lowest.values()) / 3, max(it.high for it in found.values()) * 3)
    axes.xaxis.set_major_formatter(lambda value, position: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(title)
    axes.grid(alpha=0.3)


def _values(parts: Parts, part: str, connections: int, name: str, leave_out: str = "") -> dict[str, list[float]]:
    peers = result(parts, "peers")
    names = dict.fromkeys(c["peer"] for c in peers["cells"] if c["part"] == part and c["c"] == connections)
    found = {}
    for peer in names:
        if peer != leave_out:
            try:
                found[peer] = list(by_repetition(peers, part, peer, connections, name).values())
            except Absent:
                continue  # it answered nothing
    return found


def _hits(figure: Any, parts: Parts) -> None:
    left, right = figure.subplots(1, 2)
    _dots(left, _values(parts, "hit", 64, "rps"), "exact hits, 64 connections: requests/s")
    _dots(right, _values(parts, "hit", 1, "p50"), "1 connection: p50, ms")


def _cpu(figure: Any, parts: Parts) -> None:
    left, right = figure.subplots(1, 2)
    _dots(left, _values(parts, "hit", 64, "cpu_ms"), "CPU ms per hit, 64 connections")
    _dots(right, _values(parts, "miss", 64, "cpu_ms"), "CPU ms per miss, 64 connections")


def _misses(figure: Any, parts: Parts) -> None:
    _dots(figure.subplots(), _values(parts, "miss", 64, "rps"), "prompts never seen, 64 connections: requests/s")


def _streams(figure: Any, parts: Parts) -> None:
    peers = result(parts, "peers")
    for axes, connections in zip(figure.subplots(1, 2), (1, 16), strict=True):
        direct = by_repetition(peers, "stream", "direct", connections, "ttft_p50")
        names = _values(parts, "stream", connections, "ttft_p50", leave_out="direct")
        over = {n: differences(by_repetition(peers, "stream", n, connections, "ttft_p50"), direct) for n in names}
        _dots(axes, over, f"first token over direct, ms, {connections} at once")


# --- our own ---


def _scaling(figure: Any, parts: Parts) -> None:
    cells = result(parts, "scaling")["cells"]
    for axes, kind in zip(figure.subplots(1, 2), ("hits", "misses"), strict=True):
        for colour, workers in zip(COLOURS, sorted({cell["workers"] for cell in cells}), strict=False):
            sizes = sorted({cell["web"] for cell in cells if cell["workers"] == workers})
            rates = [
                spread(c["rps"] for c in cells if (c["kind"], c["web"], c["workers"]) == (kind, web, workers)) for web in sizes
            ]
            found = [(web, rate) for web, rate in zip(sizes, rates, strict=True) if rate]
            ranges = [[r.median - r.low for _, r in found], [r.high - r.median for _, r in found]]
            label = f"{workers} worker" + "s" * (workers > 1)
            axes.errorbar(
                [w for w, _ in found], [r.median for _, r in found], ranges, marker="o", capsize=3, color=colour, label=label
            )
        axes.set_title(f"{kind}: requests/s")
        axes.set_xlabel("front-end processes")
        axes.set_xticks(sorted({cell["web"] for cell in cells}))
        axes.set_ylim(0, 1.15 * max(cell["rps"] for cell in cells if cell["kind"] == kind))
        axes.grid(alpha=0.3)
        axes.legend()


def _queue(figure: Any, parts: Parts) -> None:
    points = result(parts, "queue")["points"]
    axes = figure.subplots()
    kinds = {"hit": "exact hit", "join": "joining a stream", "refusal": "refusal (503)", "admission": "admission of a new run"}
    for colour, (kind, label) in zip(COLOURS, kinds.items(), strict=False):
        found = [point for point in points if kind in point]
        lengths = [point["queued"] for point in found]
        axes.plot(lengths, [point[kind]["p50"] for point in found], marker="o", color=colour, label=f"{label}, p50")
        axes.plot(lengths, [point[kind]["p99"] for point in found], marker=".", ls=":", color=colour, label=f"{label}, p99")
    axes.set_xscale("symlog", linthresh=100)
    axes.set_yscale("log")
    axes.set_xlabel("messages waiting in the queue")
    axes.set_ylabel("ms")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)


def _waiting(figure: Any, parts: Parts) -> None:
    points = result(parts, "waiting")["points"]
    waiting = [point["waiting"] for point in points]
    left, right = figure.subplots(1, 2)
    left.plot(waiting, [point["pss_mb"] for point in points], marker="o", color=OURS)
    left.set_title("front end: PSS, MB")
    left.set_ylim(0, 1.1 * max(point["pss_mb"] for point in points))
    for colour, share in zip(COLOURS, ("p50", "p99"), strict=False):
        right.plot(waiting, [point["hit"][share] for point in points], marker="o", color=colour, label=share)
    right.set_title("exact hits meanwhile, 1 connection, ms")
    right.set_ylim(bottom=0)
    right.legend()
    for axes in (left, right):
        axes.set_xlabel("callers waiting")
        axes.grid(alpha=0.3)


def _sustained(figure: Any, parts: Parts) -> None:
    found = result(parts, "sustained")
    samples = found["samples"]
    times = [sample["t"] for sample in samples]
    if not times:
        raise Absent("it was over before anybody looked")
    left, right = figure.subplots(1, 2)
    left.plot(times, [sample["backlog"] for sample in samples], color=OURS)
    left.axvline(found["secs"], color=OTHERS, ls=":", label="last answer")
    left.set_title("ledger: entries not in SQL yet")
    left.legend()
    for colour, role in zip(COLOURS, samples[0]["cores"], strict=False):
        right.plot(times, [sample["cores"][role] for sample in samples], color=colour, label=role)
    right.set_title("cores used")
    right.legend(fontsize=7)
    for axes in (left, right):
        axes.set_xlabel("seconds")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)


PLOTS: dict[str, Callable[[Any, Parts], None]] = {
    "hits": _hits,
    "cpu": _cpu,
    "misses": _misses,
    "streams": _streams,
    "scaling": _scaling,
    "queue": _queue,
    "waiting": _waiting,
    "sustained": _sustained,
}
