"""The events of a run's log. Whoever reads the log from its start knows all that was said so far."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.admission.answer import Answer
from pipeline.admission.treatment import Treatment
from pipeline.cache.meaning import Meaning
from pipeline.errors import GatewayError, UpstreamError


class Accepted(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="accepted"):
    """The run was made. `at` is unix seconds."""

    at: float


class StageDone(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="stage"):
    """A stage has decided: what, and in how many milliseconds."""

    name: str
    decision: str
    ms: float


class Delta(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="delta"):
    """Chunks of a streamed answer, each the JSON that the upstream sent, byte for byte."""

    chunks: list[bytes]


class Restarted(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="restarted"):
    """The worker that wrote the deltas so far is gone; another tells the answer again from its start."""


class Answered(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="answer"):
    """The end: the whole answer. `source` is 'upstream', or 'exact' or 'semantic' when a stage found it stored.

    `not_stored` says why the next equal request will not get it, None when it will; `meaning` what was found by meaning;
    `treatment` what was done to the request.
    """

    answer: Answer
    source: str
    not_stored: str | None = None
    meaning: Meaning | None = None
    treatment: Treatment | None = None


class Failed(msgspec.Struct, frozen=True, array_like=True, tag_field="event", tag="failed"):
    """The end: no answer. The fields are those of the error that every caller gets."""

    status: int
    type: str
    message: str
    param: str | None
    code: str | None
    retry_after: float | None
    should_retry: bool | None
    body: bytes | None
    headers: dict[str, str]


Event = Accepted | StageDone | Delta | Restarted | Answered | Failed
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Event)


def pack(event: Event) -> bytes:
    return msgspec.msgpack.encode(event)


def unpack(data: bytes) -> Event:
    event: Event = _decoder.decode(data)
    return event


def failure(error: GatewayError) -> Failed:
    """The event that carries an error to every caller of the run."""
    body, headers = (error.body, error.headers) if isinstance(error, UpstreamError) else (None, {})
    return Failed(
        error.http_status,
        error.type,
        error.message,
        error.param,
        error.code,
        error.retry_after,
        error.should_retry,
        body,
        headers,
    )


class RunFailed(GatewayError):
    """A run that ended without an answer, as its callers see it."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(
            failed.message, param=failed.param, code=failed.code, retry_after=failed.retry_after, should_retry=failed.should_retry
        )
        self.failed = failed
        self.type = failed.type  # type: ignore[misc]  # an instance of this class stands for any leaf of the error tree
        self.headers = failed.headers

    @property
    def http_status(self) -> int:
        return self.failed.status

    def envelope(self) -> bytes:
        return self.failed.body if self.failed.body is not None else super().envelope()
