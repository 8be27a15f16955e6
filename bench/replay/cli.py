"""The command line of the trace player."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

import click

from bench.machine import describe
from bench.replay import options, prompts, report, session, tiny
from bench.replay.context import PLACES
from bench.replay.knowledge import Behaviour
from bench.replay.plan import TINY, Library, Plan
from bench.replay.state import State, load
from bench.replay.traces import TRACES, MissingDataError
from bench.replay.workload import Mix

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = Plan()
TINY_REQUESTS = 150
SETS = (*prompts.PAIRS, *prompts.SINGLES)
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
HELP = {
    "trace": f"Some of {', '.join(TRACES)}.",
    "prompts": f"Some of {', '.join(SETS)}.",
    "tiny": "Built-in prompts and arrivals, which need no data: some 6 seconds a way.",
    "data": "The evaluation data; default $REPLAY_DATA, then ../shared/data.",
    "requests": f"In each part; default {DEFAULTS.requests}, with --tiny {TINY_REQUESTS}.",
    "speed": "How many times faster than the trace.",
    "seeds": "How many (3) or which (4,7); default 3, with --tiny 1.",
    "leo": "A further row: NAME:WHAT=VALUE,... with settings (LEO_...), headers (X-LEO-...) and strategies (on, off).",
    "max_context": "Bound on the tokens before a question.",
    "resume": "Go on where a run with the same options was interrupted.",
    "report": "Only write the report of an earlier run's JSON file anew.",
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--trace", "traces", default=DEFAULTS.traces[0], show_default=True, callback=options.some(TRACES), help=HELP["trace"]
)
@click.option("--prompts", default=",".join(DEFAULTS.prompts), callback=options.some(SETS), help=HELP["prompts"])
@click.option("--tiny", "is_tiny", is_flag=True, help=HELP["tiny"])
@click.option("--data", type=FOLDER, default=None, help=HELP["data"])
@click.option("--requests", type=click.IntRange(1), default=None, help=HELP["requests"])
@click.option("--speed", type=click.FloatRange(0, min_open=True), default=DEFAULTS.speed, show_default=True, help=HELP["speed"])
@click.option("--seeds", default=None, callback=options.seeds, help=HELP["seeds"])
@click.option("--ways", default=",".join(options.WAYS), show_default=True, callback=options.some(options.WAYS))
@click.option("--leo", "variants", multiple=True, callback=options.variants, help=HELP["leo"])
@options.of(Mix(), options.MIX, "mix-")
@click.option("--context", type=click.Choice(PLACES), default=DEFAULTS.context, show_default=True, help="Where filler stands.")
@click.option("--max-context", type=click.IntRange(16), default=DEFAULTS.max_context, show_default=True, help=HELP["max_context"])
@options.of(Behaviour(), options.BEHAVIOUR)
@click.option("--timeout", default=DEFAULTS.timeout, show_default=True, help="Seconds.")
@click.option(
    "--in-flight", type=click.IntRange(1), default=DEFAULTS.in_flight, show_default=True, help="Bound on requests at once."
)
@click.option("--out", type=FOLDER, default=ROOT / "bench" / "results", help="Where the report goes; default bench/results.")
@click.option("--name", default="", help="Something more in the report's file name.")
@click.option("--resume", is_flag=True, help=HELP["resume"])
@click.option("--report", "earlier", type=FILE, default=None, help=HELP["report"])
def main(data: Path | None, out: Path, name: str, resume: bool, earlier: Path | None, is_tiny: bool, **given: Any) -> None:
    """Play a trace of LLM traffic in open loop, and compare the ways to a simulated model."""
    if earlier is not None:
        report.write(load(earlier), earlier.with_suffix(""))
        return
    machine = describe()
    try:
        plan = _plan(is_tiny, **given)
        state = State.open(out, machine, plan, resume=resume)
        _play(plan, state, data or Path(os.environ.get("REPLAY_DATA") or ROOT.parent / "shared" / "data"))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command with --resume goes on with the first part that is not finished.")
    except (MissingDataError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except (RuntimeError, AssertionError) as error:  # a way did not start, or ended
        raise click.ClickException(f"{error}\nThe same command with --resume goes on with this part.") from None
    words = ["replay", str(machine["at"])[:10], str(machine["commit"]), TINY if is_tiny else "", name]
    report.write(state.results, out / "-".join(filter(None, words)))
    state.remove()


def _play(plan: Plan, state: State, data: Path) -> None:
    if state.results.parts:
        click.echo(f"{len(state.results.parts)} parts are done already: {state.path}", err=True)
    elif state.path.is_file():
        click.echo(f"What an interrupted run left is replaced (--resume goes on with it): {state.path}", err=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    session.run(plan, Library(plan, data), state, plan.make_ways())


def _plan(is_tiny: bool, **given: Any) -> Plan:
    """The plan of the options. Raises ValueError when shares do not fit together."""
    mix = Mix(**{name: given.pop(f"mix_{name}") for name in options.MIX})
    behaviour = Behaviour(**{name: given.pop(name) for name in options.BEHAVIOUR})
    if is_tiny:
        given |= {"traces": (TINY,), "prompts": (TINY,)}
        mix = tiny.MIX if mix == Mix() else mix
    given["seeds"] = given["seeds"] or ((1,) if is_tiny else DEFAULTS.seeds)
    given["requests"] = given["requests"] or (TINY_REQUESTS if is_tiny else DEFAULTS.requests)
    return Plan(mix=mix, behaviour=behaviour, **given)
