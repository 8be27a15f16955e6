"""The list of models for `GET /v1/models`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import msgspec

from pipeline.errors import GatewayError
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.routes import ModelTable, Upstream
from pipeline.upstream.transport import Exchange, HttpTransport

log = logging.getLogger(__name__)

KEPT_S = 60.0
KEPT_AFTER_FAILURE_S = 5.0
MAX_MODELS = 10_000
SIMULATED_MODEL = "leo-simulator"


class ListedModel(msgspec.Struct, frozen=True):
    id: str
    created: int = 0
    owned_by: str = ""


class _Listed(msgspec.Struct):
    data: list[ListedModel] = []


class ModelListing:
    """The table's names and what the default upstream lists. Its list is asked for at most once a minute."""

    def __init__(self, http: HttpTransport, clock: Callable[[], float]) -> None:
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: list[ListedModel] = []
        self._kept_of = ""
        self._fresh_until = 0.0

    def models(self, table: ModelTable, timeout: float) -> list[dict[str, object]]:
        """Never fails: when the upstream does not tell its models, the table's are the list."""
        listed = {name: ListedModel(name, owned_by=table.resolve(name).upstream) for name in table.names()}
        limits = {name: table.resolve(name).limits for name in table.names()}
        for model in self._of_default(table.default, timeout):
            listed.setdefault(model.id, model)
        return [
            {
                "id": model.id,
                "object": "model",
                "created": model.created,
                "owned_by": model.owned_by or "unknown",
                **limits.get(model.id, {}),
            }
            for model in listed.values()
        ]

    def _of_default(self, default: Upstream | None, timeout: float) -> list[ListedModel]:
        if default is None:
            return []
        if default.simulated:
            return [ListedModel(SIMULATED_MODEL, owned_by=default.name)]
        with self._lock:
            stale = self._kept_of != default.base_url
            if not stale and self._clock() < self._fresh_until:
                return self._kept
            # Whoever comes during the fetch gets the old list instead of fetching as well.
            self._kept = [] if stale else self._kept
            self._kept_of, self._fresh_until = default.base_url, self._clock() + max(timeout, KEPT_AFTER_FAILURE_S)
        fetched = self._fetch(default, timeout)
        with self._lock:
            self._fresh_until = self._clock() + (KEPT_AFTER_FAILURE_S if fetched is None else KEPT_S)
            self._kept = self._kept if fetched is None else fetched
            return self._kept

    def _fetch(self, upstream: Upstream, timeout: float) -> list[ListedModel] | None:
        exchange = Exchange(
            upstream=upstream,
            endpoint="models",
            body=b"",
            stream=False,
            key=upstream.api_key,
            deadline=self._clock() + timeout,
            cancel=CancelToken(),
        )
        try:
            status, body = self._http.get(exchange)
            if status == 200:
                return msgspec.json.decode(body, type=_Listed).data[:MAX_MODELS]
            log.warning("upstream %s answered %d when asked for its models", upstream.name, status)
        except (GatewayError, msgspec.DecodeError) as error:
            log.warning("upstream %s did not tell its models: %s", upstream.name, type(error).__name__)
        return None
