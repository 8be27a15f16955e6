"""What runs in a web process: uvicorn, the fast lane and the bridge in front of Flask. See serve.py for what starts them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from functools import partial

from uvicorn import Config, Server

from app.bridge import Bridge
from app.factory import create_app
from app.front import FrontProtocol, sweep
from app.lane import Lane
from app.parent import die_with_parent
from pipeline.gateway import Gateway
from pipeline.logs import setup_logging
from pipeline.settings import DOTENV, Settings, load_settings
from workers.celery_app import create_celery
from workers.submit import Submitter

# Beside those who wait for Redis, a process answers hits, health checks and refusals.
SPARE_THREADS = 64
BACKLOG = 4096
IDLE_S = 75  # longer than the official clients keep an idle connection, so that it is they who close it
GRACE_S = 10
SWEEP_S = 5


def run(settings: Settings) -> None:
    """Serve HTTP in this process until SIGTERM or SIGINT."""
    setup_logging(settings.log_level)
    gateway = Gateway(settings, role="web")
    submitter = Submitter(create_celery(settings, publisher=True), gateway.chain, settings.max_queue)
    gateway.tables.current  # noqa: B018  a fault in the model table stops the start, not the first request
    gateway.model_reload.watch()
    app = create_app(gateway, submitter)
    bridge = Bridge(app, threads=settings.max_waiting + SPARE_THREADS, max_body=settings.max_body_bytes)
    lane: Lane = app.extensions["leo"].lane

    async def tidy() -> None:
        sweep(server.server_state.connections, time.monotonic())  # type: ignore[arg-type]  # all are of our protocol

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # its warnings are about what strangers send
    config = Config(
        bridge,
        http=partial(FrontProtocol, lane=lane),  # type: ignore[arg-type]
        loop="uvloop",
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
        callback_notify=tidy,
        timeout_notify=SWEEP_S,
    )
    server = Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # For a signal that comes before uvicorn listens to it; and it raises it again when all is served: there is more to do.
        signal.signal(number, server.handle_exit)
    server.run([listen(settings)])
    lane.flush()
    gateway.close()


def listen(settings: Settings) -> socket.socket:
    """A socket for the settings' address. Several processes have one each, and the kernel spreads the connections."""
    sock = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(settings.web_processes > 1))
    sock.bind((settings.host, settings.port))
    sock.listen(BACKLOG)
    return sock


def main() -> None:
    """One of several web processes, started by serve.py."""
    die_with_parent(signal.SIGKILL)  # an orphan would hold the port
    run(load_settings(os.environ, DOTENV))


if __name__ == "__main__":
    main()
