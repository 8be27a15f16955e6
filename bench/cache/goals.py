"""The goals, and whether a run reached them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bench.cache.ladder import BUDGETS
from bench.cache.pairs import TOLERATED
from bench.goals import Absent, Goal, Parts, judged, result

TRAPS = 20_000
COLD, WARM = 0.5, 0.8  # of the written paraphrases
MORE = 1.5  # times the hits of the best fixed cosine
AT_ENTRIES, P50, P99 = 100_000, 4.0, 15.0
RECALL, STRAIGHT = 0.99, 0.9


def judge(parts: Parts) -> list[Goal]:
    """All goals, in the order of the report."""
    return judged(_goals(), parts)


def streams(parts: Parts) -> dict[str, Any]:
    """The streams that were played. Raises Absent where there are none."""
    found = {name: stream for name, stream in result(parts, "streams").items() if "rows" in stream}
    if not found:
        raise Absent("no stream has its data")
    return found


def best_fixed(stream: Mapping[str, Any], most_wrong: float) -> tuple[str, Mapping[str, Any]] | None:
    """The fixed cosine with the most hits among those with no more wrong answers a request, in hindsight."""
    able = {level: row for level, row in stream["cosines"].items() if row["wrong"][0] <= most_wrong}
    return max(able.items(), key=lambda item: item[1]["hits"][0]) if able else None


def gain(stream: Mapping[str, Any], row: Mapping[str, Any]) -> float:
    """How many hits more than by the exact tier alone, a request. What is found by meaning is not all gained: a text that was
    missed instead would have been stored, and an exact hit the next time.
    """
    found: float = row["hits"][0] - stream["rows"]["exact only"]["hits"][0]
    return found


def learned(stream: Mapping[str, Any], budget: float) -> Mapping[str, Any]:
    found: Mapping[str, Any] = stream["rows"][f"+ learning {budget:.1%}"]
    return found


# --- verdicts ---


def _of_all(reached: bool, parts: Parts, measured: str) -> bool:
    """What is to hold on every stream is not reached on some. Raises Absent where it holds, but streams lack their data."""
    lacking = [name for name, stream in result(parts, "streams").items() if "skipped" in stream]
    if reached and lacking:
        raise Absent(f"without data: {', '.join(lacking)}; {measured}")
    return reached


def _within(budget: float) -> Callable[[Parts], tuple[str, bool]]:
    def verdict(parts: Parts) -> tuple[str, bool]:
        rows = {name: learned(stream, budget) for name, stream in streams(parts).items()}
        text = ", ".join(f"{name} {row['wrong'][0]:.2%} (at most {row['wrong_upper']:.2%})" for name, row in rows.items())
        reached = all(row["wrong_upper"] <= budget for row in rows.values())
        return text, _of_all(reached, parts, text)

    return verdict


def _above_fixed(budget: float) -> Callable[[Parts], tuple[str, bool]]:
    def verdict(parts: Parts) -> tuple[str, bool]:
        told, reached = [], True
        for name, stream in streams(parts).items():
            ours = learned(stream, budget)
            fixed = best_fixed(stream, ours["wrong"][0])
            mine, theirs = gain(stream, ours), gain(stream, fixed[1]) if fixed else 0.0
            told.append(f"{name} {mine:.1%} against {theirs:.1%}" + (f" (at {fixed[0]})" if fixed else " (none so low)"))
            reached &= mine > theirs
        return ", ".join(told), _of_all(reached, parts, ", ".join(told))

    return verdict


def _times_fixed(parts: Parts) -> tuple[str, bool]:
    found = streams(parts).get("paraphrases")
    if found is None:
        raise Absent("the stream of paraphrases has no data")
    ours, fixed = learned(found, 0.01), best_fixed(found, 0.01)
    mine, theirs = gain(found, ours), gain(found, fixed[1]) if fixed else 0.0
    times = mine / theirs if theirs > 0 else float("inf")
    at = f"cosine {fixed[0]}" if fixed else "none"
    text = f"{times:.2f} times: {mine:.1%} with {ours['wrong'][0]:.2%} wrong, against {theirs:.1%} ({at})"
    return text, times >= MORE and ours["wrong"][0] <= 0.01


def _no_trap(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "traps")
    counts = {
        f"{threshold}, {where}": offered[where]
        for threshold, offered in found["offered"].items()
        for where in ("its own original", "all originals")
    }
    told = ", ".join(f"{name}: {one['own']} (at most {one['own_upper']:.3%})" for name, one in counts.items())
    return f"of {found['traps']:,}: {told}", found["traps"] >= TRAPS and not any(one["own"] for one in counts.values())


def _cold_pairs(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "pairs")
    traps, paraphrases = (found["cold"][name] / found["pairs"] for name in ("traps", "paraphrases"))
    best = found["at_tolerated"]
    text = f"{traps:.1%} of traps (at most {found['cold']['traps_upper']:.1%}), {paraphrases:.1%} of paraphrases"
    return f"{text}; in hindsight {best['paraphrases']:.1%} at {best['traps']:.1%}", traps <= TOLERATED and paraphrases >= COLD


def _warm_pairs(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "pairs")
    last = found["rounds"][-1]
    traps, paraphrases = last["traps"][0], last["paraphrases"][0]
    text = f"in round {len(found['rounds'])} {traps:.1%} of traps, {paraphrases:.1%} of paraphrases"
    return f"{text}; {found['judge_calls']:.0f} calls of the judge in all", traps <= TOLERATED and paraphrases >= WARM


def _fast(parts: Parts) -> tuple[str, bool]:
    point = next((one for one in result(parts, "latency")["points"] if one["entries"] == AT_ENTRIES), None)
    if point is None:
        raise Absent(f"{AT_ENTRIES:,} entries were not measured")
    whole, part = point["whole"], point["embed_and_search"]
    text = f"whole lookup p50 {whole['p50']:.1f}, p99 {whole['p99']:.1f} ms"
    return f"{text}; without guards and verifier {part['p50']:.1f} and {part['p99']:.1f}", whole["p50"] <= P50 and whole[
        "p99"
    ] <= P99


def _logarithmic(parts: Parts) -> tuple[str, bool]:
    found = result(parts, "latency")
    growth, recall = found["growth"], min(point["recall"] for point in found["points"])
    if growth is None:
        raise Absent("too few sizes")
    line = f"{growth['ms_for_ten_times']:.3f} ms for ten times as many (R² of the line {growth['r_squared']:.2f}"
    line += f", as a power {growth['exponent']:.2f})"
    largest = max(point["entries"] for point in found["points"])
    return f"up to {largest:,}: {line}, recall@1 from {recall:.3f}", recall >= RECALL and growth["r_squared"] >= STRAIGHT


def _goals() -> dict[str, Callable[[Parts], tuple[str, bool]]]:
    goals: dict[str, Callable[[Parts], tuple[str, bool]]] = {}
    for budget in BUDGETS:
        goals[f"wrong answers a request at most {budget:.1%} on every stream, upper bound too"] = _within(budget)
    for budget in BUDGETS:
        goals[f"budget {budget:.1%}: more hits than every fixed cosine with as many wrong answers"] = _above_fixed(budget)
    return goals | {
        f"paraphrases at 1 % wrong: at least {MORE} x the hits of the best fixed cosine": _times_fixed,
        f"mechanical traps: of at least {TRAPS:,} none is served its original's answer": _no_trap,
        f"written pairs, cold: at most {TOLERATED:.0%} of traps, at least {COLD:.0%} of paraphrases": _cold_pairs,
        f"written pairs, judge and feedback: at most {TOLERATED:.0%} of traps, at least {WARM:.0%} of paraphrases": _warm_pairs,
        f"{AT_ENTRIES:,} entries: lookup with embedding p50 at most {P50:g} ms, p99 at most {P99:g} ms": _fast,
        f"search grows as log N, at recall@1 of at least {RECALL}": _logarithmic,
    }
