"""What the peers' harness is given, and what is made of its results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.hotpath import peers
from bench.hotpath.launch import main as launch
from bench.hotpath.options import Missing, Options
from pipeline.settings import load_settings

HOMES = {"4601": "/tmp/x/leo", "4602": "/tmp/x/leo-pass"}


def added() -> list[dict[str, Any]]:
    """mine.json as the harness reads it."""
    text = json.dumps(peers.mine(HOMES)).replace("{ROOT}", "/root").replace("{UP}", "http://127.0.0.1:9100/v1")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_both_modes_of_the_harness_get_a_gateway() -> None:
    assert [(it["name"], it["mode"], it["port"]) for it in added()] == [("leo", "hit", 4601), ("leo-pass", "pass", 4602)]


def test_each_has_what_the_harness_asks_for() -> None:
    for it in added():
        assert {"name", "group", "mode", "port", "path", "model", "headers", "env", "ready", "ready_s", "cmd"} <= it.keys()
        assert all(": " in header for header in it["headers"])
        assert all(isinstance(word, str) for word in [*it["cmd"], *it["env"].values(), *it["env"]])


def test_the_settings_are_known_to_the_gateway_and_all_is_on() -> None:
    for it in added():
        _, _, module, home, port, *words = it["cmd"]
        settings = load_settings({**it["env"], "LEO_HOME": home, "LEO_PORT": port, **dict(word.split("=") for word in words)})
        assert module == launch.__module__
        assert settings.openai_base_url == "http://127.0.0.1:9100/v1"
        assert (settings.port, settings.web_processes, settings.worker_processes) == (it["port"], 2, 2)
        assert settings.api_key
        assert not settings.open


def test_the_harness_understands_its_options() -> None:
    words = peers.command(Path("/peers"), Path("/overlay"), peers.FULL)
    assert words[:3] == [sys.executable, "-u", "/peers/run.py"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert given["--only"].endswith("cachellm-memory,leo,leo-pass")
    assert given["--add"] == "/overlay/mine.json"
    assert (given["--reps"], given["--conc"]) == ("3", "1,16,64")


def test_the_generator_is_replaced_by_the_fence_and_all_else_is_linked(tmp_path: Path) -> None:
    installed, folder, overlay = (tmp_path / name for name in ("installed", "peers", "overlay"))
    for place in (installed, folder, overlay):
        place.mkdir()
    (installed / "lg").write_text("""#!/bin/sh\necho '{"ok": 3, "args": "'$*'"}'\n""")
    (installed / "lg").chmod(0o755)
    (installed / "mock").touch()
    (installed / "gptcache_map1.txt").touch()
    peers._overlay(overlay, installed, folder, {})
    assert sorted(entry.name for entry in overlay.iterdir()) == ["bench", "fence.json", "lg", "mock"]
    assert (overlay / "mock").resolve() == installed / "mock"
    done = subprocess.run([overlay / "lg", "-p", "1", "-n", "3"], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["ok"], found["args"], found["rested"]) == (3, "-p 1 -n 3", True)


def test_without_the_harness_it_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=str(tmp_path / "nowhere")):
        peers.measure(Options(peers=tmp_path / "nowhere"))


def test_peers_that_cannot_be_installed_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.py").touch()
    (tmp_path / "setup.sh").write_text("exit 3\n")
    monkeypatch.setenv("PEERS_ROOT", str(tmp_path / "installed"))
    with pytest.raises(Missing, match="ended with 3"):
        peers.measure(Options(peers=tmp_path, say=lambda text: None))


# --- results ---


def raw(peer: str, **changes: Any) -> dict[str, Any]:
    """A cell as the harness writes it: ten seconds and one of warm-up, and two until all was at rest."""
    cpu = {peer: 1.5, "mock": 0.2, "redis": 0.1, "lg": 0.3, "other": -0.05}
    own = {"part": "hit", "peer": peer, "c": 64, "rep": 0, "ok": 1000, "rps": 100.0, "secs": 10.0, "wall_s": 13.0, "cpu": cpu}
    return {**own, "upstream": 0, "errors": 0, **changes}


def test_cpu_is_that_of_the_whole_measurement_per_request() -> None:
    assert peers.cpu_ms(raw("leo"), warm=1.0) == pytest.approx(1000 * 1.5 * 13 / 1100, abs=1e-3)


def test_those_who_use_the_redis_of_the_harness_get_its_cpu() -> None:
    assert peers.cpu_ms(raw("litellm-redis"), 1.0) == pytest.approx(1000 * 1.6 * 13 / 1100, abs=1e-3)
    assert peers.cpu_ms(raw("gptcache-map"), 1.0) == peers.cpu_ms(raw("leo"), 1.0)


def test_of_direct_calls_the_cpu_is_the_upstreams() -> None:
    assert peers.cpu_ms(raw("direct"), 1.0) == pytest.approx(1000 * 0.2 * 13 / 1100, abs=1e-3)


def test_what_answered_nothing_has_no_cpu_per_request() -> None:
    assert peers.cpu_ms(raw("leo", rps=0), 1.0) is None


def test_the_results_are_read() -> None:
    args = {"warm": 1, "parts": "hit", "conc": "64", "reps": 1, "dur": 10}
    cells = [raw("leo", rested=False, rest_s=75.0, leo={"exact": 1100}), raw("leo", ok=0, rps=0, errors=-1, err_sample="no")]
    found = peers.read({"args": args, "cells": cells, "mem": {}, "notes": ["x did not start"], "started": "now"})
    first, second = found["cells"]
    assert (first["rps"], first["rested"], first["leo"], first["other"]) == (100.0, False, {"exact": 1100}, 0.0)
    assert (second["err_sample"], second["cpu_ms"]) == ("no", None)
    assert found["notes"] == ["x did not start"]


# --- the end ---

HARNESS = """
import subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_harness_that_is_interrupted_leaves_nothing_behind() -> None:
    """This one ends on Ctrl-C without stopping what it has started."""
    process = subprocess.Popen(
        [sys.executable, "-c", HARNESS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert process.stdout is not None
    left = int(process.stdout.readline())
    peers.end(process)
    process.stdout.close()
    assert process.returncode is not None
    assert not _runs(left)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.getpgid(pid) == pid
