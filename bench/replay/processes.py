"""Processes that the player starts, and how it speaks to them. Each ends with its whole process group."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bench.hotpath.processes import Group, clean_environment
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 20.0


class Process:
    """A program in a session of its own, so that Ctrl-C reaches the player only; its output goes to `log`."""

    def __init__(self, command: list[str], log: Path, **environ: str) -> None:
        self.log = log
        self._name = " ".join(command[:4])
        with log.open("ab") as out:
            # In the log's folder: a .env in the project's is for whoever works with it.
            self._group = Group(command, clean_environment(**environ), out, cwd=log.parent)

    @property
    def pid(self) -> int:
        return self._group.popen.pid

    def check(self) -> None:
        """Raises RuntimeError with the end of the log when the process has ended."""
        if self._group.ended():
            raise RuntimeError(f"{self._name} has ended:\n{self.log.read_text(errors='replace')[-2000:]}")

    def wait_for(self, url: str, timeout: float) -> None:
        """Until `url` answers 200. Raises RuntimeError when the process ends, AssertionError when it takes too long."""

        def ready() -> bool:
            self.check()
            return _answers(url)

        wait_until(ready, timeout, f"{url} answering (log: {self.log})")

    def stop(self) -> None:
        self._group.stop(STOP_S)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C is ignored meanwhile: a second one, while things are being ended, would leave some of them running."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that came of it."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def ask(url: str, data: bytes | None = None, headers: dict[str, str] | None = None, timeout: float = 30.0) -> bytes:
    """GET, or POST when there is data. Raises OSError, also for an error status."""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return bytes(answer.read())


def ask_json(url: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """The same with JSON both ways."""
    return msgspec.json.decode(ask(url, None if body is None else msgspec.json.encode(body), headers))


def _answers(url: str) -> bool:
    try:
        ask(url, timeout=5)
    except OSError:
        return False
    return True
