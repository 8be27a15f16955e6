"""The bench of the extracts, on data made here: it counts what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.cache.data import MissingDataError
from bench.less.extraction import WAYS, measure
from tests.unit.optimise.test_extract import filler, meeting


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    asked = {"query": "What did Boris and Clara say of the price of the boathouse?", "spans": [["100", "101"]]}
    unknown = {"query": "What did Anna think of the zeppelin above the boathouse?", "spans": [["0", "3"], ["100", "100"]]}
    write(tmp_path, "qmsum_test", [{"meeting": meeting(), "queries": [asked, unknown]}])
    wiki = [{"a": filler(number, 6), "b": filler(number, 6), "label": number % 2} for number in range(400)]
    write(tmp_path, "paws_wiki_dev", wiki)
    write(tmp_path, "gsm8k_test", [{"question": f"{filler(number, 6)} How many {filler(number, 2)}?"} for number in range(60)])
    return tmp_path


def test_it_counts_turns_tokens_and_facts(data: Path) -> None:
    found = measure(data, range(2), ways=WAYS[:1], questions=2, passages=40)
    everything = found["meetings"]["words"]["all"]
    assert everything["queries"] == 2
    assert everything["turns kept"] == pytest.approx(5 / 7, abs=0.001)
    assert everything["queries with all turns"] == 0.5
    assert 0.2 < everything["fewer tokens"] < 0.9
    assert found["sounds"] == 0
    planted = found["planted"]["words"]
    assert len(planted) == 9
    assert planted["one fact, 0.3"]["facts kept"][0] == 1
    assert planted["one fact, 0.15"]["fewer tokens"][0] > planted["one fact, 0.53"]["fewer tokens"][0]


def test_without_the_data_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError):
        measure(tmp_path, range(1), ways=WAYS[:1])
