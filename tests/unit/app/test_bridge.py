"""The bridge between the server and the application: whole answers, answers that come later, and callers who hang up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from app.bridge import Bridge
from app.later import Later, Streamed

TEXT = [("Content-Type", "text/plain")]
EVENTS = "text/event-stream; charset=utf-8"
Application = Callable[..., Iterable[bytes]]
Pairs = list[tuple[str, str]]


def scope_of(pairs: Pairs | None = None, *, method: str = "POST", raw_path: bytes = b"/view", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "raw_path": raw_path,
        "query_string": b"",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs or []],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("10.0.0.9", 4242),
        **more,
    }


class Exchange:
    """The server's side of one request, in memory. It behaves as uvicorn does: after the answer, the caller is gone too."""

    def __init__(self, *chunks: bytes, whole: bool = True, hangs_up_after: int | None = None) -> None:
        self._chunks = list(chunks) or [b""]
        self._whole = whole  # else the caller hangs up in the middle of its body
        self._hangs_up_after = hangs_up_after
        self.read: list[bytes] = []
        self.gone = asyncio.Event()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.sent: list[bytes] = []
        self.ended = False

    @property
    def body(self) -> bytes:
        return b"".join(self.sent)

    async def receive(self) -> dict[str, Any]:
        if self._chunks and not self.gone.is_set():
            self.read.append(self._chunks.pop(0))
            return {"type": "http.request", "body": self.read[-1], "more_body": bool(self._chunks) or not self._whole}
        if self._whole:
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        assert not self.ended, "nothing may follow a whole answer"
        if message["type"] == "http.response.start":
            assert self.status == 0, "a second answer"
            self.status, self.headers = message["status"], message["headers"]
            return
        assert self.status
        if self.gone.is_set():
            return
        self.sent.append(message["body"])
        self.ended = not message["more_body"]
        if self.ended or len(self.sent) == self._hangs_up_after:
            self.gone.set()

    def header(self, name: str) -> list[str]:
        return [value.decode("latin-1") for known, value in self.headers if known == name.encode()]


async def exchanged(app: Application, scope: dict[str, Any] | None = None, *chunks: bytes, **options: Any) -> Exchange:
    made = Exchange(*chunks, **{name: options.pop(name) for name in ("whole", "hangs_up_after") if name in options})
    bridge = Bridge(app, **{"threads": 2, "max_body": 100, **options})
    await asyncio.wait_for(bridge(scope or scope_of(), made.receive, made.send), 20)
    return made


def serve(app: Application, scope: dict[str, Any] | None = None, *chunks: bytes, **options: Any) -> Exchange:
    """One request from its first byte to its last."""
    return asyncio.run(exchanged(app, scope, *chunks, **options))


def environ_of(scope: dict[str, Any], *chunks: bytes) -> dict[str, Any]:
    """What the application sees of a request."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start("200 OK", TEXT)
        return []

    serve(app, scope, *chunks)
    return seen


def starts(headers: Pairs, body: Iterable[bytes]) -> Application:
    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", headers)
        return body

    return app


def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", TEXT)
    return [environ["wsgi.input"].read()]


# --- answers ---


def test_an_answer_is_sent_whole_with_its_status_and_headers() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("201 CREATED", [("X-Two", "1"), ("X-Two", "2"), *TEXT])
        return [b"he", b"", b"llo"]

    made = serve(app)
    assert (made.status, made.sent, made.ended) == (201, [b"hello"], True)
    pairs = [(b"x-two", b"1"), (b"x-two", b"2"), (b"content-type", b"text/plain"), (b"content-length", b"5")]
    assert made.headers == pairs


def test_the_pieces_of_a_body_that_is_no_stream_are_joined_whatever_its_type() -> None:
    made = serve(starts([("Content-Type", EVENTS)], iter([b"data: 1\n\n", b"", b"data: 2\n\n"])))
    assert (made.sent, made.header("content-length")) == ([b"data: 1\n\ndata: 2\n\n"], ["18"])


def test_a_header_may_hold_any_latin_1() -> None:
    assert serve(starts([("X-Name", "caf\xe9")], [])).headers[0] == (b"x-name", b"caf\xe9")


@pytest.mark.parametrize("given", [[], [("Content-Length", "7")]], ids=["without a length", "with one"])
def test_an_answer_has_one_length_and_it_is_right(given: Pairs) -> None:
    made = serve(starts([*given, *TEXT], [b"a", b"bc"]))
    assert made.header("content-length") == ["3"]


def test_an_answer_to_head_tells_the_length_that_get_would_have() -> None:
    made = serve(starts([("Content-Length", "16"), *TEXT], []), scope_of(method="HEAD"))
    assert (made.header("content-length"), made.body) == (["16"], b"")


class Closing:
    """A body that notes its end."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("pieces", [(b"a", b"b"), (b"a", RuntimeError())], ids=["well", "with an error"])
