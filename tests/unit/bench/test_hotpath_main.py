"""The command: parts that fail are reported, parts are merged, and a report lies beside the results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.hotpath import __main__ as command
from bench.hotpath.options import Missing, Options


def boom(options: Options) -> dict[str, Any]:
    raise ValueError("it did not work")


def lacking(options: Options) -> dict[str, Any]:
    raise Missing("nobody has it")


def start(options: Options) -> dict[str, Any]:
    return {"starts": [{"seconds": 0.5 if options.quick else 1.0, "other": 0.0}]}


@pytest.fixture
def invoke(tmp_path: Path) -> Any:
    """Runs the command with three small parts, into tmp_path."""
    parts = {"startup": start, "misses": boom, "peers": lacking}

    def run(*words: str) -> Result:
        return CliRunner().invoke(command.main, ["--out", str(tmp_path / "bench.json"), *words], obj=parts)

    return run


def kept(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "bench.json").read_text())
    return found


def test_a_part_that_fails_is_reported_and_the_rest_goes_on(invoke: Any, tmp_path: Path) -> None:
    done = invoke("--parts", "misses,peers,startup")
    assert done.exit_code == 1
    parts = kept(tmp_path)["parts"]
    assert {name: part["status"] for name, part in parts.items()} == {"misses": "failed", "peers": "missing", "startup": "done"}
    assert parts["misses"]["error"] == "ValueError: it did not work"
    assert "boom" in parts["misses"]["trace"]
    text = (tmp_path / "bench.md").read_text()
    assert "it did not work" in text
    assert "nobody has it" in text
    assert "## Start" in text


def test_what_is_missing_is_no_failure(invoke: Any) -> None:
    assert invoke("--parts", "peers").exit_code == 0


def test_parts_are_merged(invoke: Any, tmp_path: Path) -> None:
    invoke("--parts", "peers")
    invoke("--parts", "startup")
    assert kept(tmp_path)["parts"].keys() == {"peers", "startup"}


def test_a_quick_look_is_not_mixed_with_a_measurement(invoke: Any, tmp_path: Path) -> None:
    invoke("--parts", "peers")
    invoke("--parts", "startup", "--quick")
    found = kept(tmp_path)
    assert found["quick"]
    assert found["parts"].keys() == {"startup"}


def test_results_of_an_older_format_are_not_mixed_in(invoke: Any, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text('{"format": 0, "parts": {}}')
    done = invoke("--parts", "startup")
    assert done.exit_code == 2
    assert "older format" in done.output


def test_the_goals_are_kept_with_the_figures(invoke: Any, tmp_path: Path) -> None:
    done = invoke("--parts", "startup")
    (goal,) = [goal for goal in kept(tmp_path)["goals"] if goal["aim"].startswith("start")]
    assert goal["verdict"] == "reached"
    assert "reached      start" in done.output


def test_the_report_can_be_written_anew(invoke: Any, tmp_path: Path) -> None:
    invoke("--parts", "startup")
    (tmp_path / "bench.md").unlink()
    assert invoke("--report-only").exit_code == 0
    assert "## Start" in (tmp_path / "bench.md").read_text()


def test_an_unknown_part_is_named_and_nothing_is_run(invoke: Any, tmp_path: Path) -> None:
    done = invoke("--parts", "startup,nothing")
    assert done.exit_code == 2
    assert "nothing" in done.output
    assert not (tmp_path / "bench.json").exists()
