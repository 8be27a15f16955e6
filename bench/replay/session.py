"""One run: every part that is not done yet, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import click

from bench.replay.metrics import Figures
from bench.replay.model import Upstream
from bench.replay.part import play_part
from bench.replay.plan import Library, Plan, Summary
from bench.replay.processes import undisturbed
from bench.replay.state import State, part_key
from bench.replay.ways import Way
from bench.replay.workload import Workload

PlayPart = Callable[[Plan, Workload, Way, Upstream, str], Figures]


def run(
    plan: Plan,
    library: Library,
    state: State,
    ways: dict[str, Way],
    *,
    upstream: Callable[[], Upstream] = Upstream,
    part: PlayPart = play_part,
) -> None:
    """Play what is missing in `state`. Whatever was started is ended, also after Ctrl-C."""
    there = _there(ways, state)
    todo = [(trace, seed, way) for trace, seed, way in plan.parts() if way in there and not state.has(trace, seed, way)]
    if not todo:
        return
    for trace, seed in dict.fromkeys((trace, seed) for trace, seed, _ in todo):
        # All of them before anything is started, so that data which is missing is told at once.
        state.results.workloads[part_key(trace, seed)] = Summary.of(library.workload(trace, seed))
    model = upstream()
    try:
        for number, (trace, seed, way) in enumerate(todo):
            workload = library.workload(trace, seed)
            label = f"[{number + 1}/{len(todo)}] {trace}, seed {seed}, {way}"
            state.add(trace, seed, way, part(plan, workload, there[way], model, label))
    finally:
        with undisturbed():
            for started in ways.values():
                started.close()
            model.close()


def _there(ways: dict[str, Way], state: State) -> dict[str, Way]:
    """The ways that can be played here; the others leave a note."""
    there, state.results.notes = {}, []
    for name, way in ways.items():
        reason = way.missing()
        state.results.ways[name] = way.about
        if reason is None:
            there[name] = way
        else:
            state.results.notes.append(f"{name} was not played: {reason}")
            click.secho(state.results.notes[-1], fg="yellow", err=True)
    return there
