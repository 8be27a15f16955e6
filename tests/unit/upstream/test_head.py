"""The head of a response is read as http.client reads it: compared with it, byte for byte."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.upstream.head import Response, fields

names = st.sampled_from(["Content-Type", "content-length", "X", "x-request-id", "Set-Cookie", "Connection", "Transfer-Encoding"])
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f\x85"), max_size=30)
good = st.builds(
    lambda name, value, end: f"{name}: {value}{end}".encode("latin-1"), names, values, st.sampled_from(["\r\n", "\n"])
)
odd = st.sampled_from(
    [b" folded\r\n", b"\tfolded\r\n", b"no colon\r\n", b"Name : space\r\n", b": empty\r\n", b"X:\r\n", b"X:\x00\r\n"]
)


class OneShot:
    """A socket that says one thing."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._said)


def begun(kind: type[HTTPResponse], said: bytes, method: str = "POST") -> HTTPResponse | str:
    """The response after its head, or the name of the error."""
    response = kind(OneShot(said), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
    except HTTPException as error:
        return type(error).__name__
    return response


def told(response: HTTPResponse | str) -> object:
    if isinstance(response, str):
        return response
    headers = [(name, value.strip()) for name, value in response.headers.items()]
    shape = (response.version, response.status, response.reason, response.chunked, response.length, response.will_close)
    return (*shape, headers, response.read() if not response.chunked else None)


@given(st.lists(good | odd, max_size=8))
@example([b"X: a\r\n", b" b\r\n"])
@example([b"From me\r\n", b"X: a\r\n"])
def test_header_fields_are_those_of_the_email_package(lines: list[bytes]) -> None:
    expected = http.client.parse_headers(BytesIO(b"".join(lines) + b"\r\n"))
    assert [(n, v.strip()) for n, v in fields(lines).items()] == [(n, v.strip()) for n, v in expected.items()]


@given(
    st.sampled_from(
        ["HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304", "HTTP/2 200 OK", "ICY 200"]
    ),
    st.lists(
        st.sampled_from(
            [
                b"Content-Length: 3\r\n",
                b"Content-Length: -3\r\n",
                b"Content-Length: x\r\n",
                b"Content-Length: 0\r\n",
                b"Connection: close\r\n",
                b"Connection: Keep-Alive\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Transfer-Encoding: Chunked\r\n",
                b"X-Other: 1\r\n",
            ]
        ),
        max_size=4,
    ),
    st.sampled_from(["POST", "HEAD"]),
    st.booleans(),
)
def test_a_head_means_what_it_means_to_http_client(status: str, lines: list[bytes], method: str, informed: bool) -> None:
    first = b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" if informed else b""
    said = first + status.encode() + b"\r\n" + b"".join(lines) + b"\r\nabcdef"
    assert told(begun(Response, said, method)) == told(begun(HTTPResponse, said, method))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1",
    ],
    ids=["nothing", "nonsense", "status", "long line", "101 fields", "100 fields", "broken off"],
)
def test_a_bad_head_is_refused_as_http_client_refuses_it(said: bytes) -> None:
    assert told(begun(Response, said)) == told(begun(HTTPResponse, said))


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_the_body_is_read_from_where_the_head_ends(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    response = Response(ours, method="POST")
    response.begin()
    assert response.read() == b"abc"
    assert response.isclosed()


# --- what has come already ---


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The upstream's end of a connection and ours, on which nothing has been said yet."""
    there, here = socket.socketpair()
    here.settimeout(10)
    yield there, here
    there.close()
    here.close()


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_what_has_come_with_the_last_chunk_is_known_to_be_there(wire: tuple[socket.socket, socket.socket]) -> None:
    there, here = wire
    there.sendall(HEAD + chunked(b"one", b"two"))
    response = Response(here, method="POST")
    response.begin()
    assert response.read1(100) == b"one"
    assert response.ready(here)
    assert response.read1(100) == b"two"
    assert not response.ready(here), "only the line end of the second chunk is left"
    there.sendall(chunked(b"three"))
    assert response.read1(100) == b"three"
    assert here.gettimeout() == 10, "looking has not changed the patience"
    there.sendall(b"0\r\n\r\n")
    assert response.read1(100) == b""
    assert not response.ready(here)


def test_without_chunks_any_byte_counts(wire: tuple[socket.socket, socket.socket]) -> None:
    there, here = wire
    there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    response = Response(here, method="POST")
    response.begin()
    assert not response.ready(here)
    there.sendall(b"ab")
    assert response.ready(here)
    assert response.read1(100) == b"ab"
    assert not response.ready(here)
