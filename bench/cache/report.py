"""The report for people: goals first, then what was measured, in tables and plots, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bench.cache import ladder, ways
from bench.cache.goals import best_fixed, gain, judge
from bench.goals import REACHED

Lines = list[str]
EXAMPLES = 10
SERVED = ("traps", "paraphrases")

STREAMS = {
    "paraphrases": "Quora's questions, whole classes as they come, each text once, in any order.",
    "zipf": "Quora's questions by Zipf's law (s = 1), any wording of a class each time.",
    "paws": "Adversarial pairs of PAWS (the same words, often another meaning), half of it questions that stand alone.",
    "clinc": (
        "Short requests to an assistant. Only the same words count as the same question, so wrong answers are an upper bound: "
        "some of these hits really were paraphrases."
    ),
    "written": (
        "The project's own groups that the verifier was not trained on: prompts, paraphrases, near misses. The scorer that ships "
        "was fitted to pairs of these groups, 16 coefficients, so its figures here flatter it a little."
    ),
}
HOW = """
- A request whose very text was stored is answered by the exact tier. What misses is stored with its own answer. An answer is
  right when it belongs to the class of the request; classes are the connected components of the labelled duplicates.
- Labels are as they were published. They have faults: of 59 pairs of Quora's at a cosine of 0.95 and more that are labelled as
  different and were read one by one, 22 asked the same and 7 nearly did. Pairs that nobody labelled count as different. So
  wrong answers here are more than people would call wrong, most of all at the top. all-MiniLM-L6-v2 saw questions of Quora when
  it was trained: cosines on them, ours and the fixed thresholds', look better than elsewhere.
- The verifier was trained on prompts of CLINC150, GSM8K, MT-Bench and self-instruct with mechanical changes (numbers, negation)
  and beside their neighbours of another intent, not on the labels of any stream.
- Each neighbour is found exactly here; the index's own recall is under "Latency".
- "+ semantic": a fixed cosine of {plain}; "+ guards": the same behind the vetoes; "+ verifier": guards, verifier, scorer and the
  threshold of a new tenant; "+ learning": the same with audits of the first hits and then {audited:.0%} of them, a judge of the
  grey zone who errs in {errs:.0%}, and pipeline.cache.semantic.learn. Labels reach the learner by audits and the judge alone.
- Hits gained are those that the exact tier alone would not have had. A text that is missed is stored, and an exact hit the next
  time, so what is found by meaning is not all gained.
- In all of these rows, prompts that pipeline.cache.guards.never rejects are not looked up and count as misses.
- GPTCache's default: similarity threshold 0.8 with SearchDistanceEvaluation over FAISS, which is a squared distance of at most
  0.8, a cosine of {gptcache}; here on the same vectors as everything else, which are not the ones that it ships. The original
  rule is a cosine of {original}. Neither has guards.
