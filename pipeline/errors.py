"""Every error that can reach a caller, as one tree.

GatewayError
├── BadRequest 400          the body, a header or a parameter is wrong; `param` names it
│   ├── Unauthorized 401
│   ├── Forbidden 403
│   ├── NotFound 404
│   ├── Conflict 409
│   └── TooLarge 413
├── Unavailable 503         a part of the gateway is not answering; comes with Retry-After
│   ├── StoreUnavailable      Redis or SQL
│   └── Overloaded            a bound was reached
├── DeadlineExceeded 504    nobody answered within the caller's deadline
├── Cancelled 499           every follower left before the answer came
└── UpstreamError           what the upstream said, or that it said nothing

Each leaf knows its HTTP status and the four fields of the OpenAI error envelope
(`message, type, param, code`), so one renderer serves them all.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class GatewayError(Exception):
    """Base of all errors that are rendered as an OpenAI error envelope.

    `retry_after` is in seconds. `should_retry` becomes the `x-should-retry` header that the official
    clients obey; None leaves the decision to their own rule (408, 409, 429 and 5xx are retried).
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str | None] = None
    default_retry_after: ClassVar[float | None] = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code
        self.retry_after = retry_after if retry_after is not None else self.default_retry_after
        self.should_retry = should_retry

    @property
    def http_status(self) -> int:
        return self.status

    def envelope(self) -> bytes:
        """The JSON body that OpenAI's clients parse: always the four fields, `param` and `code` may be null."""
        fields = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return msgspec.json.encode({"error": fields})


def internal_error() -> GatewayError:
    """What callers hear of an exception that nobody foresaw, whose own message may quote a prompt or a key."""
    return GatewayError("The gateway failed while it worked on this request.", code="internal_error")


class BadRequest(GatewayError):
    status = 400
    type = "invalid_request_error"
    default_code = "invalid_value"


class Unauthorized(BadRequest):
    status = 401
    default_code = "invalid_api_key"


class Forbidden(BadRequest):
    status = 403
    default_code = "permission_denied"


class NotFound(BadRequest):
    status = 404
    default_code = "not_found"


class Conflict(BadRequest):
    status = 409
    default_code = "conflict"


class TooLarge(BadRequest):
    status = 413
    default_code = "request_too_large"


class Unavailable(GatewayError):
    status = 503
    type = "service_unavailable"
    default_code = "unavailable"
    default_retry_after = 1.0


class StoreUnavailable(Unavailable):
    default_code = "store_unavailable"


class Overloaded(Unavailable):
    default_code = "overloaded"


class DeadlineExceeded(GatewayError):
    status = 504
    type = "timeout_error"
    default_code = "deadline_exceeded"


class Cancelled(GatewayError):
    status = 499
    type = "cancelled"
    default_code = "cancelled"


class UpstreamError(GatewayError):
    """The upstream refused, failed or could not be reached.

    `body` is the upstream's own JSON error body when it sent one; it is passed on unchanged.
    `transient` says that the same request may succeed elsewhere or later (the retry classes of
    `pipeline.upstream.retry`).
    """

    type = "upstream_error"
    default_code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        body: bytes | None = None,
        transient: bool = False,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(message, **fields)
        self._status = status
        self.body = body
        self.transient = transient
        self.headers = headers or {}

    @property
    def http_status(self) -> int:
        return self._status

    def envelope(self) -> bytes:
        return self.body if self.body is not None else super().envelope()
