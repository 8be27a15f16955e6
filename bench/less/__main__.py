"""`make bench-less`: measure decomposition, prompt optimisation and memory offline, and write a report to bench/results/."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.cache.data import Data
from bench.less import decomposition, extraction, memory, optimisation, stream
from bench.machine import describe

RESULTS = Path(__file__).parents[1] / "results"


@click.command()
@click.option("--data", "folder", type=click.Path(path_type=Path, exists=True), default=decomposition.DATA, show_default=True)
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))
def main(folder: Path, seeds: int) -> None:
    """Some minutes."""
    drawn, data = range(seeds), Data(folder)
    figures = {
        "decomposition": decomposition.measure(folder, drawn),
        "stream": stream.measure(data, drawn),
        "optimisation": optimisation.measure(data, drawn),
        "extraction": extraction.measure(folder, drawn),
        "memory": memory.measure(folder, drawn),
    }
    machine = describe()
    name = f"less-{datetime.now(UTC):%Y-%m-%d}-{str(machine['commit'])[:7]}"
    report = "\n\n".join(
        [
            f"# Fewer calls, fewer tokens: {name}",
            f"{json.dumps(machine)}; {seeds} seeds; `make bench-less`.",
            "## Splitting questions",
            decomposition.table(figures["decomposition"]),
            "## A stream of questions made of several",
            stream.table(figures["stream"]),
            "## Shorter prompts",
            optimisation.table(figures["optimisation"]),
            "## What matters of long texts",
            f"```json\n{json.dumps(figures['extraction'], indent=1, default=list)}\n```",
            "## Memory",
            f"```json\n{json.dumps(figures['memory'], indent=1, default=list)}\n```",
        ]
    )
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1, default=list, ensure_ascii=True) + "\n")
    (RESULTS / f"{name}.md").write_text(report + "\n", encoding="utf-8", errors="replace")
    click.echo(report)


if __name__ == "__main__":
    main()
