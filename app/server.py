"""What runs in a web process: the bridge in front of Flask. See serve.py for what starts them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from app.factory import create_app
from app.parent import die_with_parent
from app.rsgi import Bridge
from pipeline.gateway import Gateway
from pipeline.logs import setup_logging
from pipeline.settings import DOTENV, Settings, load_settings
from workers.celery_app import create_celery
from workers.submit import Submitter

# Beside those who wait, a process answers hits, health checks and refusals.
SPARE_THREADS = 64


class Web:
    """What granian loads in each of its worker processes."""

    def __init__(self, settings: Settings) -> None:
        self._gateway = Gateway(settings, role="web")
        submitter = Submitter(create_celery(settings, publisher=True), self._gateway.chain, settings.max_queue)
        die_with_parent(signal.SIGKILL)  # an orphan would hold the port
        self._gateway.tables.current  # noqa: B018  a fault in the model table stops the start, not the first request
        self._gateway.model_reload.watch()
        threads = settings.max_waiting + SPARE_THREADS
        self._bridge = Bridge(create_app(self._gateway, submitter), threads=threads, max_body=settings.max_body_bytes)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await self._bridge.__rsgi__(scope, protocol)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._gateway.close()


def build() -> Web:
    """The factory that granian calls in each process."""
    settings = load_settings(os.environ, DOTENV)
    setup_logging(settings.log_level)
    return Web(settings)
