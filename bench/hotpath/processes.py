"""Processes in groups of their own, which end with whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).parents[2]  # of the project
GRACE_S = 15.0


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of a gateway: those of whoever measures must not leak into what is measured.

    Compiled modules may be kept, as they are for a user; else each start would compile the project again.
    """
    foreign = ("LEO_", "OPENAI_", "REDIS_", "LITELLM_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


class Group:
    """A command in a session, and so a process group, of its own. As a context it is stopped at the end."""

    def __init__(self, command: list[str], environ: dict[str, str], out: IO[Any] | int, cwd: Path | None = None) -> None:
        self.popen = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ended(self) -> bool:
        """Raises nothing, waits for nothing."""
        return self.popen.poll() is not None

    def stop(self, grace: float = GRACE_S) -> None:
        """SIGTERM to the command, which ends its children itself; SIGKILL to the group after `grace` seconds."""
        if not self.ended():
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to whatever is left of the group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(GRACE_S)
        deadline = time.monotonic() + GRACE_S
        while _alive(self.popen.pid) and time.monotonic() < deadline:
            time.sleep(0.02)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
