"""Bad input over HTTP: a 4xx in the envelope that names the parameter, nothing enqueued, no secret told."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import MAX_BODY, ONE_CALL, Ask, Question, content
from tests.support.gateway import ADMIN_KEY, KEY, GatewayProcesses, SimulatedUpstream, chat
from tests.support.waiting import wait_until

PROMPT = "a prompt that nobody else may read"
SECRETS = (KEY, ADMIN_KEY, "upstream-secret-key", PROMPT)
NESTED = 10 * 1024 * 1024


def request(changes: dict[str, Any]) -> bytes:
    return json.dumps({**chat(PROMPT), **changes}).encode()


@pytest.fixture
def refused(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, ask: Ask, question: Question
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Checks one refusal and gives its error. At the end: nothing of all that reached the upstream, or the log."""
    ask(question())  # what an earlier test left running is done by now
    calls = upstream.stats()["calls"]

    def check(status: int, data: bytes, told: int) -> dict[str, Any]:
        assert told == status, data
        error = json.loads(data)["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"
        assert error["message"]
        assert not [secret for secret in SECRETS if secret.encode() in data]
        return dict(error)

    yield check
    # Had anything been enqueued before this, its call would come first.
    ask(question())
    assert upstream.stats()["calls"] == calls + 1
    assert not [secret for secret in SECRETS if secret in gateway.log]


BODIES: list[tuple[str, bytes, str | None, str]] = [
    ("empty", b"", None, "invalid_json"),
    ("cut off", request({})[:-5], None, "invalid_json"),
    ("two values", request({}) + b"{}", None, "invalid_json"),
    ("not a number", b'{"model":"sim-model","temperature":NaN}', None, "invalid_json"),
    ("too large a number", b'{"model":"sim-model","temperature":1e999}', None, "invalid_json"),
    ("not UTF-8", b'{"model":"sim-model","messages":[{"role":"user","content":"\xff\xfe"}]}', None, "invalid_json"),
    ("half a surrogate pair", b'{"model":"sim-model","messages":[{"role":"user","content":"\\ud800"}]}', None, "invalid_json"),
    ("10 MB of arrays", b"[" * NESTED, None, "invalid_json"),
    ("10 MB of objects", b'{"a":' * (NESTED // 5), None, "invalid_json"),
    ("10 MB of arrays that end", b"[" * (NESTED // 2) + b"]" * (NESTED // 2), None, "invalid_json"),
    ("an array", b"[]", None, "invalid_type"),
    ("a text", b'"hi"', None, "invalid_type"),
    ("no model", request({"model": None}), "model", "missing_required_parameter"),
    ("an empty model", request({"model": ""}), "model", "missing_required_parameter"),
    ("a number as the model", request({"model": 5}), "model", "invalid_type"),
    ("no messages", request({"messages": None}), "messages", "missing_required_parameter"),
    ("empty messages", request({"messages": []}), "messages", "missing_required_parameter"),
    ("messages as a text", request({"messages": PROMPT}), "messages", "invalid_type"),
    ("a message as a text", request({"messages": [PROMPT]}), "messages[0]", "invalid_type"),
    ("a message without a role", request({"messages": [{"content": PROMPT}]}), "messages[0].role", "invalid_type"),
    ("content as a number", request({"messages": [{"role": "user", "content": 5}]}), "messages[0].content", "invalid_type"),
    (
        "a part as a text",
        request({"messages": [{"role": "user", "content": [PROMPT]}]}),
        "messages[0].content[0]",
        "invalid_type",
    ),
    ("temperature as a text", request({"temperature": "hot"}), "temperature", "invalid_type"),
    ("stream as a text", request({"stream": "yes"}), "stream", "invalid_type"),
    ("half a choice", request({"n": 1.5}), "n", "invalid_type"),
    ("no choices", request({"n": 0}), "n", "invalid_value"),
    ("tools as an object", request({"tools": {}}), "tools", "invalid_type"),
    ("metadata as an array", request({"metadata": []}), "metadata", "invalid_type"),
]


@pytest.mark.parametrize(("body", "param", "code"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_a_bad_body_is_refused_with_the_name_of_its_fault(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], body: bytes, param: str | None, code: str
) -> None:
    response = gateway.ask(body)
    error = refused(400, response.data, response.status)
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": 5}, "input"),
        ({"input": PROMPT}, "model"),
    ],
)
def test_bad_embeddings_are_refused(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], body: dict[str, Any], param: str
) -> None:
    response = gateway.ask(body, path="/embeddings")
    assert refused(400, response.data, response.status)["param"] == param


@pytest.mark.parametrize(
    ("headers", "param"),
    [
        ({"X_LEO_Disable": "everything"}, "X-LEO-Disable"),
        ({"X_LEO_Deadline": "soon"}, "X-LEO-Deadline"),
        ({"X_LEO_Deadline": "-1"}, "X-LEO-Deadline"),
        ({"X_LEO_Deadline": "0"}, "X-LEO-Deadline"),
        ({"X_LEO_Deadline": "nan"}, "X-LEO-Deadline"),
        ({"Cache_Control": "max-age=soon"}, "Cache-Control"),
        ({"Cache_Control": "max-age"}, "Cache-Control"),
        ({"Idempotency_Key": ""}, "Idempotency-Key"),
        ({"Idempotency_Key": "k" * 256}, "Idempotency-Key"),
        ({"Idempotency_Key": "k", "Cache_Control": "no-store"}, "Idempotency-Key"),
    ],
)
def test_a_bad_header_is_refused_by_its_name(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], headers: dict[str, str], param: str
) -> None:
    response = gateway.ask(chat(PROMPT), **headers)
    assert refused(400, response.data, response.status)["param"] == param


@pytest.mark.parametrize("value", [b"\xff\xfe", "é".encode()], ids=["not UTF-8", "not ASCII"])
@pytest.mark.parametrize(
    ("header", "status", "param"),
    [
        ("X-LEO-Disable", 400, "X-LEO-Disable"),
        ("X-LEO-Deadline", 400, "X-LEO-Deadline"),
        ("Idempotency-Key", 400, "Idempotency-Key"),
        ("X-API-Key", 401, None),
    ],
)
def test_a_header_that_cannot_be_read_does_not_count_as_not_sent(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], header: str, status: int, param: str | None, value: bytes
) -> None:
    told, data = spoken(gateway, "POST", "/v1/chat/completions", request({}), {"Authorization": f"Bearer {KEY}", header: value})
    assert refused(status, data, told)["param"] == param


def test_a_header_that_nobody_reads_may_hold_anything(gateway: GatewayProcesses) -> None:
    status, _ = spoken(gateway, "GET", "/v1/models", b"", {"X-API-Key": KEY, "X-Title": b"\xff caf\xc3\xa9"})
    assert status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"Authorization": "Bearer"}, "missing_api_key"),
        ({"Authorization": f"Basic {KEY}"}, "missing_api_key"),
        ({"Authorization": "Bearer sk-nonsense"}, "invalid_api_key"),
        ({"X-API-Key": "sk-nonsense"}, "invalid_api_key"),
        ({"X-API-Key": KEY[:-1]}, "invalid_api_key"),
        ({"X-API-Key": KEY.upper()}, "invalid_api_key"),
        ({"X-API-Key": "sk-nonsense", "Authorization": f"Bearer {KEY}"}, "invalid_api_key"),
        ({"X-API-Key": "x" * 10_000}, "invalid_api_key"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/optimization/enable", "/v1/admin/models/reload"])
def test_without_a_good_key_nothing_is_done(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], headers: dict[str, str], code: str, path: str
) -> None:
    status, data = spoken(gateway, "POST", path, request({}), headers)
    assert refused(401, data, status)["code"] == code
    assert b"nonsense" not in data


