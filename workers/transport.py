"""kombu's Redis transport, with less work for each message.

kombu 5.7 makes a `redis.Redis` for every message that it sends, notes down or acknowledges, and throws it away again.
That is a third of what a message costs here; the client is thread-safe and takes its connections from the same pool.

A message that was taken and is not acknowledged yet is noted down in Redis, so that it comes back when its worker dies.
kombu does so at once, and crosses the note out at the acknowledgement: two round trips, and the message once more as JSON.
Here only what is still at work after a moment is noted down. Until then a dead worker's message is lost to the broker, but not
its run: whoever waits for it sees the lease end, and queues it again (pipeline/admission/follow.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual
from kombu.utils.json import dumps

NOTE_S = 0.1  # a message is noted down when it is between one and two of these old


class QoS(redis.QoS):
    channel: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._young: dict[str, Any] = {}
        self._old: dict[str, Any] = {}

    def append(self, message: Any, delivery_tag: str) -> None:
        virtual.QoS.append(self, message, delivery_tag)
        self._young[delivery_tag] = message

    def ack(self, delivery_tag: str) -> None:
        if self._young.pop(delivery_tag, None) or self._old.pop(delivery_tag, None):
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        self._note_all()
        super().reject(delivery_tag, requeue)

    def restore_unacked(self, client: Any = None) -> None:
        self._note_all()
        super().restore_unacked(client)

    def grow_older(self) -> None:
        """Note down what was taken before the last time."""
        self._note(self._old)
        self._old, self._young = self._young, {}

    def _note_all(self) -> None:
        """kombu's own code for what follows looks into the notes."""
        self._note(self._old | self._young)
        self._old, self._young = {}, {}

    def _note(self, messages: dict[str, Any]) -> None:
        if not messages:
            return
        with self.pipe_or_acquire() as pipe:
            for tag, message in messages.items():
                where = message.delivery_info
                pipe.zadd(self.unacked_index_key, {tag: time.time()})
                pipe.hset(self.unacked_key, tag, dumps([message._raw, where["exchange"], where["routing_key"]]))
            pipe.execute()


class Channel(redis.Channel):
    QoS = QoS

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        yield client or self._kept

    @cached_property
    def _kept(self) -> Any:
        return self._create_client()


class Transport(redis.Transport):
    Channel = Channel
    cycle: Any
    _noting: Any = None

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        super().register_with_event_loop(connection, loop)
        if self._noting is not None:
            self._noting.cancel()
        self._noting = loop.call_repeatedly(NOTE_S, self._grow_older)

    def _grow_older(self) -> None:
        for channel in self.cycle._channels:
            channel.qos.grow_older()


def install() -> None:
    """Have broker URLs that begin with redis or rediss lead to this transport, in this process."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