def test_the_body_is_closed_once_however_it_ends(pieces: tuple[Any, ...]) -> None:
    body = Closing(*pieces)
    serve(starts(TEXT, body))
    assert body.closed == 1


# --- answers that come later ---

Coming = Coroutine[Any, Any, Response]


def later(coming: Callable[[], Coming], leave: Callable[[], None] = lambda: None) -> Application:
    """An application whose one view answers later."""

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return Later(coming(), leave)(environ, start)

    return app


def test_an_answer_that_comes_later_is_sent_whole_with_its_own_status_and_headers() -> None:
    async def coming() -> Response:
        return Response(b"refused", status=429, headers={"X-Two": "2"}, content_type="text/plain")

    made = serve(later(coming))
    assert (made.status, made.sent, made.ended) == (429, [b"refused"], True)
    assert (made.header("x-two"), made.header("content-length")) == (["2"], ["7"])


def test_waiting_takes_no_thread() -> None:
    many = 50
    there: list[threading.Thread] = []

    async def run() -> list[Exchange]:
        all_there = asyncio.Event()

        async def coming() -> Response:
            there.append(threading.current_thread())
            if len(there) == many:
                all_there.set()
            await all_there.wait()
            return Response(b"done")

        bridge = Bridge(later(coming), threads=1, max_body=100)
        made = [Exchange() for _ in range(many)]
        await asyncio.wait_for(asyncio.gather(*(bridge(scope_of(), one.receive, one.send) for one in made)), 20)
        return made

    assert {one.body for one in asyncio.run(run())} == {b"done"}
    assert set(there) == {threading.main_thread()}


