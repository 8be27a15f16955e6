"""`make bench`: measure the hot path beside the peers, and keep a report with plots in bench/results/."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.hotpath import misses, peers, queue_length, scaling, startup, sustained, waiting
from bench.hotpath.goals import judge
from bench.hotpath.load import generator_name
from bench.hotpath.options import Missing, Options
from bench.hotpath.plots import draw
from bench.hotpath.report import markdown
from bench.machine import describe
from bench.parts import Bench, begin, measured
from bench.promises import checks

RESULTS = Path("bench/results")
FORMAT = 1  # of the JSON file; raised when a part returns something else than before
Measure = Callable[[Options], dict[str, Any]]
BENCH = Bench(judge, markdown, draw)


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
    new = {"format": FORMAT, "machine": machine, "quick": quick, "generator": generator_name(), "parts": {}}
    run = begin(path, new, ("quick",), report_only=report_only)
    for name in names:
        run["parts"][name] = measured(name, partial(measures[name], options), machine, Missing)
        BENCH.keep(run, path)  # after each part: an interrupted run has what it has
    BENCH.keep(run, path)
    BENCH.tell(run, path)
    failed = [name for name in names if run["parts"][name]["status"] == "failed"]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started is ended
    main()