def test_a_callers_key_is_not_an_admin_key(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]]) -> None:
    for path, body in (
        ("/admin/models/reload", b""),
        ("/optimization/enable", b'{"strategy":"adaptive_cache","enabled":false,"scope":"global"}'),
    ):
        response = gateway.ask(body, path=path)
        assert refused(403, response.data, response.status)["code"] == "permission_denied"
    response = gateway.get("/v1/analytics?scope=global")
    assert refused(403, response.data, response.status)["code"] == "permission_denied"


@pytest.mark.parametrize(
    "path", ["/v1/chat", "/v1/chat/completions/", "/v2/chat/completions", "/v1/completions", "/v1/models/", "/%ff", "/%00"]
)
def test_an_unknown_path_is_404(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], path: str) -> None:
    status, data = spoken(gateway, "POST", path, request({}), {"X-API-Key": KEY})
    assert status in (404, 405)
    assert refused(status, data, status)["code"] in ("unknown_url", "method_not_allowed")


def test_a_method_that_nobody_knows_is_400(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]]) -> None:
    status, data = spoken(gateway, "BREW", "/v1/embeddings", request({}), {"X-API-Key": KEY})
    assert refused(400, data, status)["code"] == "invalid_http"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/chat/completions"), ("PUT", "/v1/chat/completions"), ("POST", "/v1/models"), ("PROPFIND", "/v1/embeddings")],
)
def test_a_wrong_method_is_405(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], method: str, path: str) -> None:
    status, data = spoken(gateway, method, path, request({}), {"X-API-Key": KEY})
    assert refused(405, data, status)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/optimization/enable", {"enabled": True}, "strategy"),
        ("/optimization/enable", {"strategy": "adaptive_cache"}, "enabled"),
        ("/optimization/enable", {"strategy": "adaptive_cache", "enabled": "no"}, "enabled"),
        ("/optimization/enable", {"strategy": "magic", "enabled": False}, "strategy"),
        ("/optimization/enable", {"strategy": "adaptive_cache", "enabled": True, "scope": "world"}, "scope"),
        ("/optimization/cache/feedback", {"is_correct": True}, "entry_id"),
        ("/optimization/cache/feedback", {"entry_id": "a", "cached_answer": "b", "is_correct": True}, "entry_id"),
        ("/optimization/cache/feedback", {"entry_id": "a", "is_correct": 1}, "is_correct"),
    ],
)
def test_bad_orders_to_the_optimisers_are_refused(
    gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], path: str, body: dict[str, Any], param: str
) -> None:
    response = gateway.ask(body, path=path)
    assert refused(400, response.data, response.status)["param"] == param


