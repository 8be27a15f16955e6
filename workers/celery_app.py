"""The Celery application: how messages travel. Every choice has its reason in docs/architecture.md, "The queue"."""

from __future__ import annotations

from typing import Any

from celery import Celery

from pipeline.settings import Settings
from workers import transport

# A message that a dead worker had taken comes back after this many seconds. It may well be shorter than
# a call lasts: a copy that arrives while a live worker holds the run is dropped by the fencing token.
VISIBILITY_S = 4


def create_celery(settings: Settings, *, publisher: bool = False) -> Celery:
    """A Celery app without tasks. A `publisher` gives up on a silent broker as fast as on a silent Redis."""
    transport.install()
    app = Celery("leo", set_as_current=not publisher)
    app.conf.update(
        broker_url=settings.broker,
        broker_transport_options=_transport(settings, publisher),
        broker_connection_retry_on_startup=True,
        broker_pool_limit=2 if publisher else 8,
        # State lives in Redis under the run's key; a result backend would only repeat it.
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_publish_retry=False,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue="stages",
        task_create_missing_queues=True,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        # RabbitMQ, when it is the broker: replicated queues, and a publish that is confirmed.
        task_default_queue_type="quorum" if settings.broker.startswith(("amqp", "pyamqp")) else "classic",
    )
    return app


def _transport(settings: Settings, publisher: bool) -> dict[str, Any]:
    if settings.broker.startswith(("amqp", "pyamqp")):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": VISIBILITY_S,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": settings.redis_timeout_s if publisher else 30,
        "socket_connect_timeout": settings.redis_timeout_s,
        "socket_keepalive": True,
        "priority_steps": [0],  # nothing has a priority, so a queue needs one list and not four
        "health_check_interval": 10,
        "max_connections": 4 if publisher else 64,
        # A request cannot wait for a broker to come back; its run is queued by the follower when it does.
        **({"max_retries": 0} if publisher else {}),
    }
