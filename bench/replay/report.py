"""The report: tables for people, everything as JSON beside them, and plots."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from bench.replay import plots, tables
from bench.replay.state import Results, part_key, save
from bench.replay.workload import KINDS

LIMITS = """
- The model is simulated: its latency is a formula, and an answer is right when it belongs to the question's class. Nothing
  is said of how good answers are.
- Which wordings share an answer is what the labels of the prompt sets say, and they have faults. A semantic cache is charged
  with some answers that people would accept, and misses some that the labels do not know.
- Contexts are filler of the trace's length, without a meaning that could help or mislead.
- Player, model and gateway share the cores of one machine; "others" is what something else used of it meanwhile.
"""


def write(results: Results, path: Path) -> None:
    """PATH.json, PATH.md and PATH-*.svg; the report on the terminal too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path.parent / f"{path.name}.json", results)
    text = render(results, [picture.name for picture in plots.draw(results, path)])
    target = path.parent / f"{path.name}.md"
    target.write_text(text)
    click.echo(text)
    click.echo(f"Report: {os.path.relpath(target)}")


def render(results: Results, pictures: Sequence[str] = ()) -> str:
    """The whole report as Markdown."""
    lines = ["# A trace, played", "", ", ".join(f"{name} {value}" for name, value in results.machine.items()), ""]
    lines += _setting(results)
    for trace in results.plan.traces:
        lines += ["", f"## {trace}", "", _workload(results, trace), *tables.of(results, trace)]
    lines += ["", "## What this does not say", LIMITS, *(f"![{name}]({name})" for name in pictures)]
    return "\n".join(lines).rstrip() + "\n"


def _setting(results: Results) -> list[str]:
    plan, model = results.plan, results.plan.behaviour
    return [
        f"Open loop: each request leaves at its time in the trace, {plan.speed:g} times as fast, whatever became of those before "
        "it. A response time counts from the moment at which the request was due, and only of answered requests. No client tries "
        f"again. Seeds {', '.join(map(str, plan.seeds))}: cells are medians (smallest .. largest).",
        "",
        f"The simulated model takes {model.base_ms:g} ms and {model.token_ms:g} ms a token, {model.slow_rate:.0%} of its calls "
        f"{model.slow_factor:g} times as long; {model.failure_rate:.0%} end with {model.failure_status}. Prices: "
        f"${model.input_price:g} and ${model.output_price:g} per million tokens in and out. Calls, tokens and cost are the "
        "model's own counts.",
        "",
        *(f"- **{name}**: {about}." for name, about in results.ways.items()),
        *(f"- {note}." for note in results.notes),
    ]


def _workload(results: Results, trace: str) -> str:
    found = [summary for seed in results.plan.seeds if (summary := results.workloads.get(part_key(trace, seed)))]
    if not found:
        return "Nothing was played."
    total, seconds = sum(summary.requests for summary in found), sum(summary.seconds for summary in found)
    kinds = {kind: sum(summary.kinds[kind] for summary in found) / total for kind in KINDS}
    return (
        f"{found[0].requests} requests a part, {total / seconds if seconds else 0:.0f} a second, "
        f"{sum(summary.streams for summary in found) / total:.0%} of them streams; "
        f"{', '.join(f'{share:.0%} {kind}' for kind, share in kinds.items())}. "
        f"Contexts of up to {results.plan.max_context} tokens ({results.plan.context}), Zipf's s = {results.plan.mix.zipf:g}, "
        f"prompts from {', '.join(results.plan.prompts)}. At most {kinds['repeat']:.0%} can be answered by an exact cache, "
        f"{kinds['repeat'] + kinds['paraphrase']:.0%} by a semantic one; all others must be asked."
    )
