"""The HTTP client against servers that behave badly in one way each."""

from __future__ import annotations

import gzip
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from pipeline.errors import Cancelled, DeadlineExceeded, GatewayError, UpstreamError
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.client import HttpUpstream
from pipeline.upstream.connections import HeldHTTPConnection, HeldHTTPSPool
from pipeline.upstream.routes import Upstream
from pipeline.upstream.secret import Secret
from pipeline.upstream.transport import Exchange
from tests.support.ports import free_port
from tests.support.waiting import wait_until
from tests.unit.upstream.scripted import ScriptedServer, http, sse
from tests.unit.upstream.support import KEY


@pytest.fixture
def client() -> Iterator[HttpUpstream]:
    with closing(HttpUpstream(max_answer_bytes=2000)) as upstream:
        yield upstream


def exchange(url: str, *, stream: bool = False, seconds: float = 30, cancel: CancelToken | None = None) -> Exchange:
    return Exchange(
        upstream=Upstream(name="u", base_url=url, api_key=Secret(KEY)),
        endpoint="chat/completions",
        body=b'{"model":"m"}',
        stream=stream,
        key=Secret(KEY),
        deadline=time.monotonic() + seconds,
        cancel=cancel or CancelToken(),
    )


def whole(client: HttpUpstream, asked: Exchange) -> tuple[int, bytes]:
    with client.post(asked) as reply:
        return reply.status, reply.read()


def streamed(client: HttpUpstream, asked: Exchange) -> tuple[list[bytes], bool]:
    with client.post(asked) as reply:
        assert reply.is_stream
        return [payload for batch in reply.payloads() for payload in batch], reply.done


def test_it_sends_the_body_as_it_is_with_the_key(client: HttpUpstream) -> None:
    with ScriptedServer(http(b"{}")) as server:
        assert whole(client, exchange(server.url)) == (200, b"{}")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"model":"m"}'
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1")
    assert f"Authorization: Bearer {KEY}".encode() in head


def test_certificates_are_verified_and_the_port_is_that_of_the_scheme() -> None:
    with closing(HttpUpstream(ca_certs="/private.pem")) as client:
        pool, path = client.line("https://api.test/v1")
        assert isinstance(pool, HeldHTTPSPool)
        assert (pool.cert_reqs, pool.ca_certs, pool.host, path) == ("CERT_REQUIRED", "/private.pem", "api.test", "/v1")
        connection = pool._new_conn()
        assert (connection.port, connection.cert_reqs) == (443, "CERT_REQUIRED")
        assert client.line("http://api.test/v1").pool._new_conn().port == 80
        assert client.line("http://[::1]:81").pool._new_conn().host == "::1"


