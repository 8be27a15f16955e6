"""The bridge between the server's protocol and the application: whole and streamed answers, and callers who hang up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rsgi import UNREADABLE, Bridge

TEXT = [("Content-Type", "text/plain")]
EVENTS = [("Content-Type", "text/event-stream; charset=utf-8")]
Application = Callable[..., Iterable[bytes]]


class Headers:
    """Request headers as the server gives them: lower-case names, which may come twice; values only if they are ASCII."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def get(self, name: str) -> str | None:
        return next((value for known, value in self.items() if known == name), None)

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self._pairs if value.isascii()]

    def keys(self) -> list[str]:
        return [name for name, _ in self._pairs]

    def __contains__(self, name: str) -> bool:
        return name in self.keys()


@dataclass
class Scope:
    method: str = "POST"
    path: str = "/view"
    query_string: str = ""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    http_version: str = "1.1"
    scheme: str = "http"
    server: str = "127.0.0.1:8000"
    client: str = "10.0.0.9:4242"

    @property
    def headers(self) -> Headers:
        return Headers(self.pairs)


class Transport:
    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    async def send_bytes(self, chunk: bytes) -> None:
        if self._protocol.gone.is_set():
            raise RuntimeError("the connection is closed")
        self._protocol.sent.append(chunk)
        if len(self._protocol.sent) == self._protocol.hangs_up_after:
            self._protocol.gone.set()


class Protocol:
    """The server's side of one connection, in memory."""

    def __init__(self, chunks: list[bytes], hangs_up_after: int | None = None) -> None:
        self._chunks = chunks
        self.read: list[bytes] = []
        self.sent: list[bytes] = []
        self.hangs_up_after = hangs_up_after
        self.gone = asyncio.Event()
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body: bytes | None = None

    async def __call__(self) -> bytes:
        self.read = self._chunks
        return b"".join(self._chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.read.append(chunk)
            yield chunk

    async def client_disconnect(self) -> None:
        await self.gone.wait()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert self.body is None
        self.status, self.headers, self.body = status, headers, body

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Transport:
        self.status, self.headers = status, headers
        return Transport(self)


def serve(app: Application, scope: Scope | None = None, *chunks: bytes, max_body: int = 100, **protocol: Any) -> Protocol:
    """One request from its first byte to its last."""

    async def run() -> Protocol:
        made = Protocol(list(chunks), **protocol)
        await asyncio.wait_for(Bridge(app, threads=2, max_body=max_body).__rsgi__(scope or Scope(), made), 20)
        return made

    return asyncio.run(run())


def environ_of(scope: Scope, *chunks: bytes) -> dict[str, Any]:
    """What the application sees of a request."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start("200 OK", TEXT)
        return []

    serve(app, scope, *chunks)
    return seen


def sized(*chunks: bytes, **scope: Any) -> Scope:
    return Scope(pairs=[("content-length", str(sum(map(len, chunks))))], **scope)


# --- answers ---


def test_a_whole_answer_is_sent_at_once_with_its_status_and_headers() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("201 CREATED", [("X-Two", "1"), ("X-Two", "2"), *TEXT])
        return [b"he", b"", b"llo"]

    sent = serve(app)
    assert (sent.status, sent.body, sent.sent) == (201, b"hello", [])
    assert sent.headers == [("x-two", "1"), ("x-two", "2"), ("content-type", "text/plain")]


def test_a_stream_is_sent_piece_by_piece() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", EVENTS)
        return [b"data: 1\n\n", b"", b"data: 2\n\n"]

    sent = serve(app)
    assert (sent.status, sent.sent, sent.body) == (200, [b"data: 1\n\n", b"data: 2\n\n"], None)


def test_each_piece_of_a_stream_is_out_before_the_next_is_made() -> None:
    protocols: list[Protocol] = []
    already_sent: list[int] = []

    def app(environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        start("200 OK", EVENTS)
        for _ in range(3):
            already_sent.append(len(protocols[0].sent))
            yield b"x"

    def eager(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", EVENTS)
        return app(environ, start)

    async def run() -> None:
        protocols.append(Protocol([]))
        await Bridge(eager, threads=1, max_body=1).__rsgi__(sized(), protocols[0])

    asyncio.run(run())
    assert already_sent == [0, 1, 2]


class Closing:
    """A body that notes its end."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.closed = 0
        self.made = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.made += 1
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed += 1


def starts(headers: list[tuple[str, str]], body: Iterable[bytes]) -> Application:
    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", headers)
        return body

    return app


@pytest.mark.parametrize("headers", [TEXT, EVENTS], ids=["whole", "stream"])
@pytest.mark.parametrize("pieces", [(b"a", b"b"), (b"a", RuntimeError())], ids=["well", "with an error"])
def test_the_body_is_closed_once_however_it_ends(headers: list[tuple[str, str]], pieces: tuple[Any, ...]) -> None:
    body = Closing(*pieces)
    serve(starts(headers, body))
    assert body.closed == 1


# --- callers who hang up ---


def test_a_stream_ends_when_its_caller_has_gone() -> None:
    body = Closing(*[b"x"] * 50)
    sent = serve(starts(EVENTS, body), hangs_up_after=3)
    assert len(sent.sent) == 3
    assert body.made == 4
    assert body.closed == 1


def test_a_caller_who_hangs_up_while_it_waits_is_noticed() -> None:
    left = threading.Event()

    async def run() -> bool:
        protocol = Protocol([])

        def app(environ: dict[str, Any], start: Any) -> list[bytes]:
            environ["leo.on_disconnect"](left.set)
            loop.call_soon_threadsafe(protocol.gone.set)
            noticed.append(left.wait(10))
            start("200 OK", TEXT)
            return [b""]

        loop, noticed = asyncio.get_running_loop(), list[bool]()
        await Bridge(app, threads=1, max_body=1).__rsgi__(sized(), protocol)
        return noticed[0]

    assert asyncio.run(run())


def test_nobody_watches_a_caller_who_has_been_served() -> None:
    left = threading.Event()

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        environ["leo.on_disconnect"](left.set)
        start("200 OK", TEXT)
        return [b"done"]

    async def run() -> int:
        protocol = Protocol([])
        await Bridge(app, threads=1, max_body=1).__rsgi__(sized(), protocol)
        protocol.gone.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1
    assert not left.is_set()


# --- an application that fails ---


@pytest.mark.parametrize("where", ["before it starts", "in its body"])
def test_an_application_that_raises_is_a_500_with_an_envelope(where: str, caplog: pytest.LogCaptureFixture) -> None:
    quoted = "the " + "prompt"

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if where == "before it starts":
            raise RuntimeError(quoted)
        start("200 OK", TEXT)
        return Closing(b"half", RuntimeError(quoted))

    sent = serve(app)
    assert sent.status == 500
    assert json.loads(sent.body or b"")["error"]["code"] == "internal_error"
    assert quoted not in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_stream_that_breaks_is_not_followed_by_a_second_answer() -> None:
    sent = serve(starts(EVENTS, Closing(b"data: 1\n\n", RuntimeError())))
    assert (sent.status, sent.sent, sent.body) == (200, [b"data: 1\n\n"], None)


# --- the request's body ---


def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", TEXT)
    return [environ["wsgi.input"].read()]


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_a_body_within_the_bound_arrives_and_a_larger_one_is_refused(chunks: list[bytes], with_length: bool) -> None:
    scope = sized(*chunks) if with_length else Scope(pairs=[("transfer-encoding", "chunked")])
    sent = serve(echo, scope, *chunks)
    if sum(map(len, chunks)) <= 100:
        assert (sent.status, sent.body) == (200, b"".join(chunks))
    else:
        assert sent.status == 413
        assert json.loads(sent.body or b"")["error"]["code"] == "request_too_large"


def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    sent = serve(echo, Scope(pairs=[("content-length", "101")]), b"x" * 101)
    assert (sent.status, sent.read) == (413, [])
    assert ("connection", "close") in sent.headers


def test_a_body_of_unknown_length_is_read_no_further_than_the_bound() -> None:
    sent = serve(echo, Scope(pairs=[("transfer-encoding", "chunked")]), *[b"x" * 60] * 50)
    assert (sent.status, len(sent.read)) == (413, 2)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_without_a_body_waits_for_none(method: str) -> None:
    sent = serve(echo, Scope(method=method), b"never read")
    assert (sent.body, sent.read) == (b"", [])


# --- the environment ---


def test_the_environment_holds_what_wsgi_asks_for() -> None:
    scope = Scope(path="/v1/chat", query_string="a=1&b=%20", pairs=[("content-type", "application/json"), ("x-api-key", "k")])
    environ = environ_of(scope, b"{}")
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("POST", "/v1/chat", "a=1&b=%20")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["body"]) == ("application/json", "2", b"{}")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == ("127.0.0.1", "8000", "10.0.0.9")
    assert environ["HTTP_X_API_KEY"] == "k"


