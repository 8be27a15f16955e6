"""The other gateways, measured beside this one in one run of the peers' harness (run.py in their folder).

The harness takes gateways from a file, so ours are added to it as two more: `leo` for hits, `leo-pass` for prompts never
seen before. Between two measurements everything must be at rest, which the harness cannot know of ledgers: so its load
generator is replaced by fence.py, in a folder of links to what is installed. Nothing of the peers is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from bench.hotpath import fence
from bench.hotpath.gateway import KEY, MODEL, PATH, settings_for
from bench.hotpath.options import Missing, Options
from bench.hotpath.processes import ROOT, clean_environment
from bench.hotpath.upstream import peers_root
from tests.support.ports import free_port

HIT, PASS = "leo", "leo-pass"
PROCESSES = 2  # front ends and workers each; LiteLLM has two workers
FIXED_PORTS = (9100, 6390)  # of the harness: the mock upstream, and Redis
ALL = ("direct", "litellm-off", "litellm-redis", "tensorzero-off", "tensorzero-valkey", "gptcache-map", "cachellm-memory")
FEW = ("direct", "litellm-redis", "tensorzero-valkey")
SETUP_S = 2400.0
END_S = 40.0


@dataclass(frozen=True)
class Plan:
    """What the harness is told. `minutes` is its own limit."""

    parts: str
    connections: str
    repetitions: int
    seconds: int
    names: tuple[str, ...]
    minutes: int


FULL = Plan("pass,hit,miss,dedup,stream,streamhit", "1,16,64", 3, 5, ALL, 40)
QUICK = Plan("pass,hit,miss,stream", "1,64", 1, 3, FEW, 10)


def measure(options: Options) -> dict[str, Any]:
    """Raises Missing where the peers are not."""
    plan = QUICK if options.quick else FULL
    folder, installed = _folder(options), peers_root()
    _install(folder, installed, options)
    _ports_are_free()
    with tempfile.TemporaryDirectory(prefix="leo-bench-") as place:
        overlay = Path(place)
        homes = {str(free_port()): str(overlay / name) for name in (HIT, PASS)}
        _overlay(overlay, installed, folder, homes)
        (overlay / "mine.json").write_text(json.dumps(mine(homes), indent=1))
        _run(command(folder, overlay, plan), overlay, plan, options)
        found = read(json.loads((overlay / "results.json").read_text()))
    return {**found, "versions": _versions(installed)}


def _folder(options: Options) -> Path:
    folder = options.peers.resolve()
    if not (folder / "run.py").is_file():
        raise Missing(f"the peers' harness is not in {options.peers}: --peers or LEO_PEERS_DIR says where it is")
    return folder


def _install(folder: Path, installed: Path, options: Options) -> None:
    """As the harness's own bench.sh: what is missing is installed by its setup.sh."""
    if all((installed / part).is_file() for part in ("lg", "mock", "semantic/seeds.txt", "conf/litellm/off.yaml")):
        return
    options.say(f"installing the peers into {installed}, once; this takes some minutes")
    shutil.copytree(folder, installed / "bench", dirs_exist_ok=True)
    environ = clean_environment(PEERS_ROOT=str(installed))
    done = subprocess.run(["bash", str(folder / "setup.sh")], env=environ, timeout=SETUP_S, check=False)
    if done.returncode:
        raise Missing(f"the peers could not be installed: their setup.sh ended with {done.returncode}")


def _ports_are_free() -> None:
    for port in FIXED_PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise RuntimeError(f"port {port}, which the peers' harness needs, is taken by another program")


# --- what the harness is given ---


def mine(homes: dict[str, str]) -> list[dict[str, Any]]:
    """Our two gateways, in the form of the harness's peers.py. `homes`: port -> LEO_HOME, first of `leo`."""
    own = {
        "group": "LEO Optima",
        "path": PATH,
        "model": MODEL,
        "headers": [f"X-API-Key: {KEY}"],
        "ready": "/ready",
        "ready_s": 60,
        "env": {**settings_for("{UP}"), "PYTHONPATH": str(ROOT)},
    }
    sizes = [f"LEO_WEB_PROCESSES={PROCESSES}", f"LEO_WORKER_PROCESSES={PROCESSES}"]
    return [
        {
            **own,
            "name": name,
            "mode": mode,
            "port": int(port),
            "cmd": [sys.executable, "-m", "bench.hotpath.launch", home, port, *sizes],
        }
        for (name, mode), (port, home) in zip(((HIT, "hit"), (PASS, "pass")), homes.items(), strict=True)
    ]


