"""The simulated model in a process of its own, and how the player tells it what to know."""

from __future__ import annotations

import sys

import msgspec

from bench.replay.knowledge import Knowledge
from bench.replay.processes import Process, ask, ask_json
from bench.replay.ways import Folder
from tests.support.ports import free_port

START_S = 30.0


class Upstream:
    """Started when it is made; `close` ends it."""

    def __init__(self) -> None:
        self._folder = Folder()
        self._port = free_port()
        self._process = Process([sys.executable, "-m", "bench.replay.upstream", str(self._port)], self._folder / "log")
        self._process.wait_for(f"{self._url}/v1/models", START_S)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        return f"{self._url}/v1"

    @property
    def pid(self) -> int:
        return self._process.pid

    def load(self, knowledge: Knowledge) -> None:
        """Know this workload, with all counts at 0."""
        ask(f"{self._url}/replay/load", msgspec.json.encode(knowledge))

    def counts(self) -> dict[str, int]:
        return msgspec.convert(ask_json(f"{self._url}/replay/stats"), dict[str, int])

    def close(self) -> None:
        self._process.stop()
        self._folder.remove()
