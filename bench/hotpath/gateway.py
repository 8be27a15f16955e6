"""The gateway under test: all its processes in one group, a folder, a port and a Redis of its own."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import psutil

from bench.hotpath import fence
from bench.hotpath.processes import Group, clean_environment
from tests.support.ports import free_port
from tests.support.waiting import wait_until

KEY = "bench-key-0123456789abcdef"
PATH = "/v1/chat/completions"
MODEL = "mock-model"
LEO = [sys.executable, "-m", "app.cli"]
READY_S = 60.0
ROLES = {"redis-server": "redis", "app.cli ledger": "ledger", "app.cli worker": "workers", "app.cli web": "web"}


def settings_for(upstream: str) -> dict[str, str]:
    """What every gateway here is started with; all else is a default, so keys, limits and the ledger are on."""
    return {"OPENAI_BASE_URL": upstream, "OPENAI_API_KEY": "sk-unused", "LEO_API_KEY": KEY, "LEO_LOG_LEVEL": "WARNING"}


class Gateway:
    """Started on entry and ready then; killed at the end, since nobody needs what it holds."""

    def __init__(self, upstream: str, **settings: str | int) -> None:
        self.home = tempfile.mkdtemp(prefix="leo-bench-")
        self.port = free_port()
        self.settings = {name: str(value) for name, value in settings.items()}
        self.environ = clean_environment(**settings_for(upstream))
        self._groups: list[Group] = []
        self._logs = Path(tempfile.mkdtemp(prefix="leo-bench-logs-"))

    def __enter__(self) -> Self:
        words = [f"{name}={value}" for name, value in self.settings.items()]
        command = [sys.executable, "-m", "bench.hotpath.launch", self.home, str(self.port), *words]
        try:
            self._start(command, self.environ, self.port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for group in reversed(self._groups):
            group.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self._logs, ignore_errors=True)

    def second_front_end(self, **settings: str | int) -> int:
        """Another `leo web` of the same gateway, with settings of its own; returns its port."""
        port = free_port()
        given = {**self.settings, **{name: str(value) for name, value in settings.items()}}
        environ = {**self.environ, "LEO_HOME": self.home, **given, "LEO_PORT": str(port)}
        self._start([*LEO, "web"], environ, port)
        return port

    def _start(self, command: list[str], environ: dict[str, str], port: int) -> None:
        log = self._logs / f"{port}.log"
        with log.open("wb") as out:
            # Not in the project's folder: a .env there is for whoever works with it.
            group = Group(command, environ, out, cwd=self._logs)
        self._groups.append(group)

        def ready() -> bool:
            if group.ended():
                raise RuntimeError(f"the gateway did not start: {log.read_text(errors='replace')[-1500:]}")
            return answers_ready(port)

        wait_until(ready, READY_S, "the gateway being ready")

    # --- what it has done ---

    def counts(self) -> dict[str, int]:
        """Messages, requests and calls so far (see fence.counts)."""
        return fence.counts(self.home)

    def rest(self, patience: float = 120.0) -> float:
        """Wait until the ledger is in SQL and all processes are idle; returns the seconds it took."""
        started = time.monotonic()
        while time.monotonic() < started + patience:
            before, at = sum(self.cpu().values()), time.monotonic()
            time.sleep(fence.LOOK_S)
            cores = (sum(self.cpu().values()) - before) / (time.monotonic() - at)
            if cores < fence.IDLE_CORES and not fence.backlog(self.home):
                return time.monotonic() - started
        raise TimeoutError(f"the gateway was not at rest after {patience:.0f} s")

    # --- its processes ---

    def processes(self) -> dict[str, list[psutil.Process]]:
        """By what they are: redis, ledger, workers, web. Children count as what their parent is."""
        found: dict[str, list[psutil.Process]] = {role: [] for role in ROLES.values()}
        for child in psutil.Process(self._groups[0].popen.pid).children():
            with contextlib.suppress(psutil.Error):
                line = " ".join(child.cmdline())
                role = next((name for part, name in ROLES.items() if part in line), None)
                if role:
                    found[role] += [child, *child.children(recursive=True)]
        return found

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of each kind of process."""
        return {role: sum(map(_cpu, processes)) for role, processes in self.processes().items()}

    def memory(self, role: str) -> dict[str, float]:
        """Proportional and resident memory of one kind of process in MB, with its threads and open files."""
        found = {"pss_mb": 0.0, "rss_mb": 0.0, "processes": 0, "threads": 0, "files": 0}
        for process in self.processes()[role]:
            with contextlib.suppress(psutil.Error):
                info = process.memory_full_info()
                found["pss_mb"] += info.pss / 2**20
                found["rss_mb"] += info.rss / 2**20
                found["processes"] += 1
                found["threads"] += process.num_threads()
                found["files"] += process.num_fds()
        return {name: round(value, 1) for name, value in found.items()}


def _cpu(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def answers_ready(port: int) -> bool:
    """Whether /ready says 200 now."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def cpu_between(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """CPU seconds of each kind of process, and of `all`, between two looks."""
    spent = {role: round(after[role] - before.get(role, 0.0), 3) for role in after}
    return {**spent, "all": round(sum(spent.values()), 3)}


def per_request(cpu: dict[str, float], requests: float) -> dict[str, float]:
    """The same in milliseconds per request."""
    return {role: round(1000 * seconds / requests, 4) for role, seconds in cpu.items()} if requests else {}


def chat_body(prompt: str, **more: Any) -> dict[str, Any]:
    """As the load generator writes it."""
    system = {"role": "system", "content": "You are a helpful assistant."}
    return {"model": MODEL, "temperature": 0, **more, "messages": [system, {"role": "user", "content": prompt}]}
