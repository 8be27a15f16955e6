"""The processes behind the queue: a worker, and the ledger writer."""

from __future__ import annotations

import os
import signal
import threading

from pipeline.gateway import Gateway
from pipeline.ledger import retention
from pipeline.logs import setup_logging
from pipeline.settings import Settings
from workers.celery_app import create_celery
from workers.crew import Crew
from workers.submit import Submitter
from workers.tasks import register

NICENESS = 10  # bookkeeping makes way for callers


def run_worker(settings: Settings, queues: tuple[str, ...] = ()) -> None:
    """A Celery worker on the threads pool, for all queues of the chain or some; returns after a warm shutdown.

    Raises ValueError for a queue on which no stage ever runs, SettingsError when the settings ask for what is not there.
    """
    setup_logging(settings.log_level)
    gateway = Gateway(settings, role="worker")
    for queue in queues:
        if queue not in gateway.chain.queues:
            raise ValueError(f"no stage runs on the queue '{queue}'; there are: {', '.join(gateway.chain.queues)}")
    gateway.semantic.check()
    gateway.model_reload.watch()
    celery = create_celery(settings)
    submitter = Submitter(celery, gateway.chain, settings.max_queue)
    gateway.use(submitter)
    crew = Crew(gateway.runner, submitter.submit_all, settings.upstream_concurrency)
    register(celery, gateway, crew)
    celery.worker_main(
        [
            "--quiet",  # no banner: what matters is one line in the log
            "worker",
            "--pool=threads",
            f"--concurrency={settings.upstream_concurrency}",
            f"--queues={','.join(queues or gateway.chain.queues)}",
            f"--hostname={gateway.id}@%h",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
    crew.close()
    gateway.close()


def run_ledger(settings: Settings) -> None:
    """The ledger writer; several may run, one of them writes. Returns after SIGTERM or SIGINT."""
    setup_logging(settings.log_level)
    os.nice(NICENESS)
    gateway = Gateway(settings, role="ledger")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    cleaner = (gateway.engine, settings.ledger_retention_days, stop)
    threading.Thread(target=retention.keep, args=cleaner, name="retention", daemon=True).start()
    gateway.ledger_writer.run(stop)
    gateway.close()
