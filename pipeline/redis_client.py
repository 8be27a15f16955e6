"""One bounded Redis connection pool a process, with a timeout on every command."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def connect(url: str, *, timeout: float, connections: int) -> redis.Redis:
    """A client whose commands fail within `timeout` seconds, waiting for a free connection included.

    A connection that the server closed is opened again once; a command that timed out is not repeated
    here, because its caller knows better whether there is still time.
    """
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
    return redis.Redis.from_pool(pool)
