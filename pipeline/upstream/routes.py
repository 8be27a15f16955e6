"""Where a model is asked for: the loaded table of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.errors import BadRequest, NotFound
from pipeline.upstream.pricing import Price
from pipeline.upstream.secret import Secret

SIMULATOR = "simulator"  # the upstream that is always there and asks nobody


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. `base_url` has no trailing slash and is empty for the simulator."""

    name: str
    base_url: str = ""
    api_key: Secret = msgspec.field(default_factory=Secret)
    connect_timeout_s: float = 5.0
    max_concurrency: int | None = None  # calls at once from this process; None: no bound of its own

    @property
    def simulated(self) -> bool:
        return self.name == SIMULATOR


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way to an answer: which upstream, under which name, at which price."""

    provider: Upstream
    model: str  # the name in the table
    model_there: str
    price: Price | None = None
    stream_usage: bool = True
    fallbacks: tuple[str, ...] = ()
    context_window: int | None = None  # tokens; told by GET /v1/models
    max_output_tokens: int | None = None  # tokens; told as well, and a request for more is refused

    def check(self, params: Mapping[str, Any]) -> None:
        """Refuse what this model cannot do, before anything is enqueued. Raises BadRequest naming the parameter."""
        for name in ("max_completion_tokens", "max_tokens"):
            asked = params.get(name)
            if self.max_output_tokens is not None and isinstance(asked, int) and asked > self.max_output_tokens:
                raise BadRequest(
                    f"Invalid '{name}': the model '{self.model}' gives at most {self.max_output_tokens} tokens, not {asked}.",
                    param=name,
                    code="invalid_value",
                )

    @property
    def limits(self) -> dict[str, int]:
        """The limits that are known, by the names of the table."""
        known = {"context_window": self.context_window, "max_output_tokens": self.max_output_tokens}
        return {name: value for name, value in known.items() if value is not None}

    @property
    def upstream(self) -> str:
        return self.provider.name

    @property
    def base_url(self) -> str:
        return self.provider.base_url

    @property
    def api_key(self) -> Secret:
        return self.provider.api_key

    @property
    def simulated(self) -> bool:
        return self.provider.simulated


class ModelTable:
    """The models by name, and the upstream that gets every other name. Never changes once made."""

    def __init__(self, routes: Mapping[str, Route], default: Upstream | None) -> None:
        self._routes = dict(routes)
        self._default = default

    @property
    def default(self) -> Upstream | None:
        return self._default

    @property
    def simulated(self) -> bool:
        """Whether names that the table does not hold are answered by the simulator."""
        return self._default is not None and self._default.simulated

    def names(self) -> list[str]:
        return sorted(self._routes)

    def upstreams(self) -> list[str]:
        """The names of all upstreams that a route or the default leads to."""
        named = {route.upstream for route in self._routes.values()}
        return sorted(named | ({self._default.name} if self._default else set()))

    def resolve(self, model: str) -> Route:
        """The route of a model. Raises NotFound when the table does not know it and there is no default upstream."""
        route = self._routes.get(model)
        if route is not None:
            return route
        if self._default is None:
            raise NotFound(f"The model '{model}' does not exist here.", code="model_not_found", param="model")
        return Route(provider=self._default, model=model, model_there=model)

    def chain(self, model: str) -> list[Route]:
        """The route of a model, then its fallbacks and theirs in the order of the table, each once."""
        chain: dict[str, Route] = {}
        self._extend(chain, self.resolve(model))
        return list(chain.values())

    def _extend(self, chain: dict[str, Route], route: Route) -> None:
        if route.model in chain:
            return
        chain[route.model] = route
        for fallback in route.fallbacks:
            self._extend(chain, self.resolve(fallback))