def test_an_unknown_scope_of_the_figures_is_refused(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]]) -> None:
    response = gateway.get("/v1/analytics?scope=world")
    assert refused(400, response.data, response.status)["param"] == "scope"


# --- size ---


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_over_the_limit_is_413(gateway: GatewayProcesses, refused: Callable[..., dict[str, Any]], chunked: bool) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {2 * MAX_BODY}"
        connection.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n{length}\r\n\r\n".encode())
        piece = PROMPT.encode() * 1000
        with contextlib.suppress(OSError):  # the gateway may hang up when it has heard enough
            for _ in range(2 * MAX_BODY // len(piece)):
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert refused(413, response.read(), response.status)["code"] == "request_too_large"


def test_a_body_just_within_the_limit_is_served(ask: Ask) -> None:
    body = request({"metadata": {"padding": ""}})
    padded = body.replace(b'"padding": ""', b'"padding": "' + b"x" * (MAX_BODY - len(body)) + b'"')
    assert len(padded) == MAX_BODY
    assert content(ask(padded))


# --- models ---


def test_an_unknown_model_is_404_when_there_is_no_default_upstream(upstream: SimulatedUpstream) -> None:
    table_only = GatewayProcesses(**ONE_CALL)
    (table_only.home / "models.yaml").write_text(
        f"""
        upstreams: {{there: {{base_url: "{upstream.base_url}"}}}}
        models: {{known: {{upstream: there, upstream_model: sim-model}}}}
        """
    )
    with table_only:
        assert table_only.ask({**chat(PROMPT), "model": "known"}).status == 200
        calls = upstream.stats()["calls"]
        for path, body in (
            ("/chat/completions", {**chat(PROMPT), "model": "unknown"}),
            ("/embeddings", {"model": "unknown", "input": PROMPT}),
        ):
            for stream in (False, True):
                response = table_only.ask({**body, "stream": stream}, path=path)
                error = json.loads(response.data)["error"]
                assert (response.status, error["code"], error["param"]) == (404, "model_not_found", "model")
        assert table_only.ask({**chat("another"), "model": "known"}).status == 200
        assert upstream.stats()["calls"] == calls + 1
        assert PROMPT not in table_only.log


# --- callers who leave ---


def test_a_client_that_drops_its_stream_stops_the_upstream_and_hurts_nobody(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, question: Question, ask: Ask
) -> None:
    cancelled = upstream.stats()["cancelled"]
    body = json.dumps(chat(question(tokens=100_000, token_ms=20), stream=True)).encode()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", body, {"X-API-Key": KEY})
    response = connection.getresponse()
    assert response.read(20).startswith(b"data: ")
    response.close()
    connection.close()
    wait_until(lambda: upstream.stats()["cancelled"] == cancelled + 1, 30, "the upstream call being cancelled")
    assert content(ask(question()))
    assert "Traceback" not in gateway.log


def test_a_client_that_hangs_up_in_the_middle_of_its_body_hurts_nobody(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, question: Question, ask: Ask
) -> None:
    ask(question())
    calls = upstream.stats()["calls"]
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + request({})[:50])
    assert content(ask(question()))
    assert upstream.stats()["calls"] == calls + 1
    assert "Traceback" not in gateway.log


def spoken(gateway: GatewayProcesses, method: str, path: str, body: bytes, headers: dict[str, Any]) -> tuple[int, bytes]:
    """A request with nothing but these headers."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
