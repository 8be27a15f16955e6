"""Child processes that are kept running: started in order, restarted when they die, stopped in reverse order."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.parent import die_with_parent

_MIN_UPTIME_S = 2.0
_MAX_BACKOFF_S = 5.0


@dataclass
class Child:
    """One process of the deployment. `grace` is how long it may take to stop, in seconds.

    In a process group of its own it does not hear of Ctrl-C: the supervisor stops all in their order.
    """

    name: str
    command: list[str]
    grace: float = 15.0  # longer than a front end gives its callers
    own_group: bool = True
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    failures: int = field(default=0)

    def start(self, environ: Mapping[str, str]) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=dict(environ),
            start_new_session=self.own_group,
            preexec_fn=die_with_parent,  # noqa: PLW1509  this process has no threads
        )

    @property
    def dead(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        if self.process is None:
            return
        self.terminate()
        try:
            self.process.wait(self.grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                if self.own_group:
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    self.process.kill()
            self.process.wait()


class Supervisor:
    """Keeps children running. `say` tells people what happens."""

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environ = environ
        self._say = say
        self._children: list[Child] = []

    def start(self, child: Child) -> None:
        child.start(self._environ)
        self._children.append(child)

    def tend(self) -> None:
        """Start again what has died; one that dies at once is given more and more time."""
        now = time.monotonic()
        for child in self._children:
            if child.dead:
                self._bury(child, now)
            elif child.process is None and now >= child.restart_at:
                child.start(self._environ)

    def _bury(self, child: Child, now: float) -> None:
        assert child.process is not None
        code = child.process.returncode
        child.failures = child.failures + 1 if now - child.started < _MIN_UPTIME_S else 0
        wait = min(_MAX_BACKOFF_S, 0.5 * child.failures)
        self._say(f"{child.name} ended ({_reason(code)}); it is started again" + (f" in {wait:.1f} s" if wait else ""))
        child.process, child.restart_at = None, now + wait

    def stop(self, *, together: bool = False) -> None:
        """Stop all in reverse order, each when the one before has ended; or `together`, where they do not need each other."""
        for child in self._children if together else ():
            child.terminate()
        for child in reversed(self._children):
            child.stop()

    def kill(self) -> None:
        for child in reversed(self._children):
            child.kill()


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
