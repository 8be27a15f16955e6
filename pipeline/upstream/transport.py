"""What the caller needs of an upstream, be it HTTP or the simulator in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.routes import Upstream
from pipeline.upstream.secret import Secret


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request to make."""

    upstream: Upstream
    endpoint: str  # "chat/completions"
    body: bytes
    stream: bool
    key: Secret
    deadline: float  # a time.monotonic() instant
    cancel: CancelToken


class Reply(Protocol):
    """An upstream's answer whose headers are there and whose body is not read yet.

    Reading raises Cancelled, DeadlineExceeded, or UpstreamError when the connection breaks
    (`interrupted`) or the body is too large (`answer_too_large`).
    """

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[str, str]:
        """All response headers, names in lower case."""

    @property
    def is_stream(self) -> bool:
        """Whether the body is server-sent events, whatever was asked for."""

    @property
    def done(self) -> bool:
        """Whether the stream said `[DONE]`."""

    def read(self) -> bytes:
        """The whole body."""

    def payloads(self) -> Iterator[list[bytes]]:
        """The JSON payloads of the events, one list per read of the network."""


class Transport(Protocol):
    def post(self, exchange: Exchange) -> AbstractContextManager[Reply]:
        """Make the request; the connection is given back when the context ends, read to its end or not."""


class HttpTransport(Transport, Protocol):
    def get(self, exchange: Exchange) -> tuple[int, bytes]:
        """Status and body of a GET of the exchange's endpoint."""
