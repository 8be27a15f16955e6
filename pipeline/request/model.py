"""The request as the rest of the gateway sees it: validated once, at the door."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.request import canonical
from pipeline.request.parameters import TABLES
from pipeline.request.validate import validate


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A validated request. `body` is what the client sent, byte for byte; `params` is the same, parsed."""

    endpoint: str
    body: bytes
    params: dict[str, Any]

    @property
    def model(self) -> str:
        model: str = self.params["model"]
        return model

    @property
    def stream(self) -> bool:
        """The caller wants the answer in pieces; only completions have such a form."""
        return self.endpoint == "chat/completions" and bool(self.params.get("stream"))

    @property
    def include_usage(self) -> bool:
        """The caller wants the usage chunk at the end of its stream."""
        return bool((self.params.get("stream_options") or {}).get("include_usage"))

    def unknown(self) -> list[str]:
        """Names that are not in the parameter table, sorted."""
        return sorted(self.params.keys() - TABLES[self.endpoint].keys())


def parse(endpoint: str, body: bytes) -> Request:
    """A request from a body. Raises BadRequest naming the parameter."""
    return Request(endpoint=endpoint, body=body, params=validate(endpoint, canonical.decode(body)))
