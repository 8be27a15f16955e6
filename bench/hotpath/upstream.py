"""The upstream behind the gateway: the peers' mock when it is built, else `leo simulate`."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.hotpath.processes import Group, clean_environment
from tests.support.gateway import SimulatedUpstream
from tests.support.ports import free_port
from tests.support.waiting import wait_until

START_S = 20.0


def peers_root() -> Path:
    """Where the peers and their tools are installed (PEERS_ROOT)."""
    return Path(os.environ.get("PEERS_ROOT") or Path.home() / ".cache" / "leo-peers")


class Upstream(ABC):
    """`name` says which of the two it is. Times in milliseconds; `calls` are chat completions so far."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}/v1"

    @abstractmethod
    def calls(self) -> int: ...

    @abstractmethod
    def configure(self, latency_ms: int = 0, token_ms: int = 0, tokens: int = 16) -> None:
        """Delay before the first byte, between streamed tokens, and tokens of an answer."""


class _Mock(Upstream):
    def calls(self) -> int:
        stats = self._ask("/stats")
        return int(stats["chat"]) + int(stats["stream"])

    def configure(self, latency_ms: int = 0, token_ms: int = 0, tokens: int = 16) -> None:
        self._ask(f"/config?latency_ms={latency_ms}&itl_ms={token_ms}&tokens={tokens}")

    def answers(self) -> bool:
        try:
            return bool(self._ask("/stats"))
        except OSError:
            return False

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
            return json.load(response)


class _Simulator(Upstream):
    """The number of tokens stands in the prompt here (`directive`)."""

    def __init__(self, server: SimulatedUpstream) -> None:
        super().__init__("leo simulate", server.port)
        self._server = server
        self._before = 0  # a change of the settings sets its counter to 0

    def calls(self) -> int:
        return self._before + int(self._server.stats()["calls"])

    def configure(self, latency_ms: int = 0, token_ms: int = 0, tokens: int = 16) -> None:
        self._before = self.calls()
        self._server.configure(latency_ms=latency_ms, token_ms=token_ms)


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """Without delays at first."""
    mock = peers_root() / "mock"
    if not os.access(mock, os.X_OK):
        with SimulatedUpstream() as server:
            yield _Simulator(server)
        return
    upstream = _Mock("the peers' mock", free_port())
    with Group([str(mock), "-p", str(upstream.port)], clean_environment(), subprocess.DEVNULL) as group:
        wait_until(lambda: upstream.answers() or group.ended(), START_S, "the mock upstream answering")
        yield upstream


def directive(tokens: int, token_ms: int) -> str:
    """Words in a prompt that make the simulator's answer as long and slow; the mock takes them for words."""
    return f"[[sim: tokens={tokens} token_ms={token_ms}]]"
