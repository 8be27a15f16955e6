"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.cache import ladder, latency, pairs, projection, trapping
from bench.cache.data import Data, MissingDataError
from bench.cache.goals import judge
from bench.cache.models import EMBEDDER, VERIFIER, Models, digest
from bench.cache.options import SEEDS, Options, seeds
from bench.cache.plots import draw
from bench.cache.report import markdown
from bench.machine import describe
from bench.parts import Bench, begin, measured

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
FORMAT = 1  # of the JSON file; raised when a part returns something else than before
Measure = Callable[[Options], dict[str, Any]]
BENCH = Bench(judge, markdown, draw)
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
PARTS: dict[str, Measure] = {
    "streams": lambda of: ladder.measure(of.data, of.models, of.requests, of.seeds, of.tell),
    "traps": lambda of: trapping.measure(of.data, of.models, of.share, of.requests, of.seeds[0], of.tell),
    "pairs": lambda of: pairs.measure(of.models, of.pairs, of.seeds, of.tell),
    "reworded": lambda of: pairs.measure(of.models, pairs.REWORDED, of.seeds, of.tell),
    "latency": lambda of: latency.measure(of.data, of.models, of.sizes, of.tell),
    "projection": lambda of: projection.measure(of.data, of.models, of.projected, of.tell),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--parts", default=",".join(PARTS), help="Some of: " + ", ".join(PARTS))
@click.option("--quick", is_flag=True, help="A look in some minutes: short streams, few traps, no index of a million.")
@click.option("--seeds", "chosen", default=str(len(SEEDS)), callback=seeds, help="How many (5) or which (4,7).")
@click.option("--data", type=FOLDER, default=ROOT.parent / "shared" / "data", help="The evaluation data; default ../shared/data.")
@click.option(
    "--pairs", "written", type=FILE, default=pairs.HELD_OUT, help="Written pairs; default bench/cache/heldout-light.jsonl."
)
@click.option("--out", type=FILE, default=None, help="The report's JSON; the rest lies beside it.")
@click.option("--report-only", is_flag=True, help="Measure nothing; write the report of --out anew.")
def main(
    parts: str, quick: bool, chosen: tuple[int, ...], data: Path, written: Path, out: Path | None, report_only: bool
) -> None:
    """Measure the semantic cache offline: an hour or two in full. Parts that are in the report's file already stay there."""
    names = [] if report_only else parts.split(",")
    if unknown := set(names) - PARTS.keys():
        raise click.UsageError(f"no part is called {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    machine = describe()
    path = out or RESULTS / f"cache-{machine['at'][:10]}-{machine['commit']}{'-quick' if quick else ''}.json"
    known = {"embedder": digest(EMBEDDER), "verifier": digest(VERIFIER)}
    new = {"format": FORMAT, "machine": machine, "quick": quick, "seeds": list(chosen), "models": known, "parts": {}}
    run = begin(path, new, ("quick", "seeds", "models"), report_only=report_only)
    models = Models()
    options = Options(Data(data), models, lambda text: click.echo(f"  {text}"), quick, chosen, written)
    for name in names:
        run["parts"][name] = measured(name, partial(PARTS[name], options), machine, MissingDataError)
        BENCH.keep(run, path)  # after each part: an interrupted run has what it has
    models.close()
    BENCH.keep(run, path)
    BENCH.tell(run, path)
    sys.exit(any(run["parts"][name]["status"] == "failed" for name in names))
