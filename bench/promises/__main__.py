"""`make check-promises`: run every check, print what was seen, and keep it in bench/results/."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import click

from bench.machine import describe
from bench.promises import checks, real_model, wire

RESULTS = Path("bench/results")
CHECKS = {
    "dedup": checks.dedup,
    "joiners": checks.joiners,
    "waiting": checks.waiting,
    "storm": checks.storm,
    "outage": checks.outage,
    "memory": checks.memory,
    "parameters": wire.parameters,
    "real model": real_model.real_model,
}


@click.command()
@click.option("--only", help="Some of: " + ", ".join(CHECKS))
def main(only: str | None) -> None:
    """Prove the promises on real processes. Takes about eight minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    machine, results = describe(), {}
    for name in only.split(",") if only else CHECKS:
        results[name] = _run(name)
    kept = all(result["kept"] is not False for result in results.values())
    if not only:
        _keep(machine, results)
    sys.exit(0 if kept else 1)


def _run(name: str) -> dict[str, Any]:
    check = CHECKS[name]
    click.secho(f"\n{name}: {(check.__doc__ or '').splitlines()[0]}", bold=True)
    started, shown = time.monotonic(), [0]

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty() and done * 40 // total != shown[0]:
            shown[0] = done * 40 // total
            click.echo(f"\r  [{'#' * shown[0]:<40}] {done}/{total}", nl=done == total, err=True)

    try:
        result = check(progress)
    except Exception as error:  # noqa: BLE001  one check that cannot run must not hide the others
        result = {"error": f"{type(error).__name__}: {error}", "kept": False}
    result["took s"] = round(time.monotonic() - started, 1)
    for key, value in result.items():
        if key != "kept":
            click.echo(f"  {key}: {value}")
    word, colour = {True: ("kept", "green"), False: ("BROKEN", "red"), None: ("not run", "yellow")}[result["kept"]]
    click.secho(f"  {word}", fg=colour)
    return result


def _keep(machine: dict[str, Any], results: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"promises-{machine['at'][:10]}-{machine['commit']}.json"
    path.write_text(json.dumps({"machine": machine, "results": results}, indent=2, default=str) + "\n")
    path.with_suffix(".md").write_text(_report(machine, results))
    click.echo(f"\nReport: {path}")


def _report(machine: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """The same for people, as Markdown."""
    words = {True: "kept", False: "BROKEN", None: "not run"}
    lines = ["# The promises, checked", "", ", ".join(f"{name} {value}" for name, value in machine.items()), ""]
    lines += ["| promise | measured | verdict |", "|---|---|---|"]
    for name, result in results.items():
        measured = "; ".join(f"{key}: {value}" for key, value in result.items() if key != "kept").replace("|", "\\|")
        lines.append(f"| {name}: {(CHECKS[name].__doc__ or '').splitlines()[0]} | {measured} | {words[result['kept']]} |")
    return "\n".join(lines) + "\n"


main()
