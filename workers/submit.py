"""Putting work on the queue. A message carries keys and epochs, its task names the stage; all else is in Redis.

A broker that is away shows in many ways: each transport raises errors of its own, kombu wraps only some
of them, and a connection that broke may fail with an AttributeError inside kombu (seen with Redis frozen
for ten seconds). Whatever is raised here, the message was not taken, and that is all a caller can use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import Celery

from pipeline.chain import Chain
from pipeline.errors import StoreUnavailable
from pipeline.recent import Recent
from workers.outbox import Outbox, Run

STAGE_TASK = "leo.stage"
CANARY_TASK = "leo.canary"
RECENTLY = 16  # messages


class Submitter:
    """Publishes to the broker, and knows how long the queue is (at most a second ago)."""

    def __init__(self, celery: Celery, chain: Chain, max_queue: int) -> None:
        self._celery = celery
        self._chain = chain
        self._max_queue = max_queue
        self._length = Recent(self._measure, forgive=(Exception,))
        self._runs_per_message = 1.0
        self._outbox = Outbox(lambda stage, runs: self.submit_all(runs, stage))

    def submit(self, key: str, epoch: str, stage: int) -> None:
        """Queue a hop. Raises StoreUnavailable when the broker does not take it."""
        self.submit_all([(key, epoch)], stage)

    def submit_all(self, runs: list[Run], stage: int) -> None:
        """Queue the same hop of several runs, in one message. Raises StoreUnavailable when the broker does not take it."""
        self._send(f"{STAGE_TASK}.{self._chain.stages[stage].name}", runs, self._chain.queue_of(stage))
        self._runs_per_message += (len(runs) - self._runs_per_message) / RECENTLY

    def submit_soon(self, key: str, epoch: str, stage: int) -> None:
        """Queue a hop, at once or within milliseconds in one message with others. Raises nothing.

        A run that the broker does not take stands as queued, and its followers queue it again.
        """
        self._outbox.put(stage, (key, epoch))

    def close(self) -> None:
        """Send what was handed to `submit_soon`."""
        self._outbox.close()

    def canary(self, token: str) -> None:
        """Queue the task by which a worker shows that it works."""
        self._send(CANARY_TASK, [token], self._chain.queue_of(0))

    def reachable(self) -> bool:
        """Whether the broker can be asked at all."""
        try:
            self._measure()
        except Exception:  # noqa: BLE001  see the module's docstring
            return False
        return True

    def room(self) -> bool:
        """Whether the queue may grow. An answer from up to a second ago is good enough for a bound."""
        return self.length() < self._max_queue

    def empty(self) -> bool:
        return self.length() == 0

    def length(self) -> int:
        """How many runs wait in the queues of the chain, about; the last known number while the broker is away.

        The broker counts messages; how many runs one holds is known of those that this process sent of late.
        """
        return round(self._length.value() * self._runs_per_message)

    def _measure(self) -> int:
        # A connection of its own: one of the pool that broke in an outage may stay unusable.
        with self._celery.connection_for_write() as connection:
            connection.ensure_connection(max_retries=0)  # else it is tried a second time, after two seconds
            with connection.channel() as channel:
                return sum(self._waiting(channel, queue, connection.channel_errors) for queue in self._chain.queues)

    @staticmethod
    def _waiting(channel: Any, queue: str, unknown: tuple[type[Exception], ...]) -> int:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except unknown:
            return 0  # no worker has declared it yet, so nothing waits in it

    def _send(self, task: str, args: Sequence[object], queue: str) -> None:
        try:
            # Without the texts for events and logs, which are made with much effort and read by nobody.
            self._celery.send_task(task, args=args, queue=queue, ignore_result=True, argsrepr="", kwargsrepr="")
        except Exception as error:
            raise StoreUnavailable(f"The broker is not answering ({type(error).__name__}). Please try again shortly.") from error
