"""`make bench`: measure the hot path beside the peers, and keep a report with plots in bench/results/."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bench.goals import MISSED
from bench.hotpath import misses, peers, queue_length, scaling, startup, sustained, waiting
from bench.hotpath.goals import judge
from bench.hotpath.load import generator_name
from bench.hotpath.options import Missing, Options
from bench.hotpath.plots import draw
from bench.hotpath.report import markdown
from bench.machine import describe
from bench.promises import checks

RESULTS = Path("bench/results")
FORMAT = 1  # of the JSON file; raised when a part returns something else than before
Measure = Callable[[Options], dict[str, Any]]


def joiners(options: Options) -> dict[str, Any]:
    """100 callers who join a stream in its middle: the check of the promises."""
    return checks.joiners(lambda done, total: None)


PARTS: dict[str, Measure] = {
    "startup": startup.measure,
    "misses": misses.measure,
    "joiners": joiners,
    "peers": peers.measure,
    "scaling": scaling.measure,
    "sustained": sustained.measure,
    "queue": queue_length.measure,
    "waiting": waiting.measure,
}


@click.command()
@click.option("--parts", default=",".join(PARTS), help="Some of: " + ", ".join(PARTS))
@click.option("--quick", is_flag=True, help="A look in some minutes: one repetition, few peers, small sizes.")
@click.option("--peers", "peers_dir", envvar="LEO_PEERS_DIR", default="../shared/peers", help="The peers' harness.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The report's JSON; the rest lies beside it.")
@click.option("--report-only", is_flag=True, help="Measure nothing; write the report of --out anew.")
@click.pass_obj
def main(
    measures: dict[str, Measure] | None, parts: str, quick: bool, peers_dir: str, out: Path | None, report_only: bool
) -> None:
    """Measure the hot path: about 35 minutes in full. Parts that are in the report's file already stay there."""
    measures = measures or PARTS
    names = [] if report_only else parts.split(",")
    if unknown := set(names) - measures.keys():
        raise click.UsageError(f"no part is called {', '.join(sorted(unknown))}; there are: {', '.join(measures)}")
    options = Options(quick=quick, peers=Path(peers_dir), say=lambda text: click.echo(f"  {text}"))
    machine = describe()
    path = out or RESULTS / f"bench-{machine['at'][:10]}-{machine['commit']}{'-quick' if quick else ''}.json"
    run = _begin(path, machine, quick, report_only)
    for name in names:
        run["parts"][name] = measure(name, measures[name], options, machine)
        keep(run, path)  # after each part: an interrupted run has what it has
    keep(run, path)
    _tell(run, path)
    failed = [name for name in names if run["parts"][name]["status"] == "failed"]
    sys.exit(1 if failed else 0)


def _begin(path: Path, machine: dict[str, Any], quick: bool, report_only: bool) -> dict[str, Any]:
    """An empty run, or the one of the same commit and kind that is there."""
    new = {"format": FORMAT, "machine": machine, "quick": quick, "generator": generator_name(), "parts": {}}
    if not path.is_file():
        if report_only:
            raise click.UsageError(f"there is no {path}")
        return new
    there: dict[str, Any] = json.loads(path.read_text())
    if there.get("format") != FORMAT:
        raise click.UsageError(f"{path} is of an older format: move it away")
    if report_only:
        return there
    same = there["machine"]["commit"] == machine["commit"] and there["quick"] == quick
    return {**new, "parts": there["parts"]} if same else new


def measure(name: str, part: Measure, options: Options, machine: dict[str, Any]) -> dict[str, Any]:
    """Run one part. One that cannot run must not hide the others."""
    click.secho(f"\n{name}", bold=True)
    started, found = time.monotonic(), {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": _load()}
    try:
        outcome = {"status": "done", "result": part(options)}
    except Missing as why:
        outcome = {"status": "missing", "error": str(why)}
    except Exception as error:  # noqa: BLE001  see above
        outcome = {"status": "failed", "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    if "error" in outcome:
        click.secho(f"  {outcome['status']}: {outcome['error']}", fg="red")
    took = round(time.monotonic() - started, 1)
    here = {"commit": machine["commit"] + ("+" if machine["dirty"] else ""), "took_s": took, "load_after": _load()}
    return {**outcome, **found, **here}


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def keep(run: dict[str, Any], path: Path) -> None:
    """Write the results, the report and its plots, all named like the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    goals = [goal._asdict() for goal in judge(run["parts"])]
    path.write_text(json.dumps({**run, "goals": goals}, indent=1, default=str) + "\n")
    report = path.with_suffix(".md")
    report.write_text(markdown(run, draw(run["parts"], report)))


def _tell(run: dict[str, Any], path: Path) -> None:
    click.echo()
    for goal in judge(run["parts"]):
        colour = {"reached": "green", MISSED: "red"}.get(goal.verdict, "yellow")
        click.echo(f"{click.style(f'{goal.verdict:<12}', fg=colour)} {goal.aim}: {goal.measured}")
    click.echo(f"\nReport: {path.with_suffix('.md')}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started is ended
    main()