class Pieces:
    """A stream's body. It notes how much was sent when it made each piece, and how often it was ended."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.exchange: Exchange | None = None
        self.sent_before: list[int] = []
        self.ends = 0

    async def coming(self) -> Response:
        return Streamed(self._make(), EVENTS)

    async def _make(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self._pieces:
                if isinstance(piece, Exception):
                    raise piece
                if self.exchange:
                    self.sent_before.append(len(self.exchange.sent))
                yield piece
        finally:
            await asyncio.sleep(0)  # what ends a stream may have to wait, as the ledger's entry does
            self.ends += 1


def test_each_piece_of_a_stream_is_out_before_the_next_is_made() -> None:
    pieces = Pieces(b"1", b"2", b"3")

    async def run() -> Exchange:
        made = pieces.exchange = Exchange()
        await Bridge(later(pieces.coming), threads=1, max_body=1)(scope_of(), made.receive, made.send)
        return made

    made = asyncio.run(run())
    assert pieces.sent_before == [0, 1, 2]
    assert (made.sent, made.ended, made.header("content-length")) == ([b"1", b"2", b"3", b""], True, [])
    assert made.header("content-type") == [EVENTS]


@pytest.mark.parametrize("last", [b"2", RuntimeError()], ids=["well", "with an error"])
def test_a_stream_is_ended_once_however_it_ends(last: Any) -> None:
    pieces = Pieces(b"1", last)
    serve(later(pieces.coming))
    assert pieces.ends == 1


def test_a_stream_is_ended_when_the_server_gives_up_on_it() -> None:
    pieces = Pieces(*[b"x"] * 100)

    async def run() -> None:
        class Stuck(Exchange):
            async def send(self, message: dict[str, Any]) -> None:
                await super().send(message)
                if len(self.sent) == 2:
                    stuck.set()
                    await asyncio.Event().wait()  # the caller reads no further

        made, stuck = Stuck(), asyncio.Event()
        bridge = Bridge(later(pieces.coming), threads=1, max_body=1)
        task = asyncio.create_task(bridge(scope_of(), made.receive, made.send))
        await asyncio.wait_for(stuck.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert pieces.ends == 1


def test_a_stream_that_breaks_is_not_followed_by_a_second_answer_or_an_end() -> None:
    made = serve(later(Pieces(b"data: 1\n\n", RuntimeError()).coming))
    assert (made.status, made.sent, made.ended) == (200, [b"data: 1\n\n"], False)


# --- callers who hang up ---


def test_a_caller_who_hangs_up_while_it_waits_is_noticed() -> None:
    async def run() -> list[str]:
        said: list[str] = []
        left = asyncio.Event()
        made = Exchange()

        async def coming() -> Response:
            made.gone.set()
            await left.wait()
            said.append("left")
            return Response(b"nobody reads this")

        await asyncio.wait_for(Bridge(later(coming, left.set), threads=1, max_body=1)(scope_of(), made.receive, made.send), 20)
        return said

    assert asyncio.run(run()) == ["left"]


def test_a_caller_who_drops_its_stream_is_noticed() -> None:
    pieces = 0
    left = asyncio.Event()

    async def made_until_left() -> AsyncGenerator[bytes, None]:
        nonlocal pieces
        while not left.is_set():
            pieces += 1
            yield b"x"
            await asyncio.sleep(0)

    async def coming() -> Response:
        return Streamed(made_until_left(), EVENTS)

    made = serve(later(coming, left.set), hangs_up_after=3)
    assert made.sent == [b"x"] * 3
    assert pieces < 10


def test_nobody_watches_a_caller_who_has_been_served() -> None:
    async def run() -> tuple[int, int]:
        leaves: list[None] = []

        async def coming() -> Response:
            return Response(b"done")

        await exchanged(later(coming, lambda: leaves.append(None)))
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        return len(asyncio.all_tasks()), len(leaves)

    assert asyncio.run(run()) == (1, 0)


def test_a_caller_who_hangs_up_in_its_body_is_not_worked_for() -> None:
    asked: list[None] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        asked.append(None)
        return echo(environ, start)

    made = serve(app, scope_of([("content-length", "10")]), b"half", whole=False)
    assert (made.status, asked) == (0, [])


# --- an application that fails ---


@pytest.mark.parametrize("where", ["before it starts", "in its body", "later"])
def test_an_application_that_raises_is_a_500_with_an_envelope(where: str, caplog: pytest.LogCaptureFixture) -> None:
    quoted = "the " + "prompt"

    async def coming() -> Response:
        raise RuntimeError(quoted)

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if where == "later":
            return later(coming)(environ, start)
        if where == "before it starts":
            raise RuntimeError(quoted)
        start("200 OK", TEXT)
        return Closing(b"half", RuntimeError(quoted))

    made = serve(app)
    assert made.status == 500
    assert json.loads(made.body)["error"]["code"] == "internal_error"
    assert quoted not in caplog.text
    assert "RuntimeError" in caplog.text


def test_one_that_fails_leaves_its_thread_to_the_next() -> None:
    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/bad":
            raise RuntimeError
        return echo(environ, start)

    async def run() -> list[int]:
        bridge = Bridge(app, threads=1, max_body=1)
        made = [Exchange() for _ in range(3)]
        for one, path in zip(made, (b"/bad", b"/bad", b"/good"), strict=True):
            await asyncio.wait_for(bridge(scope_of(raw_path=path), one.receive, one.send), 20)
        return [one.status for one in made]

    assert asyncio.run(run()) == [500, 500, 200]


# --- the request's body ---


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_a_body_within_the_bound_arrives_and_a_larger_one_is_refused(chunks: list[bytes], with_length: bool) -> None:
    length = ("content-length", str(sum(map(len, chunks))))
    made = serve(echo, scope_of([length if with_length else ("transfer-encoding", "chunked")]), *chunks)
    if sum(map(len, chunks)) <= 100:
        assert (made.status, made.body) == (200, b"".join(chunks))
    else:
        assert made.status == 413
        assert json.loads(made.body)["error"]["code"] == "request_too_large"


def test_a_body_that_says_it_is_too_large_is_not_read_at_all() -> None:
    made = serve(echo, scope_of([("content-length", "101")]), b"x" * 101)
    assert (made.status, made.read, made.header("connection")) == (413, [], ["close"])


def test_a_body_of_unknown_length_is_read_no_further_than_the_bound() -> None:
    made = serve(echo, scope_of([("transfer-encoding", "chunked")]), *[b"x" * 60] * 50)
    assert (made.status, len(made.read), made.header("connection")) == (413, 2, ["close"])


class Uncopied(bytes):
    """Bytes that count how often a new text is made of them."""

    joins = 0

    def __add__(self, other: bytes) -> Uncopied:
        Uncopied.joins += 1
        return Uncopied(bytes(self) + other)


def test_a_body_in_many_pieces_is_not_copied_for_each_of_them() -> None:
    Uncopied.joins = 0
    made = serve(echo, scope_of(), *[Uncopied(b"x")] * 100)
    assert (made.body, Uncopied.joins) == (b"x" * 100, 0)


# --- the environment ---


def test_the_environment_holds_what_wsgi_asks_for() -> None:
    pairs = [("content-type", "application/json"), ("x-api-key", "k"), ("content-length", "2")]
    environ = environ_of(scope_of(pairs, raw_path=b"/v1/chat", query_string=b"a=1&b=%20"), b"{}")
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("POST", "/v1/chat", "a=1&b=%20")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["body"]) == ("application/json", "2", b"{}")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == ("127.0.0.1", "8000", "10.0.0.9")
    assert (environ["SERVER_PROTOCOL"], environ["wsgi.url_scheme"], environ["SCRIPT_NAME"]) == ("HTTP/1.1", "http", "")
    assert environ["HTTP_X_API_KEY"] == "k"


def test_a_body_in_chunks_is_a_whole_one_for_the_application() -> None:
    scope = scope_of([("transfer-encoding", "chunked")])
    environ = environ_of(scope, b"{", b"}")
    assert (environ["CONTENT_LENGTH"], environ["body"]) == ("2", b"{}")

    def view(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", TEXT)
        return [Request(environ).get_data()]

    assert serve(view, scope, b"{", b"}").body == b"{}"


def test_headers_that_come_twice_are_joined() -> None:
    assert "HTTP_CACHE_CONTROL" not in environ_of(scope_of())
    pairs = [("cache-control", "no-cache"), ("cache-control", "max-age=5")]
    assert environ_of(scope_of(pairs))["HTTP_CACHE_CONTROL"] == "no-cache,max-age=5"


@given(st.text(st.characters(min_codepoint=0x80, max_codepoint=0xFF), min_size=1, max_size=20))
def test_a_value_that_is_not_ascii_arrives_as_latin_1_and_does_not_look_like_one_that_was_not_sent(value: str) -> None:
    environ = environ_of(scope_of([("x-leo-disable", value), ("x-api-key", "k")]))
    assert environ["HTTP_X_LEO_DISABLE"] == value
    assert environ["HTTP_X_API_KEY"] == "k"


@pytest.mark.parametrize("value", ["other", "\xe9"], ids=["ASCII", "not ASCII"])
def test_a_name_with_an_underscore_does_not_pass_for_one_with_a_hyphen(value: str) -> None:
    assert environ_of(scope_of([("x-api-key", "k"), ("x_api_key", value)]))["HTTP_X_API_KEY"] == "k"
    assert "HTTP_X_LEO_DISABLE" not in environ_of(scope_of([("x_leo_disable", value)]))


def test_headers_cannot_pose_as_anything_else() -> None:
    pairs = [("content-length", "2"), ("content-type", "a"), ("proxy", "evil"), ("leo.hot_key", "evil"), ("host", "h")]
    environ = environ_of(scope_of(pairs), b"{}")
    assert environ["CONTENT_LENGTH"] == "2"
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert (environ.get("PROXY"), environ["leo.hot_key"]) == (None, None)
    assert (environ["HTTP_HOST"], environ["SERVER_NAME"]) == ("h", "127.0.0.1")


def test_the_key_of_a_request_that_the_lane_did_not_know_reaches_the_application() -> None:
    assert environ_of(scope_of(**{"leo.hot_key": b"key"}))["leo.hot_key"] == b"key"


@given(st.binary(max_size=20))
def test_any_path_reaches_the_application_as_its_bytes(path: bytes) -> None:
    raw = b"/" + quote_from_bytes(path, safe="").encode()
    assert environ_of(scope_of(raw_path=raw))["PATH_INFO"].encode("latin-1") == b"/" + path


def test_a_caller_on_a_socket_without_an_address_has_none() -> None:
    assert environ_of(scope_of(client=None))["REMOTE_ADDR"] == ""


def test_the_process_own_environment_stays_out() -> None:
    assert "PATH" not in environ_of(scope_of())
