"""The ways to a model that are compared. Each is a row of the report."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.replay.knowledge import Behaviour
from bench.replay.player import Target


class Claims(msgspec.Struct, frozen=True):
    """What a gateway says of itself since its start: requests, calls to the upstream, dollars spent and saved."""

    requests: int
    calls: int
    cost: float
    saved: float

    def since(self, before: Claims) -> Claims:
        return Claims(
            self.requests - before.requests, self.calls - before.calls, self.cost - before.cost, self.saved - before.saved
        )


class Way(ABC):
    """One way to the upstream. `start` and `finish` surround each part, `close` comes at the end of all."""

    name = ""
    about = ""

    def missing(self) -> str | None:
        """Why this way cannot be played here; None when it can."""
        return None

    @abstractmethod
    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        """Ready to be asked, with nothing stored. `upstream` is a base URL with /v1."""

    def pids(self) -> list[int]:
        """The roots of its processes, whose CPU time is its own."""
        return []

    def claims(self, requests: int = 0) -> Claims | None:
        """What it says of itself, once it counts at least so many requests; None when it says nothing."""
        return None

    def finish(self) -> None:  # noqa: B027  a way without processes has nothing to do here
        """A part is over."""

    def close(self) -> None:  # noqa: B027  as above
        """Nothing of it is left running."""


class Direct(Way):
    """No gateway: the client asks the upstream itself."""

    name = "direct"
    about = "the upstream, asked without a gateway"

    def start(self, upstream: str, behaviour: Behaviour) -> Target:
        port = urlsplit(upstream).port
        assert port is not None
        return Target(port, {}, lambda headers: "")


class Folder:
    """A temporary folder that is made when it is needed."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def __truediv__(self, name: str) -> Path:
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="leo-replay-"))
        return self._path / name

    def remove(self) -> None:
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
