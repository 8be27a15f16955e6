"""Plots of a bench's report, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.goals import Absent, Parts

STYLE: Any = {"svg.hashsalt": "leo", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True}


def drawn(plots: Mapping[str, Callable[[Any, Parts], None]], parts: Parts, report: Path) -> dict[str, str]:
    """Draw what there is beside a report: name -> file. Without matplotlib, nothing; the report is readable without."""
    try:
        import matplotlib as mpl
    except ImportError:
        return {}
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    found = {}
    with plt.rc_context(STYLE):
        for name, plot in plots.items():
            figure = plt.figure(figsize=(7.5, 3.4), layout="constrained")
            try:
                plot(figure, parts)
                path = report.with_name(f"{report.stem}-{name}.svg")
                figure.savefig(path, metadata={"Date": None})
                found[name] = path.name
            except Absent:
                pass  # the report says why
            finally:
                plt.close(figure)
    return found
