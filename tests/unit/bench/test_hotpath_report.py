"""The report says what was measured, what was not, and what disturbed it."""

from __future__ import annotations

from pathlib import Path

from bench.hotpath.plots import PLOTS, draw
from bench.hotpath.report import SECTIONS, markdown, table
from tests.unit.bench.hotpath_results import failed, parts, run


def test_a_whole_run_has_all_sections_and_no_warnings() -> None:
    text = markdown(run(), {})
    for title, _, _ in SECTIONS:
        assert f"## {title}" in text
    assert "Warnings:" not in text
    assert "commit abc1234" in text


def test_every_row_of_every_table_has_as_many_cells_as_its_head() -> None:
    width = 0
    for line in markdown(run(), {}).splitlines():
        cells = line.replace("\\|", "").count("|")
        assert not cells or not width or cells == width, line
        width = cells


def test_a_bar_in_a_cell_is_no_cell() -> None:
    assert table("one | two", [("a|b", 1)]) == ["| one | two |", "| --- | --- |", "| a\\|b | 1 |"]


def test_ratios_to_each_gateway_are_shown() -> None:
    text = markdown(run(), {})
    (row,) = [line for line in text.splitlines() if line.startswith("| tensorzero-valkey | 64 |")]
    assert "3.00 (3.00..3.00)" in row


def test_a_missing_comparison_is_said_with_its_reason_and_the_rest_is_there() -> None:
    text = markdown(run(parts={**parts(), "peers": failed("no harness in there", "missing")}), {})
    assert "the part `peers` is missing: no harness in there" in text
    assert "## Exact hits" not in text
    assert "## A minute of hits" in text


def test_a_failed_part_is_said_with_its_error() -> None:
    text = markdown(run(parts={**parts(), "queue": failed("ValueError: no\nsecond line")}), {})
    assert "the part `queue` is failed: ValueError: no\n" in text
    assert "## A long queue" not in text


def test_a_busy_machine_is_named_with_the_measurements() -> None:
    busy = parts()
    busy["peers"]["result"]["cells"][0]["other"] = 0.9
    busy["waiting"]["result"]["points"][1]["other"] = 0.4
    text = markdown(run(parts=busy), {})
    assert "`peers`: other programs used more than 0.3 cores during: hit tensorzero-valkey c=1 rep=0" in text
    assert "`waiting`: other programs used more than 0.3 cores during: waiting=500" in text


def test_a_measurement_that_did_not_end_at_rest_is_named() -> None:
    restless = parts()
    restless["peers"]["result"]["cells"][1]["rested"] = False
    assert "still at work at the end of hit leo c=1 rep=0" in markdown(run(parts=restless), {})


def test_a_quick_look_says_that_it_is_no_measurement() -> None:
    assert "Not a measurement" in markdown(run(quick=True), {})


def test_every_plot_is_drawn_and_linked(tmp_path: Path) -> None:
    drawn = draw(parts(), tmp_path / "bench-1.md")
    assert drawn.keys() == PLOTS.keys()
    text = markdown(run(), drawn)
    for file in drawn.values():
        assert (tmp_path / file).read_text().startswith("<?xml")
        assert f"]({file})" in text


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert draw({"startup": parts()["startup"]}, tmp_path / "bench-1.md") == {}
