"""Logging: one line an event, `name key=value ...`, to standard error. Never a prompt, an answer or a key."""

from __future__ import annotations

import logging
import sys


def setup_logging(level: str) -> None:
    """Configure the root logger once per process."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(processName)s %(name)s %(message)s",
        force=True,
    )
    for noisy in ("urllib3", "kombu", "amqp", "celery.app.trace", "celery.worker.strategy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