class Wire:
    """A socket that keeps what is sent, write by write."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)

    def settimeout(self, seconds: float) -> None: ...


@pytest.mark.parametrize(("size", "writes"), [(100, 1), (1_000_000, 2)])
def test_a_request_leaves_in_one_piece_unless_it_is_large(size: int, writes: int) -> None:
    connection, wire = HeldHTTPConnection("h"), Wire()
    connection.sock = wire  # type: ignore[assignment]
    connection.request("POST", "/x", body=b"b" * size, headers={"Accept": "y"})
    head, _, body = b"".join(wire.sent).partition(b"\r\n\r\n")
    assert (len(wire.sent), body) == (writes, b"b" * size)
    assert head.split(b"\r\n")[0] == b"POST /x HTTP/1.1"
    assert {b"Host: h", b"Accept: y", b"Content-Length: %d" % size} <= set(head.split(b"\r\n"))


def test_a_base_url_keeps_its_connections_and_its_path(client: HttpUpstream) -> None:
    with ScriptedServer(http(b"1"), http(b"2")) as server:
        asked = exchange(f"{server.url}/deep")
        assert [whole(client, asked)[1], whole(client, asked)[1]] == [b"1", b"2"]
        assert [head.split(b" ")[1] for head in server.requests] == [b"/v1/deep/chat/completions"] * 2
        assert client.line(f"{server.url}/deep").pool.num_connections <= 2
        assert client.line(server.url).pool.num_connections == 0


def test_a_compressed_answer_is_read(client: HttpUpstream) -> None:
    with ScriptedServer(http(gzip.compress(b'{"a":1}'), Content_Encoding="gzip")) as server:
        assert whole(client, exchange(server.url)) == (200, b'{"a":1}')


def test_a_compressed_answer_is_read_to_its_end_however_large_it_is() -> None:
    body = b'{"a":"' + b"x" * 1_000_000 + b'"}'
    with ScriptedServer(http(gzip.compress(body), Content_Encoding="gzip")) as server, closing(HttpUpstream()) as patient:
        assert whole(patient, exchange(server.url)) == (200, body)


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused(client: HttpUpstream) -> None:
    packed = http(gzip.compress(b" " * 1_000_000), Content_Encoding="gzip")
    with ScriptedServer(packed) as server, pytest.raises(UpstreamError) as caught:
        whole(client, exchange(server.url))
    assert caught.value.code == "answer_too_large"


def test_a_stream_that_grows_too_large_is_refused(client: HttpUpstream) -> None:
    with ScriptedServer(sse(b'{"a":"' + b"x" * 3000 + b'"}')) as server, pytest.raises(UpstreamError) as caught:
        streamed(client, exchange(server.url, stream=True))
    assert (caught.value.code, caught.value.transient) == ("answer_too_large", False)


def test_a_stream_gives_its_payloads(client: HttpUpstream) -> None:
    with ScriptedServer(sse(b'{"a":1}', b'{"b":2}'), sse(b'{"a":1}', done=False)) as server:
        assert streamed(client, exchange(server.url, stream=True)) == ([b'{"a":1}', b'{"b":2}'], True)
        assert streamed(client, exchange(server.url, stream=True)) == ([b'{"a":1}'], False)


def test_a_redirect_is_an_answer_and_not_followed(client: HttpUpstream) -> None:
    with ScriptedServer(http(b"", status="307 Temporary Redirect", Location="http://127.0.0.1:1/")) as server:
        assert whole(client, exchange(server.url)) == (307, b"")


@pytest.mark.parametrize("cut", [http(b"{}", length=100), sse(b'{"a":1}')[:-12]])
def test_an_answer_that_breaks_off_is_interrupted(client: HttpUpstream, cut: bytes) -> None:
    with ScriptedServer(cut) as server, pytest.raises(UpstreamError) as caught, client.post(exchange(server.url)) as reply:
        list(reply.payloads()) if reply.is_stream else reply.read()
    assert (caught.value.code, caught.value.transient) == ("interrupted", True)


@pytest.mark.parametrize("script", [b"", b"nonsense\r\n\r\n"])
def test_an_upstream_that_does_not_speak_http_is_a_connection_error(client: HttpUpstream, script: bytes) -> None:
    with ScriptedServer(script) as server, pytest.raises(UpstreamError) as caught:
        whole(client, exchange(server.url))
    assert (caught.value.code, caught.value.transient) == ("connection_error", True)


def test_an_upstream_that_is_not_there_is_a_connection_error(client: HttpUpstream) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(client, exchange(f"http://127.0.0.1:{free_port()}/v1"))
    assert caught.value.code == "connection_error"


def test_a_silent_upstream_is_left_at_the_deadline(client: HttpUpstream) -> None:
    with ScriptedServer(None) as server:
        with pytest.raises(DeadlineExceeded):
            whole(client, exchange(server.url, seconds=0.2))
        assert server.left.wait(30)


def test_a_tls_handshake_that_hangs_is_left_when_cancelled(client: HttpUpstream) -> None:
    cancel = CancelToken()
    with ScriptedServer(b"") as server:
        asked = exchange(server.url.replace("http:", "https:"), cancel=cancel)
        caught = in_thread(client, asked)
        assert server.accepted.wait(30)
        cancel.cancel("gone")
        wait_until(lambda: caught, what="the end of the call")
    assert isinstance(caught[0], Cancelled)


def in_thread(client: HttpUpstream, asked: Exchange) -> list[BaseException]:
    """Make the call in another thread; the list gets how it ended."""
    ended: list[BaseException] = []

    def call() -> None:
        try:
            whole(client, asked)
        except GatewayError as error:
            ended.append(error)

    threading.Thread(target=call, daemon=True).start()
    return ended


def test_a_cancel_while_waiting_for_headers_ends_the_connection(client: HttpUpstream) -> None:
    cancel = CancelToken()
    with ScriptedServer(None) as server:
        ended = in_thread(client, exchange(server.url, cancel=cancel))
        wait_until(lambda: server.requests, what="the request")
        cancel.cancel("nobody waits")
        assert server.left.wait(30)
        wait_until(lambda: ended, what="the end of the call")
    assert isinstance(ended[0], Cancelled)
    assert "nobody waits" in str(ended[0])


def test_a_call_that_is_cancelled_already_is_not_made(client: HttpUpstream) -> None:
    cancel = CancelToken()
    cancel.cancel("gone")
    with pytest.raises(Cancelled):
        whole(client, exchange("http://127.0.0.1:1/v1", cancel=cancel))


@pytest.mark.parametrize("script", [b"", b"nonsense\r\n\r\n", http(b"{}", length=100)])
def test_neither_an_error_nor_a_log_shows_the_key(client: HttpUpstream, caplog: pytest.LogCaptureFixture, script: bytes) -> None:
    caplog.set_level(logging.DEBUG)
    with ScriptedServer(script) as server, pytest.raises(UpstreamError) as caught:
        # A key may also stand in the path of the URL, as some gateways have it.
        whole(client, exchange(f"{server.url}/{KEY}"))
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.envelope())
    assert KEY not in said
    assert KEY not in repr(exchange(server.url))


def test_a_response_header_that_repeats_the_key_is_masked(client: HttpUpstream) -> None:
    with ScriptedServer(http(b"{}", X_Request_Id=f"for {KEY}")) as server, client.post(exchange(server.url)) as reply:
        assert reply.headers["x-request-id"] == "for ***"


@pytest.mark.parametrize("end", ["\r\nX: y", "\n", " ", "\u20ac"])
def test_a_key_that_fits_no_header_is_refused_without_being_shown(client: HttpUpstream, end: str) -> None:
    asked = msgspec.structs.replace(exchange("http://127.0.0.1:1/v1"), key=Secret(KEY + end))
    with pytest.raises(UpstreamError) as caught:
        whole(client, asked)
    assert (caught.value.http_status, caught.value.transient) == (401, False)
    assert KEY not in "".join(traceback.format_exception(caught.value))
