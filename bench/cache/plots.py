"""The plots of the report, as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.cache.goals import gain, streams
from bench.cache.ladder import BUDGETS
from bench.goals import Parts, result
from bench.plots import drawn

OURS, SCORES, FIXED = "#c2410c", "#0369a1", "#64748b"
MOST_WRONG = 4  # percent, the right end of the first plot


def draw(parts: Parts, report: Path) -> dict[str, str]:
    """Draw what there is beside a report: name -> file (see bench/plots.py)."""
    return drawn(PLOTS, parts, report)


def _hits(figure: Any, parts: Parts) -> None:
    """Hits gained against wrong answers a request: fixed cosines, fixed scores, and what learning came to."""
    found = streams(parts)
    figure.set_size_inches(7.5, 2.6 * ((len(found) + 1) // 2))
    panels = figure.subplots((len(found) + 1) // 2, 2, squeeze=False).ravel()
    for panel, (name, stream) in zip(panels, found.items(), strict=False):
        curves = {"fixed cosine, 0.99 to 0.70": ("cosines", FIXED), "fixed score of the shipped scorer": ("scores", SCORES)}
        shown = [point for label, (kind, colour) in curves.items() for point in _curve(panel, stream, kind, colour, label)]
        for kind, marker in (("verifier", "x"), ("learning", "o")):
            points = [_point(stream, stream["rows"][f"+ {kind} {budget:.1%}"]) for budget in BUDGETS]
            panel.scatter(*zip(*points, strict=True), marker=marker, color=OURS, label=f"+ {kind}, budgets", zorder=3)
            shown += points
        for budget in BUDGETS:
            panel.axvline(budget * 100, color="black", linewidth=0.5, linestyle=":")
        panel.set(title=name, xlabel="wrong answers a request, %", ylabel="hits gained, %", xlim=(0, MOST_WRONG))
        panel.set_ylim(0, 1.1 * max([1.0, *(gained for wrong, gained in shown if wrong <= MOST_WRONG)]))
    for panel in panels[len(found) :]:
        panel.axis("off")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="lower right", frameon=False)


def _curve(panel: Any, stream: Mapping[str, Any], kind: str, colour: str, label: str) -> list[tuple[float, float]]:
    points = sorted(_point(stream, row) for row in stream[kind].values())
    panel.plot(*zip(*points, strict=True), marker=".", color=colour, label=label)
    return points


def _point(stream: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[float, float]:
    """Wrong answers and hits gained, in percent of requests."""
    return row["wrong"][0] * 100, gain(stream, row) * 100


def _thresholds(figure: Any, parts: Parts) -> None:
    """How the learned threshold moved, each seed a line; budget 1 %."""
    found = streams(parts)
    panels = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for panel, (name, stream) in zip(panels, found.items(), strict=True):
        for seed in stream["rows"]["+ learning 1.0%"]["seeds"]:
            steps = seed["thresholds"]
            panel.step([at for at, _ in steps], [min(value, 1.1) for _, value in steps], where="post", color=OURS, alpha=0.6)
        panel.set(title=name, xlabel="lookups")
    panels[0].set_ylabel("threshold (1.1: serves nothing)")


def _pairs(figure: Any, parts: Parts) -> None:
    """Written pairs: paraphrases against traps over all thresholds, and over the rounds."""
    found = result(parts, "pairs")
    one, two = figure.subplots(1, 2)
    for curve, colour, label in ((found["curve"], SCORES, "score"), (found["cosine"]["curve"], FIXED, "bare cosine")):
        one.plot(
            [traps * 100 for _, traps, _ in curve], [paraphrases * 100 for _, _, paraphrases in curve], color=colour, label=label
        )
    one.axvline(2, color="black", linewidth=0.5, linestyle=":")
    one.set(xlabel="traps served, %", ylabel="paraphrases served, %", xlim=(0, 30), ylim=(0, 100))
    one.legend(frameon=False)
    numbers = range(1, len(found["rounds"]) + 1)
    for name, colour in (("paraphrases", OURS), ("traps", FIXED)):
        values = [round_[name] for round_ in found["rounds"]]
        two.errorbar(
            numbers,
            [mean * 100 for mean, _ in values],
            yerr=[half * 100 for _, half in values],
            marker="o",
            capsize=3,
            color=colour,
            label=name,
        )
    two.set(xlabel="round, with judge and feedback", ylabel="served, %", ylim=(0, 100))
    two.legend(frameon=False)


def _latency(figure: Any, parts: Parts) -> None:
    """Milliseconds against entries, on a logarithmic axis: a logarithm is a straight line."""
    points = result(parts, "latency")["points"]
    entries = [point["entries"] for point in points]
    one, two = figure.subplots(1, 2)
    for quantile, line in (("p50", "-"), ("p99", ":")):
        one.plot(
            entries, [point["search"][quantile] for point in points], line, marker="o", color=OURS, label=f"search {quantile}"
        )
        two.plot(
            entries,
            [point["embed_and_search"][quantile] for point in points],
            line,
            marker="o",
            color=SCORES,
            label=f"embedding + search {quantile}",
        )
        two.plot(
            entries,
            [point["whole"][quantile] for point in points],
            line,
            marker="o",
            color=OURS,
            label=f"whole lookup {quantile}",
        )
    for panel in (one, two):
        panel.set(xscale="log", xlabel="entries", ylabel="ms", ylim=(0, None))
        panel.legend(frameon=False)


PLOTS = {"hits": _hits, "thresholds": _thresholds, "pairs": _pairs, "latency": _latency}
