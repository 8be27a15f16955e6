"""Starting what serves HTTP: one process serves by itself; several are children of this one, which then loads nothing else."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import click

from app.processes import Child, Supervisor
from pipeline.settings import Settings

TICK_S = 0.1


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGTERM or SIGINT. Of several processes, one that dies is started again."""
    check_port(settings)
    if settings.web_processes == 1:
        from app.server import run

        run(settings)
    else:
        _supervise(settings.web_processes)


def check_port(settings: Settings) -> None:
    """Refuse a port that somebody else has: our own processes share theirs, so nothing else would notice."""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): set LEO_PORT to another port."
            ) from None


def _supervise(processes: int) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    supervisor = Supervisor(os.environ, lambda text: click.echo(f"leo: {text}", err=True))
    for place in range(processes):
        supervisor.start(Child(f"web process {place + 1}", [sys.executable, "-m", "app.server"], own_group=False))
    while not stop.wait(TICK_S):
        supervisor.tend()
    supervisor.stop(together=True)
