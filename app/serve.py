"""Starting the web processes. This one only starts and restarts them, so it loads nothing of the gateway."""

from __future__ import annotations

from granian import Granian
from granian.constants import Interfaces

from pipeline.settings import Settings


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGTERM or SIGINT. A worker process that dies is started again."""
    Granian(
        "app.server:build",
        factory=True,
        interface=Interfaces.RSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_processes,
        websockets=False,
        backlog=4096,
        respawn_failed_workers=True,
        respawn_interval=0.1,
        workers_kill_timeout=10,
        log_level="warning",  # type: ignore[arg-type]
    ).serve()