def command(folder: Path, overlay: Path, plan: Plan) -> list[str]:
    """Ours come last in each round, as the harness appends what is added."""
    given = {
        "out": overlay / "results.json",
        "add": overlay / "mine.json",
        "only": ",".join((*plan.names, HIT, PASS)),
        "parts": plan.parts,
        "conc": plan.connections,
        "reps": plan.repetitions,
        "dur": plan.seconds,
        "warm": 1,
        "minutes": plan.minutes,
        "quiet-wait": 4,  # others on the machine; our own rest is fence.py's affair
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-u", str(folder / "run.py"), *words]


def _overlay(overlay: Path, installed: Path, folder: Path, homes: dict[str, str]) -> None:
    """A PEERS_ROOT of links to the installed one, in which `lg` is the fence."""
    own = ("lg", "logs", "bench")
    for entry in installed.iterdir():
        if entry.name not in own and not entry.name.startswith(("gptcache_map", "results")):
            (overlay / entry.name).symlink_to(entry)
    (overlay / "bench").symlink_to(folder)
    config = overlay / "fence.json"
    config.write_text(json.dumps({"generator": str(installed / "lg"), "homes": homes}))
    wrapper = overlay / "lg"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "{Path(fence.__file__).resolve()}" "{config}" "$@"\n')
    wrapper.chmod(0o755)


# --- the run ---


def _run(words: list[str], overlay: Path, plan: Plan, options: Options) -> None:
    environ = clean_environment(PEERS_ROOT=str(overlay))
    del environ["PYTHONPATH"]  # the peers are Python programs, too
    process = subprocess.Popen(
        words, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    timer = threading.Timer(plan.minutes * 60 + 600, os.killpg, (process.pid, signal.SIGINT))
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            options.say(line.rstrip()[:150])
        if process.wait():
            raise RuntimeError(f"the peers' harness ended with {process.returncode}")
    finally:
        timer.cancel()
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Have the harness stop what it has started (it does on Ctrl-C only), and stop what it leaves behind.

    A second Ctrl-C does not disturb this, or ten gateways would stay. It takes a minute at most.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _end(process)
    finally:
        signal.signal(signal.SIGINT, before)


def _end(process: subprocess.Popen[str]) -> None:
    started: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(process.pid).children()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)  # what it still prints fits into the pipe
    for child in started:
        # Each is the leader of its group. is_running() compares start times too, so a pid used anew is not taken for it.
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if child.is_running() and os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGKILL)
    psutil.wait_procs(started, timeout=5)
    if process.poll() is None:
        process.kill()
        process.wait()


# --- what comes back ---

SHOWN = ("rps", "p50", "p95", "p99", "ttft_p50", "ttft_p99", "max", "ok", "errors", "no_done", "err_sample", "upstream", "secs")


def read(results: dict[str, Any]) -> dict[str, Any]:
    """The harness's results with what this report needs of them, and the CPU of each cell worked out."""
    warm = float(results["args"]["warm"])
    cells = [
        {
            **{name: cell[name] for name in ("part", "peer", "c", "rep")},
            **{name: cell[name] for name in SHOWN if cell.get(name) not in (None, "")},
            **{name: cell[name] for name in ("rested", "rest_s", "leo") if name in cell},
            "cpu_ms": cpu_ms(cell, warm if cell["part"] in ("pass", "hit") else 1.0),
            "other": max(0.0, cell["cpu"]["other"]),
        }
        for cell in results["cells"]
    ]
    kept = {name: results["args"][name] for name in ("parts", "conc", "reps", "dur")}
    times = {"started": results["started"], "ended": results.get("ended")}
    return {"cells": cells, "memory": results["mem"], "notes": results["notes"], "settings": kept, **times}


USES_HARNESS_REDIS = ("litellm-redis", "tensorzero-valkey")


def cpu_ms(cell: dict[str, Any], warm: float) -> float | None:
    """CPU milliseconds per request, of all processes of the gateway and with what it still did afterwards.

    The harness knows cores, averaged over the cell (`wall_s` seconds); requests are those of the measured time and of
    `warm` seconds before it. Redis is in our own group; those who use the harness's Redis get its CPU added.
    """
    used = cell["cpu"].get("mock" if cell["peer"] == "direct" else cell["peer"])
    if used is None or not cell.get("rps") or "wall_s" not in cell:
        return None
    if cell["peer"] in USES_HARNESS_REDIS:
        used += cell["cpu"].get("redis", 0.0)
    requests = cell["rps"] * (cell["secs"] + (0.0 if cell["part"] == "dedup" else warm))
    return round(1000 * used * cell["wall_s"] / requests, 4)


def _versions(installed: Path) -> dict[str, str]:
    names = {"litellm", "tensorzero", "gptcache", "cachellm-proxy"}
    places = [str(place) for place in installed.glob("v-*/lib/python*/site-packages")]
    found = {(it.metadata["Name"] or "").lower(): it.version for it in distributions(path=places)}
    return {name: found[name] for name in sorted(names & found.keys())}
