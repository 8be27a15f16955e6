"""A run of the trace player: what is resumed, what is noted, and what the report says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from bench.replay import knowledge as knowing
from bench.replay import report, session, tiny
from bench.replay.answers import Verdict
from bench.replay.cli import main
from bench.replay.knowledge import Behaviour
from bench.replay.leo import Variant, variant
from bench.replay.metrics import Figures, figures
from bench.replay.plan import TINY, Library, Plan
from bench.replay.player import Outcome, Target
from bench.replay.state import State, load
from bench.replay.ways import Claims, Way
from bench.replay.workload import Workload
from tests.unit.upstream.support import words

MACHINE = {"at": "2026-11-23T00:00:00+00:00", "commit": "abc1234"}
PLAN = Plan(traces=(TINY,), prompts=(TINY,), seeds=(1, 2), requests=40, mix=tiny.MIX, ways=("direct", "leo"))


class FakeWay(Way):
    def __init__(self, name: str, missing: str | None = None) -> None:
        self.name = name
        self.about = f"a fake called {name}"
        self.closed = 0
        self._missing = missing

    def missing(self) -> str | None:
        return self._missing

    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        raise AssertionError("nothing is started here")

    def close(self) -> None:
        self.closed += 1


class FakeUpstream:
    def close(self) -> None:
        pass


class Player:
    """Plays without a network; it can be told to be interrupted before a part."""

    def __init__(self, interrupted_before: int = 1000) -> None:
        self.played: list[tuple[int, str]] = []
        self._left = interrupted_before

    def __call__(self, plan: Plan, workload: Workload, way: Way, upstream: Any, label: str) -> Figures:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self.played.append((workload.seed, way.name))
        return made(workload, hits=way.name != "direct")


def made(workload: Workload, hits: bool) -> Figures:
    """Figures as of an exact cache, or of none."""
    outcomes = [
        Outcome(r.number, r.kind, r.at, 0.01, 0.0, "exact" if hits and r.kind == "repeat" else "miss", Verdict.RIGHT)
        for r in workload.requests
    ]
    counts = {
        "calls": 30,
        "failed": 0,
        "changed": 0,
        "unknown": 0,
        "prompt_tokens": 3000,
        "completion_tokens": 900,
        "cost": 10**9,
    }
    found = figures(workload, knowing.of(workload, Behaviour(), words), outcomes, counts)
    if hits:
        return msgspec.structs.replace(found, claims=Claims(40, 30, 0.001, 0.002))
    return found


def run(state: State, player: Player, *ways: FakeWay, plan: Plan = PLAN) -> None:
    library = Library(plan, Path("nowhere"))
    session.run(plan, library, state, {way.name: way for way in ways}, upstream=FakeUpstream, part=player)  # type: ignore[arg-type]


def test_an_interrupted_run_goes_on_without_playing_anything_twice(tmp_path: Path) -> None:
    direct, leo, first = FakeWay("direct"), FakeWay("leo"), Player(interrupted_before=3)
    with pytest.raises(KeyboardInterrupt):
        run(State.open(tmp_path, MACHINE, PLAN, resume=False), first, direct, leo)
    assert first.played == [(1, "direct"), (1, "leo"), (2, "direct")]
    assert (direct.closed, leo.closed) == (1, 1)
    state, second = State.open(tmp_path, MACHINE, PLAN, resume=True), Player()
    run(state, second, direct, leo)
    assert second.played == [(2, "leo")]
    assert set(state.results.parts) == {"tiny/1/direct", "tiny/1/leo", "tiny/2/direct", "tiny/2/leo"}
    assert load(state.path).parts == state.results.parts
    third = Player()
    run(state, third, direct, leo)
    assert third.played == []


def test_without_resume_everything_is_played_again(tmp_path: Path) -> None:
    run(State.open(tmp_path, MACHINE, PLAN, resume=False), Player(), FakeWay("direct"), FakeWay("leo"))
    again = Player()
    run(State.open(tmp_path, MACHINE, PLAN, resume=False), again, FakeWay("direct"), FakeWay("leo"))
    assert len(again.played) == 4


def test_other_options_or_another_commit_are_another_run(tmp_path: Path) -> None:
    run(State.open(tmp_path, MACHINE, PLAN, resume=False), Player(), FakeWay("direct"), FakeWay("leo"))
    other = msgspec.structs.replace(PLAN, speed=7.0)
    assert State.open(tmp_path, MACHINE, other, resume=True).results.parts == {}
    assert State.open(tmp_path, {**MACHINE, "commit": "def"}, PLAN, resume=True).results.parts == {}
    assert len(State.open(tmp_path, MACHINE, PLAN, resume=True).results.parts) == 4


def test_a_way_that_is_not_here_is_left_out_with_a_note(tmp_path: Path) -> None:
    state, player = State.open(tmp_path, MACHINE, PLAN, resume=False), Player()
    run(state, player, FakeWay("direct"), FakeWay("leo", missing="it is not installed"))
    assert {way for _, way in player.played} == {"direct"}
    assert state.results.notes == ["leo was not played: it is not installed"]


def test_the_report_has_all_rows_and_the_pictures(tmp_path: Path) -> None:
    state = State.open(tmp_path, MACHINE, PLAN, resume=False)
    run(state, Player(), FakeWay("direct"), FakeWay("leo"), FakeWay("litellm", missing="it is not installed"))
    report.write(state.results, tmp_path / "replay-x")
    text = (tmp_path / "replay-x.md").read_text()
    assert "commit abc1234" in text
    assert "litellm was not played" in text
    for title in ("Time", "Calls and money", "Answers", "Share of hits by kind", "What the gateway says of itself"):
        assert f"### {title}" in text
    assert "| leo | 0% | 100% | 0% | 0% | 0% |" in text
    assert load(tmp_path / "replay-x.json") == state.results
    pytest.importorskip("matplotlib", reason="the plots need matplotlib")
    assert {path.name for path in tmp_path.glob("*.svg")} == {f"replay-x-{name}.svg" for name in ("times", "cost", "hits")}


def test_rows_of_the_gateway_are_described_in_one_word() -> None:
    found = variant("two:LEO_WORKER_PROCESSES=2,X-LEO-Disable=dedup,adaptive_cache=off")
    assert found == Variant("two", {"LEO_WORKER_PROCESSES": "2"}, {"adaptive_cache": False}, {"X-LEO-Disable": "dedup"})
    assert str(found) == "LEO_WORKER_PROCESSES=2, X-LEO-Disable=dedup, adaptive_cache=off"
    assert str(variant("plain")) == "defaults"


@pytest.mark.parametrize("text", ["", "Bad Name:", "a:LEO_X", "a:cache=maybe"])
def test_a_row_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"name|needed|neither"):
        variant(text)


def test_missing_data_ends_the_command_with_a_way_out(tmp_path: Path) -> None:
    # Nothing is started: the data is looked for first.
    result = CliRunner().invoke(main, ["--data", str(tmp_path), "--out", str(tmp_path), "--ways", "direct"])
    assert result.exit_code == 1
    assert "--tiny" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [["--leo", "leo:"], ["--trace", "other"], ["--seeds", "x"], ["--mix-repeat", "2"], ["--ways", "direct,else"]]
)
def test_options_that_do_not_fit_are_refused(wrong: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["--out", str(tmp_path), *wrong]).exit_code != 0
