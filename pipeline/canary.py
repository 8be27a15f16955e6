"""The canary: a task that a worker must carry out before anyone believes that it works.

A live worker process that consumes nothing is the classic failure of a queue; only a task shows it.
Redis key: `leo:canary:TOKEN`, a list with one element, gone after ten seconds.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import redis

from pipeline.admission.runs import redis_errors

_TTL_S = 10


class Canary:
    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def sing(self, token: str) -> None:
        """What the worker does."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=True)
            pipe.lpush(_key(token), "1")
            pipe.expire(_key(token), _TTL_S)
            pipe.execute()

    def heard(self, send: Callable[[str], None], timeout: float) -> bool:
        """Send a canary with `send`, and say whether a worker answered within `timeout` seconds."""
        token = secrets.token_hex(8)
        send(token)
        with redis_errors():
            return self._redis.blpop([_key(token)], timeout=timeout) is not None


def _key(token: str) -> str:
    return f"leo:canary:{token}"
