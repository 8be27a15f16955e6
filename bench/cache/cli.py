"""The command line."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
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
from bench.goals import MISSED, REACHED
from bench.machine import describe

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
FORMAT = 1  # of the JSON file; raised when a part returns something else than before
Measure = Callable[[Options], dict[str, Any]]
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
    run = _begin(path, machine, quick, chosen, report_only)
    models = Models()
    options = Options(Data(data), models, lambda text: click.echo(f"  {text}"), quick, chosen, written)
    for name in names:
        run["parts"][name] = _measured(name, options)
        keep(run, path)  # after each part: an interrupted run has what it has
    models.close()
    keep(run, path)
    _tell(run, path)
    sys.exit(any(run["parts"][name]["status"] == "failed" for name in names))


def _begin(path: Path, machine: dict[str, Any], quick: bool, chosen: tuple[int, ...], report_only: bool) -> dict[str, Any]:
    """An empty run, or the one of the same commit, kind and models that is there."""
    models = {"embedder": digest(EMBEDDER), "verifier": digest(VERIFIER)}
    new = {"format": FORMAT, "machine": machine, "quick": quick, "seeds": list(chosen), "models": models, "parts": {}}
    if not path.is_file():
        if report_only:
            raise click.UsageError(f"there is no {path}")
        return new
    there: dict[str, Any] = json.loads(path.read_text())
    if there.get("format") != FORMAT:
        raise click.UsageError(f"{path} is of an older format: move it away")
    if report_only:
        return there
    same = there["machine"]["commit"] == machine["commit"] and all(there[key] == new[key] for key in ("quick", "seeds", "models"))
    return {**new, "parts": there["parts"]} if same else new


def _measured(name: str, options: Options) -> dict[str, Any]:
    """Run one part. One that cannot run must not hide the others."""
    click.secho(f"\n{name}", bold=True)
    started, found = time.monotonic(), {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": _load()}
    try:
        outcome = {"status": "done", "result": PARTS[name](options)}
    except MissingDataError as why:
        outcome = {"status": "missing", "error": str(why)}
    except Exception as error:  # noqa: BLE001  see above
        outcome = {"status": "failed", "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    if "error" in outcome:
        click.secho(f"  {outcome['status']}: {outcome['error']}", fg="red")
    return {**outcome, **found, "took_s": round(time.monotonic() - started, 1), "load_after": _load()}


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def keep(run: dict[str, Any], path: Path) -> None:
    """Write the results, the report and its plots, all named like the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    goals = [goal._asdict() for goal in judge(run["parts"])]
    path.write_text(json.dumps({**run, "goals": goals}, indent=1, ensure_ascii=False) + "\n")
    report = path.with_suffix(".md")
    report.write_text(markdown(run, draw(run["parts"], report)))


def _tell(run: dict[str, Any], path: Path) -> None:
    click.echo()
    for goal in judge(run["parts"]):
        colour = {REACHED: "green", MISSED: "red"}.get(goal.verdict, "yellow")
        click.echo(f"{click.style(f'{goal.verdict:<12}', fg=colour)} {goal.aim}: {goal.measured}")
    click.echo(f"\nReport: {os.path.relpath(path.with_suffix('.md'))}")
