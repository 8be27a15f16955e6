"""Whatever goes wrong, the caller gets OpenAI's envelope, and the official clients know whether to retry."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from flask import Flask, abort, g, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app import errors
from app.sse import StreamInterrupted
from pipeline.admission.events import RunFailed, failure
from pipeline.errors import (
    BadRequest,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    GatewayError,
    NotFound,
    Overloaded,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
    Unavailable,
    UpstreamError,
)

STATUSES: dict[type[GatewayError], int] = {
    GatewayError: 500,
    BadRequest: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Unavailable: 503,
    StoreUnavailable: 503,
    Overloaded: 503,
    DeadlineExceeded: 504,
    Cancelled: 499,
    UpstreamError: 502,
    StreamInterrupted: 502,
}


def tree(kind: type[GatewayError]) -> set[type[GatewayError]]:
    return {kind}.union(*(tree(leaf) for leaf in kind.__subclasses__()))


def app_with_errors() -> Flask:
    app = Flask("errors")
    app.config["MAX_CONTENT_LENGTH"] = 100

    @app.before_request
    def name_the_request() -> None:
        g.request_id = "req_1"

    errors.init_app(app)
    return app


def answer_to(error: Exception) -> TestResponse:
    """What a caller gets when a view raises this."""
    app = app_with_errors()

    @app.get("/view")
    def view() -> str:
        raise error

    return app.test_client().get("/view")


def fields(response: TestResponse) -> dict[str, Any]:
    """The error object, which must have the four fields."""
    assert response.content_type == "application/json"
    found: dict[str, Any] = msgspec.json.decode(response.data)["error"]
    assert found.keys() >= {"message", "type", "param", "code"}
    return found


def test_every_error_of_the_tree_is_tried_here() -> None:
    ours = {kind for kind in tree(GatewayError) if kind.__module__ in ("pipeline.errors", "app.sse")}
    assert ours == STATUSES.keys()


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_every_error_comes_with_its_status_and_the_four_fields(kind: type[GatewayError]) -> None:
    response = answer_to(kind("what happened", param="n", code="why"))
    assert response.status_code == STATUSES[kind]
    found = fields(response)
    assert (found["message"], found["param"], found["code"]) == ("what happened", "n", "why")


@pytest.mark.parametrize("kind", [kind for kind in STATUSES if kind not in (GatewayError, BadRequest)], ids=lambda k: k.__name__)
def test_every_leaf_has_a_code_of_its_own(kind: type[GatewayError]) -> None:
    assert fields(answer_to(kind("no")))["code"] == kind.default_code is not None


@pytest.mark.parametrize("kind", [Unavailable, StoreUnavailable, Overloaded], ids=lambda kind: kind.__name__)
def test_who_has_to_come_back_is_told_when(kind: type[GatewayError]) -> None:
    assert answer_to(kind("busy")).headers["Retry-After"] == "1"


@given(st.floats(0, 100, allow_nan=False))
def test_retry_after_is_whole_seconds_and_never_too_early(seconds: float) -> None:
    told = int(errors.retry_headers(Overloaded("busy", retry_after=seconds))["Retry-After"])
    assert told >= 1
    assert seconds <= told < seconds + 2


@pytest.mark.parametrize(("wish", "header"), [(True, "true"), (False, "false"), (None, None)])
def test_the_official_clients_are_told_whether_to_retry(wish: bool | None, header: str | None) -> None:
    response = answer_to(Conflict("used before", should_retry=wish))
    assert response.headers.get("x-should-retry") == header


def test_an_upstreams_own_error_body_is_passed_on_unchanged() -> None:
    body = b'{\n  "error": {"message": "slow down", "type": "requests", "param": null, "code": "rate_limit", "extra": 1}\n}'
    headers = {"x-ratelimit-remaining-requests": "0", "set-cookie": "a=b", "x-request-id": "up-1"}
    error = UpstreamError("slow down", status=429, body=body, headers=headers, retry_after=7)
    for each in (error, RunFailed(failure(error))):
        response = answer_to(each)
        assert (response.status_code, response.data) == (429, body)
        assert response.headers["x-ratelimit-remaining-requests"] == "0"
        assert response.headers["Retry-After"] == "7"
        assert "set-cookie" not in response.headers


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_its_way_through_the_log(kind: type[GatewayError]) -> None:
    error = kind("what happened", param="n", code="why", retry_after=2.5, should_retry=False)
    one, other = (answer_to(each) for each in (error, RunFailed(failure(error))))
    assert (one.status_code, one.data, one.headers) == (other.status_code, other.data, other.headers)


def test_an_unforeseen_error_tells_nothing_of_what_was_in_it(caplog: pytest.LogCaptureFixture) -> None:
    quoted = "the prompt, " + "sk-" + "secret"
    response = answer_to(RuntimeError(quoted))
    assert response.status_code == 500
    assert fields(response)["code"] == "internal_error"
    assert quoted not in response.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_an_error_names_the_request_it_belongs_to() -> None:
    response = answer_to(BadRequest("no"))
    assert response.headers["X-LEO-Request-ID"] == response.headers["x-request-id"] == "req_1"
    assert answer_to(BadRequest("no")).headers["x-request-id"].startswith("req_")


def test_errors_of_the_framework_get_the_envelope_too() -> None:
    app = app_with_errors()

    @app.post("/view")
    def view() -> str:
        return request.get_data(as_text=True)

    @app.get("/teapot")
    def teapot() -> str:
        abort(418)

    client = app.test_client()
    unknown, wrong, large = client.get("/v1/completions"), client.delete("/view"), client.post("/view", data=b"x" * 101)
    assert (unknown.status_code, fields(unknown)["code"]) == (404, "unknown_url")
    assert "/v1/completions" in fields(unknown)["message"]
    assert (wrong.status_code, fields(wrong)["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert (large.status_code, fields(large)["code"]) == (413, "request_too_large")
    assert "100 bytes" in fields(large)["message"]
    assert fields(client.get("/teapot"))["type"] == "invalid_request_error"
