"""The bench of decomposition: what it takes for right, on data made up here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.less import decomposition, decomposition_composites, decomposition_qdmr
from pipeline.decompose.split import plan

QUESTIONS = ["how tall is mount everest", "who painted the night watch", "what is the capital of peru", "why is the sky blue"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["return rivers in Asia", "return the longest of #1", "return #1 that is in China"], (1,)),
        (["return population of Oslo", "return population of Bergen", "return which is highest of #1 , #2"], (2,)),
        (["return the country with the anthem X", "return famous athletes of #1"], (1, 1)),
        (
            [
                "return games of A",
                "return games of B",
                "return number of #1",
                "return number of #2",
                "return difference of #3 and #4",
            ],
            (2,),
        ),
        (["return professions of A", "return professions of B", "return the profession in both #1 and #2"], (2,)),
    ],
)
def test_the_look_ups_of_break(steps: list[str], expected: tuple[int, ...]) -> None:
    assert decomposition_qdmr.shape(steps) == expected


def test_plans_have_the_same_shape() -> None:
    assert decomposition_qdmr.planned(plan("When was the director of Jaws born?")) == (1, 1)
    assert decomposition_qdmr.planned(plan("Which river is longer, the Nile or the Rhine?")) == (2,)
    assert decomposition_qdmr.planned("single") == (1,)


def test_composites_are_the_same_for_the_same_seed() -> None:
    first = decomposition_composites.composites(QUESTIONS, 7, each=2)
    assert first == decomposition_composites.composites(QUESTIONS, 7, each=2)
    assert first != decomposition_composites.composites(QUESTIONS, 8, each=2)
    assert {one.way for one in first} == set(decomposition_composites.WAYS)


def test_everything_is_measured(tmp_path: Path) -> None:
    files = {
        "qqp_test": [{"a": text} for text in QUESTIONS],
        "clinc150": [{"text": "what is my credit limit"}],
        "vicuna_bench": [{"turns": ["How do vaccines work?"]}],
        "mt_bench": [{"turns": ["Write a poem.", "Make it longer."]}],
        "self_instruct_human": [{"prompt": "Write a sentence that ends with published."}],
        "gsm8k_test": [{"question": "Tom has 3 apples. How many are left when he eats 2?"}],
        "parallelqa": [{"question": "If Texas grew by 5% and Ohio shrank by 2%, which area would be larger?", "branch": 2}],
        "hotpotqa_comparison": [{"question": "Who is older, Ann Lee or Bob Ray?"}],
        "break_qdmr_high": [
            {
                "question": "When was the director of Jaws born?",
                "steps": ["return the director of Jaws", "return when #1 was born"],
            }
        ],
    }
    for name, rows in files.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    figures = decomposition.measure(tmp_path, range(2))
    assert figures["splittable"]["parallelqa"]["share"] == 1
    assert figures["splittable"]["hotpotqa_comparison"]["share"] == 1
    assert figures["break"]["chain of two"]["share"] == 1
    assert all(row["share"] == 1 for row in figures["unsplittable"].values() if row["of"])
    assert figures["composites"]["all"]["of"] == 2 * len(decomposition_composites.WAYS) * decomposition_composites.EACH
    assert "hotpotqa_comparison" in decomposition.table(figures)
