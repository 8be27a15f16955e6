"""Follow-up questions: how many were rewritten rightly, wrongly, or left alone; and what happens to questions that are none."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from bench.cache.stats import wilson
from bench.less.memory_dialogues import is_held_out, read
from pipeline.memory.standalone import standalone

ANSWER = "Here is what I found."
UNRELATED = ("qqp_test", "clinc150", "self_instruct_human", "hotpotqa_comparison")
MOST = 1_500  # pairs of each file


def measure(data_dir: Path) -> dict[str, Any]:
    """The written follow-ups, by half and together; second turns of mt_bench; and pairs of questions that have nothing to do
    with each other, where they are at hand.
    """
    found: dict[str, Any] = {half: judged(half) for half in ("seen", "held out", "all")}
    found["mt_bench second turns"] = _untouched(_second_turns(data_dir))
    found["unrelated questions"] = _untouched(pair for name in UNRELATED for pair in _pairs(data_dir / f"{name}.jsonl"))
    return found


def judged(half: str) -> dict[str, Any]:
    """Right, wrong, missed, rightly and wrongly refused, with the interval of wrong among what was rewritten."""
    counts: Counter[str] = Counter()
    wrong = []
    for row in read("followups"):
        if half != "all" and is_held_out(row["follow_up"] + row["turns"][-1]["content"]) != (half == "held out"):
            continue
        made = standalone([*answered(row["turns"]), {"role": "user", "content": row["follow_up"]}])
        verdict = judge(made.question, row["stands_alone"])
        counts[verdict] += 1
        if verdict == "wrong":
            wrong.append({"after": row["turns"][-1]["content"], "asked": row["follow_up"], "made": made.question})
    rewritten = counts["right"] + counts["wrong"]
    wanted = counts["right"] + counts["missed"] + counts["wrong"]
    return {
        **{name: counts[name] for name in ("right", "wrong", "missed", "refused")},
        "wrong among rewritten": [counts["wrong"] / max(1, rewritten), *wilson(counts["wrong"], rewritten)],
        "right among those that can be": [counts["right"] / max(1, wanted), *wilson(counts["right"], wanted)],
        "examples of wrong": wrong[:10],
    }


def judge(made: str | None, wanted: str | None) -> str:
    """`wanted` None: it must not be rewritten. Several right answers are separated by a bar; '-' among them allows a refusal."""
    able = wanted.split(" | ") if wanted else []
    if made is None:
        return "missed" if able and "-" not in able else "refused"
    return "right" if any(_plain(made) == _plain(one) for one in able) else "wrong"


def answered(turns: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The turns with an answer after each question."""
    found: list[dict[str, str]] = []
    for turn in turns:
        if found and found[-1]["role"] == turn["role"] == "user":
            found.append({"role": "assistant", "content": ANSWER})
        found.append(turn)
    return [*found, {"role": "assistant", "content": ANSWER}] if found[-1]["role"] == "user" else found


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower().replace("’", "'")))


def _second_turns(data_dir: Path) -> Iterator[tuple[str, str]]:
    yield from (row["turns"] for row in _rows(data_dir / "mt_bench.jsonl") if len(row["turns"]) == 2)


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    texts = [str(row.get("a") or row.get("text") or row.get("question") or row.get("prompt")) for row in _rows(path)]
    Random("pairs").shuffle(texts)
    yield from list(zip(texts[::2], texts[1::2], strict=False))[:MOST]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _untouched(pairs: Any) -> dict[str, Any]:
    """Questions that lean on nothing: how many were changed in more than their first words."""
    total, changed, examples = 0, 0, []
    for first, second in pairs:
        total += 1
        messages = [("user", first), ("assistant", "Yes."), ("user", second)]
        made = standalone([{"role": role, "content": text} for role, text in messages])
        if made.question is not None and made.reason != "opening":
            changed += 1
            examples.append({"after": first, "asked": second, "made": made.question})
    return {"pairs": total, "rewritten": changed, "interval": list(wilson(changed, total)), "examples": examples[:10]}
