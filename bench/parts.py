"""A run of a bench: its parts one after another, kept in a JSON file with a report and plots beside it."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.goals import MISSED, REACHED, Goal, Parts

Run = dict[str, Any]  # at least `format`, `machine` and `parts`


class Bench(NamedTuple):
    """What is a bench's own: its goals, its report of a run with its plots, and the plots of the parts beside a report."""

    judge: Callable[[Parts], list[Goal]]
    markdown: Callable[[Mapping[str, Any], Mapping[str, str]], str]
    draw: Callable[[Parts, Path], Mapping[str, str]]

    def keep(self, run: Run, path: Path) -> None:
        """Write the results, the report and its plots, all named like the JSON file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        goals = [goal._asdict() for goal in self.judge(run["parts"])]
        path.write_text(json.dumps({**run, "goals": goals}, indent=1, ensure_ascii=False, default=str) + "\n")
        report = path.with_suffix(".md")
        report.write_text(self.markdown(run, self.draw(run["parts"], report)))

    def tell(self, run: Run, path: Path) -> None:
        """Each goal with its verdict, and where the report lies."""
        click.echo()
        for goal in self.judge(run["parts"]):
            colour = {REACHED: "green", MISSED: "red"}.get(goal.verdict, "yellow")
            click.echo(f"{click.style(f'{goal.verdict:<12}', fg=colour)} {goal.aim}: {goal.measured}")
        click.echo(f"\nReport: {os.path.relpath(path.with_suffix('.md'))}")


def begin(path: Path, new: Run, same: Sequence[str], *, report_only: bool) -> Run:
    """`new`, with the parts of the run that is there if that is of the same commit and equal in the keys `same`."""
    if not path.is_file():
        if report_only:
            raise click.UsageError(f"there is no {path}")
        return new
    there: Run = json.loads(path.read_text())
    if there.get("format") != new["format"]:
        raise click.UsageError(f"{path} is of an older format: move it away")
    if report_only:
        return there
    fits = there["machine"]["commit"] == new["machine"]["commit"] and all(there[key] == new[key] for key in same)
    return {**new, "parts": there["parts"]} if fits else new


def measured(name: str, part: Callable[[], Any], machine: Mapping[str, Any], missing: type[Exception]) -> dict[str, Any]:
    """Run one part, which raises `missing` where it lacks something. One that cannot run must not hide the others."""
    click.secho(f"\n{name}", bold=True)
    started, found = time.monotonic(), {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": _load()}
    try:
        outcome = {"status": "done", "result": part()}
    except missing as why:
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