def test_headers_that_come_twice_are_joined() -> None:
    environ = environ_of(sized(method="GET"))
    assert "HTTP_CACHE_CONTROL" not in environ
    scope = Scope(method="GET", pairs=[("cache-control", "no-cache"), ("cache-control", "max-age=5")])
    assert environ_of(scope)["HTTP_CACHE_CONTROL"] == "no-cache,max-age=5"


def test_a_header_that_cannot_be_read_does_not_look_like_one_that_was_not_sent() -> None:
    environ = environ_of(Scope(method="GET", pairs=[("x-leo-disable", "\xe9"), ("x-api-key", "k")]))
    assert environ["HTTP_X_LEO_DISABLE"] == UNREADABLE
    assert environ["HTTP_X_API_KEY"] == "k"


@pytest.mark.parametrize("value", ["other", "\xe9"], ids=["readable", "not readable"])
def test_a_name_with_an_underscore_does_not_pass_for_one_with_a_hyphen(value: str) -> None:
    pairs = [("x-api-key", "k"), ("x_api_key", value)]
    assert environ_of(Scope(method="GET", pairs=pairs))["HTTP_X_API_KEY"] == "k"
    assert "HTTP_X_LEO_DISABLE" not in environ_of(Scope(method="GET", pairs=[("x_leo_disable", value)]))


def test_headers_cannot_pose_as_the_length_or_the_type_of_the_body() -> None:
    environ = environ_of(Scope(pairs=[("content-length", "2"), ("content-type", "a"), ("proxy", "evil")]), b"{}")
    assert environ["CONTENT_LENGTH"] == "2"
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert environ.get("PROXY") is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_path_reaches_the_application_as_its_bytes(path: str) -> None:
    environ = environ_of(Scope(method="GET", path="/" + path))
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/" + path


def test_the_process_own_environment_stays_out() -> None:
    assert "PATH" not in environ_of(Scope())