- ± is half of the 95 % interval of the mean over the seeds (Student's t); "at most" the upper end of Wilson's 95 % interval of
  all seeds together.
"""


def markdown(run: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """The whole report. `run`: machine, quick, seeds, models, parts; `plots`: name -> file, of those that were drawn."""
    parts = run["parts"]
    lines = [
        "# The semantic cache, measured offline",
        "",
        ", ".join(f"{name} {value}" for name, value in run["machine"].items()),
        "",
    ]
    if run["quick"]:
        lines += ["**A quick look: short streams, few traps. Not a measurement.**", ""]
    lines += [
        f"Seeds {', '.join(map(str, run['seeds']))}; models: {', '.join(f'{name} {of}' for name, of in run['models'].items())}.",
        "",
    ]
    goals = [
        (goal.aim, goal.measured, goal.verdict if goal.verdict == REACHED else f"**{goal.verdict}**") for goal in judge(parts)
    ]
    lines += [*table("goal | measured | verdict", goals), ""]
    lines += _absent(parts)
    for title, name, section in SECTIONS:
        if parts.get(name, {}).get("status") == "done":
            lines += [f"## {title}", "", *section(parts[name]["result"]), ""]
            lines += [line for plot in PLOTS.get(name, ()) if plot in plots for line in (f"![{title}]({plots[plot]})", "")]
    return "\n".join([*lines, *_method(run)]).rstrip() + "\n"


def table(head: str, rows: Iterable[Iterable[Any]]) -> Lines:
    """`head`: titles with a bar between them."""
    titles = [title.strip() for title in head.split("|")]
    body = [[str(value).replace("|", "\\|").replace("\n", " ") for value in row] for row in rows]
    return [f"| {' | '.join(cells)} |" for cells in (titles, ["---"] * len(titles), *body)]


def _absent(parts: Mapping[str, Mapping[str, Any]]) -> Lines:
    found = [
        f"the part `{name}` is {part['status']}: {part['error'].splitlines()[0]}"
        for name, part in parts.items()
        if "error" in part
    ]
    streams = parts.get("streams", {}).get("result", {})
    found += [f"the stream `{name}` was skipped: {stream['skipped']}" for name, stream in streams.items() if "skipped" in stream]
    found += [f"`traps`: {why}" for why in parts.get("traps", {}).get("result", {}).get("missing", [])]
    return ["Not measured:", "", *(f"- {line}" for line in found), ""] if found else []


# --- streams ---


def _streams(found: Mapping[str, Any]) -> Lines:
    lines: Lines = []
    for name, stream in found.items():
        if "rows" in stream:
            lines += [
                f"### {name}",
                "",
                f"{STREAMS[name]} {_about(stream['about'])}",
                "",
                *_ladder(stream),
                "",
                *_hindsight(stream),
                "",
            ]
    return lines[:-1]


def _about(about: Mapping[str, float]) -> str:
    return (
        f"{about['requests']:,.0f} requests a seed, {about['repeats']:.1%} of them word for word again; a cache that knew all "
        f"would answer {about['ceiling']:.1%}. Never looked up by meaning: {about['never']:.1%}."
    )


def _ladder(stream: Mapping[str, Any]) -> Lines:
    rows = []
    for name, row in stream["rows"].items():
        thresholds = [seed["threshold"] for seed in row["seeds"] if "threshold" in seed]
        rows.append(
            (
                name,
                share(row["hits"]),
                share(row["semantic"]),
                share(row["wrong"], 2),
                f"{row['wrong_upper']:.2%}",
                f"{row['worst_seed']:.2%}",
                f"{row['wrong_of_semantic']:.1%} ({row['wrong_of_semantic_upper']:.1%})" if row["semantic"][0] else "",
                _span(thresholds),
                _labels(row["seeds"]),
            )
        )
    head = "row | hits | of them by meaning | wrong a request | at most | worst seed | wrong a hit by meaning (at most)"
    return table(head + " | threshold at the end | audits + judged", rows)


def _labels(seeds: Iterable[Mapping[str, Any]]) -> str:
    counts = [(seed["audits"], seed["judged"]) for seed in seeds if "audits" in seed]
    return (
        f"{sum(one for one, _ in counts) / len(counts):.0f} + {sum(two for _, two in counts) / len(counts):.0f}" if counts else ""
    )


def _span(values: list[float]) -> str:
    if not values:
        return ""
    return f"{min(values):.3f}" if min(values) == max(values) else f"{min(values):.3f}..{max(values):.3f}"


def _hindsight(stream: Mapping[str, Any]) -> Lines:
    """The best that fixed thresholds could do, had somebody known."""
    rows = []
    for budget in ladder.BUDGETS:
        found = best_fixed(stream, budget), best_fixed({"cosines": stream["scores"]}, budget)
        rows.append((f"{budget:.1%}", *(_best(stream, one) for one in found)))
    head = (
        "wrong a request at most | hits gained by the best fixed cosine in hindsight | by the best fixed score (shipped scorer)"
    )
    return table(head, rows)


def _best(stream: Mapping[str, Any], found: tuple[str, Mapping[str, Any]] | None) -> str:
    return f"{gain(stream, found[1]):.1%} at {found[0]} ({found[1]['wrong'][0]:.2%} wrong)" if found else "none"


def share(value: Iterable[float], digits: int = 1) -> str:
    middle, half = value
    return f"{middle:.{digits}%} ± {half * 100:.{digits}f}" if half else f"{middle:.{digits}%}"


# --- traps ---


def _traps(found: Mapping[str, Any]) -> Lines:
    of = ", ".join(f"{name} {count:,}" for name, count in found["sets"].items())
    kinds = ", ".join(f"{name} {count:,}" for name, count in found["kinds"].items())
    lines = [
        f"{found['traps']:,} traps ({kinds}) of {found['prompts']:,} prompts ({of}; those that are never looked up, or are too "
        f"long, are left out). {found['never']:,} of the traps are never looked up. Each is offered to a cache with its own "
        "original alone, and to one with all originals. There it may be served the answer to another prompt; whether that is "
        "right, nobody has labelled.",
        "",
    ]
    for name, offered in found["offered"].items():
        for where in ("its own original", "all originals"):
            one = offered[where]
            lines += [
                f"**{name} threshold ({offered['threshold']:.3f}), {where}: {one['own']:,} served their original's answer** "
                f"(at most {one['own_upper']:.3%}), {one['other']:,} another's",
                "",
                *_outcomes(one["outcomes"]),
                "",
                *(f"- {_example(example)}" for example in one["examples"][:EXAMPLES]),
                "",
            ]
    return lines[:-1]


def _outcomes(outcomes: Mapping[str, Mapping[str, int]]) -> Lines:
    total: Counter[str] = Counter()
    for counts in outcomes.values():
        total.update(counts)
    columns = sorted(total, key=lambda name: (name != "served", -total[name]))
    rows = [(kind, *(counts.get(name, 0) for name in columns)) for kind, counts in outcomes.items()]
    return table(" | ".join(["traps", *columns]), rows)


def _example(example: Mapping[str, Any]) -> str:
    where = f"{example['kind']}, {example['change']}, score {example['score']:.3f}, cosine {example['cosine']:.3f}"
    return f"{where}: “{_short(example['asked'])}” was given the answer to “{_short(example['stored'])}”"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:157]}..."


# --- pairs ---


def _pairs(found: Mapping[str, Any]) -> Lines:
    cold, best, cosine = found["cold"], found["at_tolerated"], found["cosine"]["at_tolerated"]
    first = {"threshold": found["threshold"], **{name: cold[name] / found["pairs"] for name in ("traps", "paraphrases")}}
    settings = {"cold threshold": first, "best score in hindsight": best, "best bare cosine in hindsight": cosine}
    rows = [(name, f"{one['threshold']:.3f}", *(f"{one[of]:.1%}" for of in SERVED)) for name, one in settings.items()]
    return [
        f"{found['pairs']} pairs of `{found['file']}`, all stored at once. {found['never']} of the texts are never looked up; "
        f"{cold['wrong_prompt']} paraphrases were given the answer to another stored prompt.",
        "",
        *table("before anything was learned | threshold | traps served | paraphrases served", rows),
        "",
        "The same texts again in each round, in any order; a wrong hit gets negative feedback. Nothing is added to the cache: "
        "with what was missed in it, all of the second round would be exact hits.",
        "",
        *_rounds(found["rounds"]),
        "",
        *(_served_trap(one) for one in found["served_traps"][:EXAMPLES]),
    ]


def _rounds(rounds: Iterable[Mapping[str, Any]]) -> Lines:
    rows = []
    for number, one in enumerate(rounds, 1):
        counts = [f"{one[name][0]:.1f}" for name in ("judged", "feedback", "audited")]
        rows.append((number, *(share(one[name]) for name in SERVED), *counts, f"{one['threshold'][0]:.3f}"))
    return table("round | traps served | paraphrases served | judge's calls | feedback | audits | threshold at its end", rows)


def _served_trap(one: Mapping[str, Any]) -> str:
    asked, stored = _short(one["asked"]), _short(one["stored"])
    return f"- served trap ({one['kind']}, score {one['score']:.3f}): “{asked}” for “{stored}”"


# --- latency ---


def _latency(found: Mapping[str, Any]) -> Lines:
    rows = [
        (
            f"{point['entries']:,}",
            f"{point['recall']:.3f} ({point['same_neighbour']:.3f})",
            *(_times(point[name]) for name in ("search", "embed_and_search", "whole")),
            f"{point['pairs_read']:.2f}",
            f"{point['bytes_per_entry']:,.0f}",
            f"{point['build_s']:,.1f}",
        )
        for point in found["points"]
    ]
    head = (
        "entries | recall@1 | search | embedding + search | with guards, verifier, scorer | pairs read | bytes an entry | build s"
    )
    return [
        f"{found['queries']:,} prompts asked of an index in one partition, which holds {found['prompts']:,} others; larger ones "
        "are filled up with these, each turned by a little in a random direction (a cosine of about 0.91). One process, one "
        "thread, ms p50 / p99. Recall counts a neighbour that is as near as the nearest within half precision (in brackets: the "
        "very same). Memory is what the process grew by.",
        "",
        *table(head, rows),
        "",
        _law(found["growth"]),
    ]


def _law(growth: Mapping[str, float] | None) -> str:
    if growth is None:
        return "Too few sizes for a law of growth."
    return (
        f"Ten times as many entries cost {growth['ms_for_ten_times']:.3f} ms more (a line through log N, R² "
        f"{growth['r_squared']:.2f}; as a power of N the exponent is {growth['exponent']:.2f}); sizes that are searched exactly "
        "are left out."
    )


def _times(times: Mapping[str, float]) -> str:
    return f"{times['p50']:.2f} / {times['p99']:.2f}"


def _projection(found: Mapping[str, Any]) -> Lines:
    rows = []
    for row in found["rows"]:
        built = "" if row["build_s"] is None else f"{row['build_s']:.1f}"
        rows.append((row["vectors"], row["by"], row["bytes"], f"{row['recall']:.3f}", _times(row), built))
    return [
        f"{found['entries']:,} entries, {found['queries']:,} queries. A sparse random projection in 8-bit integers finds "
        f"candidates, and the best {found['rescored']} are scored anew with the full vectors, which have to be kept besides. A "
        "scan looks at everything; the graph is the gateway's own (HNSW).",
        "",
        *table("vectors | found by | bytes an entry | recall@1 | ms p50 / p99 | build s", rows),
    ]


SECTIONS = (
    ("Streams", "streams", _streams),
    ("Mechanical traps", "traps", _traps),
    ("Written pairs", "pairs", _pairs),
    ("Written pairs with hardly a word in common", "reworded", _pairs),
    ("Latency", "latency", _latency),
    ("Short vectors", "projection", _projection),
)
PLOTS = {"streams": ("hits", "thresholds"), "pairs": ("pairs",), "latency": ("latency",)}


def _method(run: Mapping[str, Any]) -> Lines:
    how = HOW.format(
        plain=ladder.PLAIN,
        audited=ways.AUDITED,
        errs=ways.JUDGE_ERRS,
        gptcache=ladder.GPTCACHE,
        original=ladder.ORIGINAL,
    )
    names = ("status", "at", "took_s", "load_before", "load_after")
    rows = [(name, *(part[key] for key in names)) for name, part in run["parts"].items()]
    return ["## How", *how.rstrip().splitlines(), "", *table("part | status | begun | took s | load before | after", rows)]
