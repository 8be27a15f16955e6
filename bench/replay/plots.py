"""Three pictures of a run, as SVG: response times, cost and calls, hits over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import click

from bench.replay.metrics import CURVE_POINTS, Figures
from bench.replay.state import Results, part_key

STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "replay", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
Rows = dict[str, list[Figures]]


def draw(results: Results, path: Path) -> list[Path]:
    """PATH-times.svg, PATH-cost.svg and PATH-hits.svg; nothing, and a message, where matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        message = "No plots: matplotlib is not installed (pip install matplotlib; --report FILE.json draws them later)."
        click.secho(message, fg="yellow", err=True)
        return []
    matplotlib.use("svg")
    with matplotlib.rc_context(STYLE):
        return [_picture(results, path, name, axes) for name, axes in {"times": _times, "cost": _cost, "hits": _hits}.items()]


def _picture(results: Results, path: Path, name: str, axes: Callable[[Any, Rows], None]) -> Path:
    """One panel a trace."""
    from matplotlib import pyplot

    traces = results.plan.traces
    figure, panels = pyplot.subplots(1, len(traces), figsize=(5.5 * len(traces), 3.4), squeeze=False, layout="constrained")
    for panel, trace in zip(panels[0], traces, strict=True):
        keys = {way: [part_key(trace, seed, way) for seed in results.plan.seeds] for way in results.ways}
        rows = {way: [results.parts[key] for key in found if key in results.parts] for way, found in keys.items()}
        axes(panel, {way: found for way, found in rows.items() if found})
        panel.set_title(trace)
    target = path.parent / f"{path.name}-{name}.svg"
    figure.savefig(target, metadata={"Date": None})
    pyplot.close(figure)
    return target


def _times(panel: Any, rows: Rows) -> None:
    """How many requests are answered within a time: the median of the seeds."""
    shares = [point / CURVE_POINTS for point in range(CURVE_POINTS + 1)]
    for way, found in rows.items():
        curves = [figures.curve for figures in found if figures.curve]
        if curves:
            panel.plot([max(0.1, median(values)) for values in zip(*curves, strict=True)], shares, label=way)
    panel.set(xscale="log", xlabel="response time, ms", ylabel="share of answered requests", ylim=(0, 1))
    panel.legend()


def _cost(panel: Any, rows: Rows) -> None:
    """Bars of cost, with the calls beside them on a scale of their own."""
    places, calls = range(len(rows)), panel.twinx()
    cost = panel.bar([place - 0.2 for place in places], [_median(found, lambda f: f.cost * 100) for found in rows.values()], 0.38)
    number = calls.bar([place + 0.2 for place in places], [_median(found, lambda f: f.calls) for found in rows.values()], 0.38)
    for bar in number:
        bar.set_color("C1")
    panel.set(ylabel="cost, cents")
    panel.set_xticks(list(places), list(rows))
    calls.set(ylabel="upstream calls")
    calls.grid(visible=False)
    for axes in (panel, calls):
        axes.margins(y=0.25)  # room for the legend
    panel.legend([cost, number], ["cost", "calls"], loc="upper center", ncols=2)


def _hits(panel: Any, rows: Rows) -> None:
    """The share of hits in each part of the time: the mean of the seeds."""
    for way, found in rows.items():
        bins = list(zip(*(figures.hits_over_time for figures in found), strict=True))
        shares = [[value for value in values if value is not None] for values in bins]
        points = [(place / len(bins), mean(known)) for place, known in enumerate(shares) if known]
        panel.plot([x for x, _ in points], [y for _, y in points], label=way)
    panel.set(xlabel="share of the time", ylabel="share of hits", ylim=(0, 1))
    panel.legend()


def _median(found: Sequence[Figures], value: Callable[[Figures], float]) -> float:
    return median(value(figures) for figures in found)
