"""The fence around a measurement: it adds what it saw and ends at rest."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.hotpath import fence


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    """A load generator that prints what it was told to."""
    path = tmp_path / "lg"
    path.write_text("""#!/bin/sh\nfor last; do :; done\necho "$last"\n""")
    path.chmod(0o755)
    return path


def eyes(**seen: Any) -> fence.Eyes:
    """Eyes that see idle gateways with nothing left to write, but for what a test says."""
    idle: dict[str, Any] = {"cpu": lambda: 0.0, "backlog": lambda home: 0, "counts": lambda home: {}, "pause": 0.01}
    return fence.Eyes(**{**idle, **seen})


def run(tmp_path: Path, generator: Path, homes: dict[str, str], *words: str, eyes: fence.Eyes = eyes()) -> int:  # noqa: B008
    config = tmp_path / "fence.json"
    config.write_text(json.dumps({"generator": str(generator), "homes": homes}))
    return fence.main(str(config), *words, eyes=eyes)


def test_figures_are_passed_on_with_the_time_until_rest(
    tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, generator, {}, "-p", "80", '{"ok": 3}') == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == 3
    assert found["rested"]
    assert found["wall_s"] >= found["rest_s"] >= 0.01


def test_what_is_no_json_is_passed_on_as_it_is(tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, generator, {}, "boom")
    assert capsys.readouterr().out.strip() == "boom"


def test_our_own_gateway_is_counted_before_and_after(tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = iter([{"messages": 5, "exact": 1}, {"messages": 7, "exact": 1, "miss": 2}])
    run(tmp_path, generator, {"80": "/home"}, "-p", "80", "{}", eyes=eyes(counts=lambda home: next(seen)))
    assert json.loads(capsys.readouterr().out)["leo"] == {"messages": 2, "exact": 0, "miss": 2}


def test_rest_is_waited_for_while_somebody_works() -> None:
    used = iter([0.0, 5.0, 5.0, 5.0])  # at work, then idle
    assert fence.rest([], 10, eyes(cpu=lambda: next(used)))


def test_rest_is_waited_for_while_a_ledger_is_not_written() -> None:
    left = iter([2, 1, 0])
    assert fence.rest(["/home"], 10, eyes(backlog=lambda home: next(left)))
    assert next(left, None) is None


def test_patience_has_an_end() -> None:
    assert not fence.rest(["/home"], 0.05, eyes(backlog=lambda home: 1))


@pytest.mark.parametrize("batches", [True, False])
def test_hits_count_alone_and_in_batches(tmp_path: Path, batches: bool) -> None:
    with closing(sqlite3.connect(tmp_path / "leo.db")) as db, db:
        db.execute("create table ledger_requests (id text, cache text)")
        db.execute("create table ledger_calls (id text)")
        db.executemany("insert into ledger_requests values (?, ?)", [("a", "exact"), ("b", "miss"), ("c", "miss")])
        db.execute("insert into ledger_calls values ('b:1:0')")
        if batches:
            db.execute("create table ledger_hits (hits integer, marks blob)")
            db.executemany("insert into ledger_hits values (?, '')", [(40,), (2,)])
    hits = 43 if batches else 1
    assert fence.ledger(str(tmp_path)) == {"exact": hits, "miss": 2, "requests": hits + 2, "calls": 1}
