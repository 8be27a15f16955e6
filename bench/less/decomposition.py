"""Decomposition, measured offline: how many prompts of several questions are split right, how many single tasks left alone.

python -m bench.less.decomposition [--data DIR] [--seeds N] [--out FILE]
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.cache.data import Data
from bench.cache.stats import interval, wilson
from bench.less import decomposition_composites as composites
from bench.less import decomposition_qdmr as qdmr
from pipeline.decompose.plan import Plan
from pipeline.decompose.split import plan

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
OWN = Path(__file__).parent
SHOWN = 40  # examples of a kind that go into the results
LATENCY_CHARACTERS = 2_000  # of the prompts whose planning is timed
GOAL_SPLIT, GOAL_REFUSED = 0.90, 0.97


class Verdict(NamedTuple):
    """Of one prompt. `how` is the way it went: the kind of plan, or the reason against one."""

    text: str
    right: bool
    leniently: bool
    how: str


def measure(data_dir: Path, seeds: Sequence[int] = range(5)) -> dict[str, Any]:
    """All figures, as JSON can hold them. Raises MissingDataError."""
    data = Data(data_dir)
    joined = _composites(data, seeds)
    sets = {
        "parallelqa": [_parallel(row) for row in data.rows("parallelqa")],
        "hotpotqa_comparison": [_hotpot(row["question"]) for row in data.rows("hotpotqa_comparison")],
    }
    broken = [(qdmr.shape(row["steps"]), row["question"]) for row in data.rows("break_qdmr_high")]
    sets["break_qdmr_high, several look-ups"] = [_break(gold, text) for gold, text in broken if gold != (1,)]
    splittable = {name: _shares(verdicts) for name, verdicts in sets.items()}
    splittable["composites"] = joined["all"]
    single = _unsplittable(data)
    single["break_qdmr_high, one look-up"] = [text for gold, text in broken if gold == (1,)]
    return {
        "splittable": splittable,
        "overall": _overall(sets, joined["all"], len(seeds)),
        "composites": joined,
        "break": _by_shape(broken),
        "unsplittable": {name: _refused(texts) for name, texts in single.items()},
        "own": {
            half: _own(OWN / file)
            for half, file in (("written", "decomposition.jsonl"), ("held out", "decomposition-heldout.jsonl"))
        },
        "missed": {name: [[one.text, one.how] for one in verdicts if not one.right][:SHOWN] for name, verdicts in sets.items()},
        "latency_us": _latency([text for texts in (*single.values(), *_several(data, broken)) for text in texts]),
    }


def _share(right: int, total: int) -> dict[str, Any]:
    return {"right": right, "of": total, "share": right / total if total else 0.0, "interval": wilson(right, total)}


def _shares(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    lenient = sum(one.leniently for one in verdicts)
    return _share(sum(one.right for one in verdicts), len(verdicts)) | {"lenient": lenient / max(1, len(verdicts))}


def _several(data: Data, broken: Sequence[tuple[qdmr.Shape, str]]) -> tuple[list[str], list[str]]:
    """Prompts which take the longest to plan, for the timing."""
    joined = composites.composites(composites.questions(data), 0)
    return [one.text for one in joined], [text for gold, text in broken if gold != (1,)]


# --- the sets which can be split ---


def _parallel(row: dict[str, Any]) -> Verdict:
    """Right with as many look-ups as the set says, and a relation; leniently with two or more."""
    found = plan(row["question"])
    if isinstance(found, str):
        return Verdict(row["question"], False, False, found)
    related = found.relate is not None
    return Verdict(
        row["question"], related and len(found.parts) == row["branch"], related, f"{len(found.parts)} of {row['branch']}"
    )


def _hotpot(question: str) -> Verdict:
    """Right with two look-ups of two things which the question names, and a relation."""
    found = plan(question)
    if isinstance(found, str):
        return Verdict(question, False, False, found)
    named = len({part.label for part in found.parts} & {part.label for part in found.parts if part.label in question})
    right = len(found.parts) == 2 and named == 2 and found.relate is not None
    return Verdict(question, right, right, found.kind)


def _break(gold: qdmr.Shape, question: str) -> Verdict:
    found = plan(question)
    shape = qdmr.planned(found)
    return Verdict(question, shape == gold, qdmr.leniently(gold, shape), found if isinstance(found, str) else found.kind)


def _by_shape(broken: Iterable[tuple[qdmr.Shape, str]]) -> dict[str, Any]:
    rows: dict[str, list[Verdict]] = {}
    for gold, text in broken:
        kind = {(1,): "one look-up", (1, 1): "chain of two", (1, 1, 1): "chain of three"}.get(
            gold, "parallel" if len(gold) == 1 else "mixed"
        )
        rows.setdefault(kind, []).append(_break(gold, text))
    return {kind: _shares(verdicts) for kind, verdicts in sorted(rows.items())}


def _composites(data: Data, seeds: Sequence[int]) -> dict[str, Any]:
    among = composites.questions(data)
    by_way: dict[str, Counter[str]] = {way: Counter() for way in composites.WAYS}
    shares, sure = [], 0
    for seed in seeds:
        drawn = composites.composites(among, seed)
        judged = [(one.way, _joined(one)) for one in drawn]
        sure += sum(how == "right" and _is_sure(one.text) for one, (_, how) in zip(drawn, judged, strict=True))
        shares.append(sum(how == "right" for _, how in judged) / len(judged))
        for way, how in judged:
            by_way[way][how] += 1
    total = sum(by_way.values(), Counter[str]())
    mean, half = interval(shares)
    return {
        "questions": len(among),
        "ways": {way: _share(counts["right"], counts.total()) | dict(counts) for way, counts in by_way.items()},
        "all": _share(total["right"], total.total())
        | dict(total)
        | {"lenient": 1 - (total["refused"] + total["wrong"]) / total.total()},
        "sure": _share(sure, total.total()),
        "by_seed": {"mean": mean, "half_width": half, "values": shares},
    }


def _joined(one: composites.Composite) -> str:
    """'right'; 'refused'; 'together' when questions stayed in one part, which harms no answer; 'wrong'."""
    found = plan(one.text)
    if isinstance(found, str):
        return "refused"
    texts = [part.text.lower() for part in found.parts]
    wanted = [composites.bare(part).lower() for part in one.parts]
    if any(part.needs for part in found.parts) or not all(any(want in text for text in texts) for want in wanted):
        return "wrong"
    if len(texts) == len(wanted):
        return "right" if all(want in text for want, text in zip(wanted, texts, strict=True)) else "wrong"
    return "together" if len(texts) < len(wanted) else "wrong"


def _is_sure(text: str) -> bool:
    found = plan(text)
    return isinstance(found, Plan) and found.sure


def _overall(sets: dict[str, list[Verdict]], joined: dict[str, Any], seeds: int) -> dict[str, Any]:
    """Everything pooled, with the composites of one seed; and the same without Break, most of which is chains."""
    right, total = joined["right"] // seeds, joined["of"] // seeds
    pooled = {name: _share(right, total) for name in ("all", "without break")}
    for name, verdicts in sets.items():
        for pool in ("all",) if name.startswith("break") else ("all", "without break"):
            known = pooled[pool]
            pooled[pool] = _share(known["right"] + sum(one.right for one in verdicts), known["of"] + len(verdicts))
    return pooled


# --- the sets which cannot ---


def _unsplittable(data: Data) -> dict[str, list[str]]:
    return {
        "mt_bench": [turn for row in data.rows("mt_bench") for turn in row["turns"]],
        "vicuna_bench": [turn for row in data.rows("vicuna_bench") for turn in row["turns"]],
        "self_instruct_human": [row["prompt"] for row in data.rows("self_instruct_human")],
        "gsm8k_test": [row["question"] for row in data.rows("gsm8k_test")],
    }


def _refused(texts: Sequence[str]) -> dict[str, Any]:
    found = [(text, plan(text)) for text in texts]
    split = [(text, one) for text, one in found if isinstance(one, Plan)]
    return _share(len(texts) - len(split), len(texts)) | {
        "reasons": dict(Counter(one for _, one in found if isinstance(one, str)).most_common()),
        "split": [[text, one.kind, [part.text for part in one.parts]] for text, one in split[:SHOWN]],
    }


# --- the own examples ---


def _own(path: Path) -> dict[str, Any]:
    """Examples written before any data was looked at. `either` ones may be refused, but not split wrongly."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    right: Counter[str] = Counter()
    missed = []
    for row in rows:
        found = plan(row["text"])
        good = _fits(row, found)
        right[row["want"]] += good
        if not good:
            missed.append([row["text"], found if isinstance(found, str) else [part.text for part in found.parts]])
    total = Counter(row["want"] for row in rows)
    return {want: _share(right[want], total[want]) for want in ("split", "either", "one")} | {"missed": missed}


