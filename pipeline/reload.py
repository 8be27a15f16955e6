"""The model table, read again in every process when one of them is told to.

Redis key: `leo:models:epoch`, a counter. Each process looks at it once a second.
"""

from __future__ import annotations

import logging
import threading

import redis

from pipeline.admission.runs import redis_errors
from pipeline.errors import BadRequest, StoreUnavailable
from pipeline.upstream.table import TableError, TableHolder

log = logging.getLogger(__name__)

_EPOCH = "leo:models:epoch"


class ModelReload:
    def __init__(self, client: redis.Redis, tables: TableHolder, interval: float = 1.0) -> None:
        self._redis = client
        self._tables = tables
        self._interval = interval
        self._stop = threading.Event()

    def announce(self) -> list[str]:
        """Check the table, then have every process read it; the model names. Raises BadRequest on a fault."""
        try:
            self._tables.reload()
        except TableError as error:
            raise BadRequest(f"The model table was not changed: {error}", code="invalid_model_table") from None
        with redis_errors():
            self._redis.incr(_EPOCH)
        return list(self._tables.current.names())

    def watch(self) -> None:
        """Follow announcements until `close`, in a thread of its own."""
        threading.Thread(target=self._watch, name="model-reload", daemon=True).start()

    def close(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        # The first look reads the table too: an announcement may have come between the start and it.
        seen: object = self
        while not self._stop.wait(self._interval):
            try:
                with redis_errors():
                    epoch = self._redis.get(_EPOCH)
                if epoch != seen:
                    self._tables.reload()
                    log.info("model_table_read models=%d", len(self._tables.current.names()))
                seen = epoch
            except StoreUnavailable:
                continue
            except TableError as error:
                seen = epoch
                log.error("model_table_refused reason=%s", error)
