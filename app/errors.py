"""Errors on the wire: OpenAI's envelope with the right status, whatever went wrong."""

from __future__ import annotations

import logging
import math
import traceback

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoSuchPage

from pipeline import ids
from pipeline.errors import BadRequest, GatewayError, NotFound, TooLarge, internal_error

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    app.register_error_handler(GatewayError, render)
    app.register_error_handler(HTTPException, lambda error: render(_ours(error, app)))
    app.register_error_handler(Exception, _unforeseen)
    app.after_request(_with_request_id)


def render(error: GatewayError, request_id: str | None = None) -> Response:
    """An error as its envelope and headers; Flask adds the request's id where none is given."""
    response = Response(error.envelope(), status=error.http_status, content_type="application/json")
    response.headers.update(retry_headers(error))
    for name, value in getattr(error, "headers", {}).items():
        if name.startswith("x-ratelimit-"):
            response.headers[name] = value
    if isinstance(error, _MethodNotAllowed):
        response.headers["Allow"] = error.allowed
    return response if request_id is None else _named(response, request_id)


def _named(response: Response, request_id: str) -> Response:
    response.headers["X-LEO-Request-ID"] = response.headers["x-request-id"] = request_id
    return response


def _with_request_id(response: Response) -> Response:
    return _named(response, g.get("request_id") or ids.request_id())


def retry_headers(error: GatewayError) -> dict[str, str]:
    """What the official clients obey: Retry-After in whole seconds, and whether to retry at all."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.should_retry is not None:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    return headers


class _MethodNotAllowed(BadRequest):
    status = 405

    def __init__(self, allowed: str) -> None:
        super().__init__(f"{request.method} is not allowed for {request.path}. Allowed: {allowed}.", code="method_not_allowed")
        self.allowed = allowed  # RFC 9110 15.5.6: the response must say so in `Allow`


def _ours(error: HTTPException, app: Flask) -> GatewayError:
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge(f"The body is larger than {app.config['MAX_CONTENT_LENGTH']} bytes (LEO_MAX_BODY_BYTES).")
    if isinstance(error, NoSuchPage):
        return NotFound(
            f"Unknown request URL: {request.method} {request.path}. GET /openapi.json lists what there is.", code="unknown_url"
        )
    if isinstance(error, MethodNotAllowed):
        return _MethodNotAllowed(", ".join(sorted(error.valid_methods or ())))
    return BadRequest(error.description or error.name)


def log_crash(path: str, error: Exception) -> None:
    """Log the type and place of an unforeseen exception; its message may quote a prompt or a key."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("view_crashed path=%s error=%s\n%s", path, type(error).__name__, where)


def _unforeseen(error: Exception) -> Response:
    log_crash(request.path, error)
    return render(internal_error())
