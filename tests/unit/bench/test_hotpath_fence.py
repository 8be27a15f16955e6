"""The fence around a measurement: it adds what it saw and ends at rest."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.hotpath import fence


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    """A load generator that prints what it was told to."""
    path = tmp_path / "lg"
    path.write_text("""#!/bin/sh\nfor last; do :; done\necho "$last"\n""")
    path.chmod(0o755)
    return path


def run(tmp_path: Path, generator: Path, homes: dict[str, str], *words: str) -> int:
    config = tmp_path / "fence.json"
    config.write_text(json.dumps({"generator": str(generator), "homes": homes}))
    return fence.main(str(config), *words)


def test_figures_are_passed_on_with_the_time_until_rest(
    tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "cpu_of_gateways", lambda: 0.0)
    assert run(tmp_path, generator, {}, "-p", "80", '{"ok": 3}') == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] == 3
    assert found["rested"]
    assert found["wall_s"] >= found["rest_s"] >= 0.5


def test_what_is_no_json_is_passed_on_as_it_is(
    tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "cpu_of_gateways", lambda: 0.0)
    run(tmp_path, generator, {}, "boom")
    assert capsys.readouterr().out.strip() == "boom"


def test_our_own_gateway_is_counted_before_and_after(
    tmp_path: Path, generator: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter([{"messages": 5, "exact": 1}, {"messages": 7, "exact": 1, "miss": 2}])
    monkeypatch.setattr(fence, "counts", lambda home: next(seen))
    monkeypatch.setattr(fence, "rest", lambda homes, patience: True)
    run(tmp_path, generator, {"80": "/home"}, "-p", "80", "{}")
    assert json.loads(capsys.readouterr().out)["leo"] == {"messages": 2, "exact": 0, "miss": 2}


def test_rest_is_waited_for_while_somebody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([0.0, 5.0, 5.0, 5.0])  # at work, then idle
    monkeypatch.setattr(fence, "cpu_of_gateways", lambda: next(used))
    monkeypatch.setattr(fence, "LOOK_S", 0.01)
    assert fence.rest([], 10)


def test_rest_is_waited_for_while_a_ledger_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([2, 1, 0])
    monkeypatch.setattr(fence, "cpu_of_gateways", lambda: 0.0)
    monkeypatch.setattr(fence, "backlog", lambda home: next(left))
    monkeypatch.setattr(fence, "LOOK_S", 0.01)
    assert fence.rest(["/home"], 10)
    assert next(left, None) is None


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "cpu_of_gateways", lambda: 0.0)
    monkeypatch.setattr(fence, "backlog", lambda home: 1)
    monkeypatch.setattr(fence, "LOOK_S", 0.01)
    assert not fence.rest(["/home"], 0.05)


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