def _fits(row: dict[str, Any], found: Plan | str) -> bool:
    if isinstance(found, str):
        return row["want"] != "split"
    if row["want"] == "one":
        return False
    return [list(part.needs) for part in found.parts] == row["needs"] and (found.relate is not None) == row["relate"]


def _latency(texts: Iterable[str], clock: Callable[[], float] = time.thread_time) -> dict[str, float]:
    """Microseconds of a processor for one plan."""
    taken = []
    for text in texts:
        if len(text) <= LATENCY_CHARACTERS:
            start = clock()
            plan(text)
            taken.append((clock() - start) * 1e6)
    taken.sort()
    return {"n": len(taken), "p50": taken[len(taken) // 2], "p99": taken[int(len(taken) * 0.99)], "most": taken[-1]}


# --- the table ---


def table(figures: dict[str, Any]) -> str:
    """What was measured, as Markdown."""
    lines = ["| set | right | of | share | 95 % interval |", "|---|---|---|---|---|"]
    rows = {f"split: {name}": row for name, row in figures["splittable"].items()}
    rows["split: composites, sure ones only"] = figures["composites"]["sure"]
    rows |= {f"split, pooled: {name}": row for name, row in figures["overall"].items()}
    rows |= {f"refused: {name}": row for name, row in figures["unsplittable"].items()}
    rows |= {f"own, {half}: {want}": row for half, own in figures["own"].items() for want, row in own.items() if want != "missed"}
    for name, row in rows.items():
        low, high = row["interval"]
        lines.append(f"| {name} | {row['right']} | {row['of']} | {row['share']:.1%} | {low:.1%} to {high:.1%} |")
    lines += ["", "| composites joined by | right | refused | left together | wrong |", "|---|---|---|---|---|"]
    for way, row in figures["composites"]["ways"].items():
        shares = (f"{row.get(how, 0) / row['of']:.1%}" for how in ("right", "refused", "together", "wrong"))
        lines.append(f"| {way} | {' | '.join(shares)} |")
    lines += ["", "| Break, by shape | of | strictly right | leniently |", "|---|---|---|---|"]
    lines += [f"| {kind} | {row['of']} | {row['share']:.1%} | {row['lenient']:.1%} |" for kind, row in figures["break"].items()]
    spent = figures["latency_us"]
    return "\n".join(
        [*lines, "", f"plan(): p50 {spent['p50']:.0f} us, p99 {spent['p99']:.0f} us of processor time, n = {spent['n']}"]
    )


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA, help="Folder of the evaluation data.")
@click.option("--seeds", default=5, help="Seeds of the composites.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures there, as JSON.")
def main(data: Path, seeds: int, out: Path | None) -> None:
    figures = measure(data, range(seeds))
    if out:
        out.write_text(json.dumps(figures, indent=1, ensure_ascii=False, default=list), encoding="utf-8", errors="replace")
    click.echo(table(figures))


if __name__ == "__main__":
    main()
