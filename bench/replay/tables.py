"""The tables of a report: a row a way, in each cell the median of the seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import median

from bench.replay.metrics import NO_HIT, Figures
from bench.replay.state import Results, part_key
from bench.replay.workload import KINDS

Cell = Callable[[Figures], float | None]
Cells = dict[str, tuple[Cell, str]]  # a column's title, its value, and how it is written
Rows = dict[str, list[Figures]]  # of a way, one a seed


def of(results: Results, trace: str) -> list[str]:
    """All tables of a trace, as lines of Markdown."""
    rows = {way: _found(results, trace, way) for way in results.ways}
    rows = {way: found for way, found in rows.items() if found}
    return [*_times(rows), *_money(rows), *_answers(rows), *_kinds(rows), *_claims(rows)]


def _found(results: Results, trace: str, way: str) -> list[Figures]:
    keys = (part_key(trace, seed, way) for seed in results.plan.seeds)
    return [results.parts[key] for key in keys if key in results.parts]


def _times(rows: Rows) -> list[str]:
    cells: Cells = {
        "mean ms": (lambda f: f.mean_ms, ".0f"),
        "p50 ms": (lambda f: f.p50_ms, ".0f"),
        "p99 ms": (lambda f: f.p99_ms, ".0f"),
        "first words p50 ms": (lambda f: f.first_p50_ms, ".0f"),
        "first words p99 ms": (lambda f: f.first_p99_ms, ".0f"),
        "answers/s": (lambda f: f.per_second, ".1f"),
        "CPU ms/request": (lambda f: f.cpu_ms, ".1f"),
        "player late p99 ms": (lambda f: f.late_p99_ms, ".1f"),
        "others, cores": (lambda f: f.others_cores, ".2f"),
    }
    return _table("Time", rows, cells)


def _money(rows: Rows) -> list[str]:
    cells: Cells = {
        "upstream calls": (lambda f: f.calls, ".0f"),
        "failed calls": (lambda f: f.calls_failed, ".0f"),
        "prompt tokens": (lambda f: f.prompt_tokens, ",.0f"),
        "completion tokens": (lambda f: f.completion_tokens, ",.0f"),
        "cost $": (lambda f: f.cost, ".4f"),
        "saved": (lambda f: f.saved, ".1%"),
    }
    if any(figures.calls_changed for found in rows.values() for figures in found):
        cells |= {
            "prompts changed on the way": (lambda f: f.calls_changed, ".0f"),
            "not understood any more": (lambda f: f.calls_unknown, ".0f"),
        }
    return _table("Calls and money, as the upstream counted them", rows, cells)


def _answers(rows: Rows) -> list[str]:
    tiers = sorted({tier for found in rows.values() for figures in found for tier in figures.tiers} - {"none", *NO_HIT})
    cells: Cells = {f"hits: {tier}": (_tier(tier), ".1%") for tier in tiers}
    cells |= {
        "all hits": (lambda f: f.hits / f.requests, ".1%"),
        "wrong answers": (lambda f: f.wrong, ".0f"),
        "of all answers": (lambda f: f.wrong / f.answered if f.answered else None, ".2%"),
        "of hits": (lambda f: f.wrong_of_hits, ".2%"),
        "damaged": (lambda f: f.damaged, ".0f"),
        "failed": (lambda f: f.failed, ".0f"),
    }
    return [*_table("Answers", rows, cells), *_failures(rows)]


def _tier(tier: str) -> Cell:
    return lambda figures: figures.tiers.get(tier, 0) / figures.requests


def _failures(rows: Rows) -> list[str]:
    found = []
    for way, seeds in rows.items():
        kinds = sum((Counter(figures.failures) for figures in seeds), Counter[str]())
        if kinds:
            found.append(f"{way} " + ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common()))
    return ["", f"Failures, all seeds together: {'; '.join(found)}."] if found else []


def _kinds(rows: Rows) -> list[str]:
    cells: Cells = {kind: (_kind(kind), ".0%") for kind in KINDS}
    return _table("Share of hits by kind of request (the best: all repeats and paraphrases, nothing else)", rows, cells)


def _kind(kind: str) -> Cell:
    return lambda figures: figures.kinds[kind].hits / figures.kinds[kind].requests if figures.kinds[kind].requests else None


def _claims(rows: Rows) -> list[str]:
    telling = {way: [figures for figures in found if figures.claims] for way, found in rows.items()}
    telling = {way: found for way, found in telling.items() if found}
    if not telling:
        return []
    cells: Cells = {
        "says it cost $": (lambda f: f.claims.cost if f.claims else None, ".4f"),
        "it cost $": (lambda f: f.cost, ".4f"),
        "says it saved $": (lambda f: f.claims.saved if f.claims else None, ".4f"),
        "it saved $": (lambda f: f.worth - f.cost, ".4f"),
        "says calls": (lambda f: f.claims.calls if f.claims else None, ".0f"),
        "calls": (lambda f: f.calls, ".0f"),
    }
    return _table("What the gateway says of itself, beside the truth", telling, cells)


def _table(title: str, rows: Rows, cells: Cells) -> list[str]:
    lines = ["", f"### {title}", "", "| way | " + " | ".join(cells) + " |", "|---" * (len(cells) + 1) + "|"]
    for way, found in rows.items():
        values = [_spread((cell(figures) for figures in found), form) for cell, form in cells.values()]
        lines.append(f"| {way} | " + " | ".join(values) + " |")
    return lines


def _spread(values: Iterable[float | None], form: str) -> str:
    """The median, and the smallest and largest value where they differ from it as they are written."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    middle, low, high = format(median(known), form), format(known[0], form), format(known[-1], form)
    return middle if low == high else f"{middle} ({low} .. {high})"
