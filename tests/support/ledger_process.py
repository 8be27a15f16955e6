"""A ledger writer as a process of its own, to be killed: `python -m tests.support.ledger_process REDIS DATABASE BATCH`."""

from __future__ import annotations

import signal
import sys
import threading

import redis

from pipeline.ledger.writer import LedgerWriter
from pipeline.storage.engine import create_engine


def main(redis_url: str, database_url: str, batch: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    LedgerWriter(redis.Redis.from_url(redis_url), create_engine(database_url), batch=int(batch)).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
