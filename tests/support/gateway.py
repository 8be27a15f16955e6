"""A whole gateway in its own processes, and the simulator as the upstream behind it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

import urllib3

from tests.support.ports import free_port
from tests.support.waiting import wait_until

KEY = "test-gateway-key-0123456789"
ADMIN_KEY = "test-admin-key-0123456789"
LEO = [sys.executable, "-m", "app.cli"]
START_TIMEOUT_S = 90.0

# Only what a process needs: settings of whoever runs the tests must not leak into them.
_CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("LEO_", "OPENAI_", "REDIS_"))}
_http = urllib3.PoolManager(retries=False, timeout=30.0, maxsize=64)


class Process:
    """A program with its log in a file; ended with its whole process group."""

    def __init__(self, command: list[str], environ: dict[str, str], log: Path, cwd: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                command, env={**_CLEAN, **environ}, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd
            )

    def check(self) -> None:
        if self.popen.poll() is not None:
            raise RuntimeError(
                f"{self.popen.args} ended with {self.popen.returncode}:\n{self.log.read_text(errors='replace')[-4000:]}"
            )

    def stop(self, timeout: float = 30.0) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(timeout)


class SimulatedUpstream:
    """`leo simulate` on a free port. `stats`, `last` and `configure` speak to its /sim endpoints."""

    def __init__(self, **settings: float) -> None:
        self._dir = Path(tempfile.mkdtemp(prefix="leo-sim-"))
        self.port = free_port()
        self._options = [f"--{name.replace('_', '-')}={value:g}" for name, value in settings.items()]
        self._process: Process | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        command = [*LEO, "simulate", f"--port={self.port}", *self._options]
        self._process = Process(command, {}, self._dir / "log", self._dir)
        wait_until(self._answers, START_TIMEOUT_S, "the simulator answering")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.stop()
        shutil.rmtree(self._dir, ignore_errors=True)

    def stats(self) -> dict[str, Any]:
        return self._ask("GET", "stats")

    def last(self) -> list[dict[str, Any]]:
        found = self._ask("GET", "last")
        calls: list[dict[str, Any]] = found["requests"] if isinstance(found, dict) else found
        return calls

    def reset(self) -> None:
        self._ask("POST", "reset")

    def configure(self, **settings: float) -> None:
        self._ask("POST", "config", settings)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        response = _http.request(method, f"http://127.0.0.1:{self.port}/sim/{path}", body=data)
        assert response.status < 300, response.data
        return json.loads(response.data) if response.data else None

    def _answers(self) -> bool:
        assert self._process is not None
        self._process.check()
        try:
            return _http.request("GET", f"http://127.0.0.1:{self.port}/sim/stats").status == 200
        except urllib3.exceptions.HTTPError:
            return False


class GatewayProcesses:
    """`leo up` in a folder of its own. `environ` holds settings; the key is KEY unless they say otherwise."""

    def __init__(self, upstream: str = "", home: Path | None = None, **environ: str) -> None:
        self.home = home or Path(tempfile.mkdtemp(prefix="leo-"))
        self.port = free_port()
        self.environ = {
            "LEO_HOME": str(self.home),
            "LEO_PORT": str(self.port),
            "LEO_API_KEY": KEY,
            "LEO_ADMIN_KEY": ADMIN_KEY,
            "OPENAI_BASE_URL": upstream,
            "OPENAI_API_KEY": "upstream-secret-key" if upstream else "",
            **environ,
        }
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def log(self) -> str:
        return (self.home / "up.log").read_text(errors="replace")

    def start(self) -> Self:
        self._process = Process([*LEO, "up"], self.environ, self.home / "up.log", self.home)
        before = self.log.count("LEO Optima is ready")
        wait_until(lambda: self._ready(before), START_TIMEOUT_S, f"the gateway being ready (log: {self.home}/up.log)")
        return self

    def _ready(self, before: int) -> bool:
        assert self._process is not None
        self._process.check()
        return self.log.count("LEO Optima is ready") > before

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def kill_supervisor(self) -> None:
        """kill -9 of `leo up` itself; the kernel ends its children."""
        assert self._process is not None
        self._process.popen.kill()
        self._process.popen.wait(10)
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def leo(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a `leo` command with this gateway's settings."""
        return subprocess.run(
            [*LEO, *args], env={**_CLEAN, **self.environ}, capture_output=True, text=True, cwd=self.home, check=False
        )

    def pids(self, pattern: str) -> list[int]:
        """Processes of this gateway whose command line matches, e.g. 'app.cli worker'."""
        assert self._process is not None
        return [pid for pid, line in _descendants(self._process.popen.pid) if re.search(pattern, line)]

    def ask(
        self, body: dict[str, Any] | bytes, path: str = "/chat/completions", key: str = KEY, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"X-API-Key": key, "Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return _http.request("POST", self.base_url + path, body=data, headers=given)

    def get(self, path: str, key: str = KEY) -> urllib3.BaseHTTPResponse:
        return _http.request("GET", self.url + path, headers={"X-API-Key": key})

    def send(self, method: str, path: str, body: Any = None, key: str = KEY) -> urllib3.BaseHTTPResponse:
        """A request to one of the gateway's own endpoints."""
        return _http.request(method, self.url + path, json=body, headers={"X-API-Key": key})


def chat(text: str, **more: Any) -> dict[str, Any]:
    """A chat request with one user message."""
    return {"model": "sim-model", "messages": [{"role": "user", "content": text}], **more}


def _descendants(root: int) -> list[tuple[int, str]]:
    import psutil

    found = []
    for process in psutil.Process(root).children(recursive=True):
        try:
            found.append((process.pid, " ".join(process.cmdline())))
        except psutil.Error:
            continue
    return found
