"""Responses that come later under a plain WSGI server: Flask's test client gets what callers of the bridge get."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from flask import Flask, Response

from app.later import Later, Streamed

EVENTS = "text/event-stream; charset=utf-8"


async def slowly(value: Any) -> Any:
    """Come back to the loop once, as whatever waits does."""
    await asyncio.sleep(0)
    return value


def client_of(coming: Callable[[], Awaitable[Response]]) -> Any:
    app = Flask("later")
    app.testing = True  # what fails in here is raised, and not told as a 500

    @app.post("/")
    def view() -> Response:
        return Later(coming(), lambda: None)  # type: ignore[arg-type]

    @app.after_request
    def stamp(response: Response) -> Response:
        response.headers["X-Stamp"] = "of the view"
        return response

    return app.test_client()


class Stream:
    """A stream's pieces, and how they ended."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.made = 0
        self.ended = 0

    async def coming(self) -> Response:
        return await slowly(Streamed(self._make(), EVENTS))

    async def _make(self) -> AsyncGenerator[bytes, None]:
        try:
            for piece in self._pieces:
                if isinstance(piece, Exception):
                    raise piece
                self.made += 1
                yield await slowly(piece)
        finally:
            await asyncio.sleep(0)
            self.ended += 1


def test_a_whole_response_comes_with_its_own_status_headers_and_length() -> None:
    async def coming() -> Response:
        return await slowly(Response(b"refused", status=429, headers={"X-Mine": "1"}, content_type="text/plain"))

    response = client_of(coming).post("/")
    assert (response.status_code, response.data, response.content_type) == (429, b"refused", "text/plain")
    assert (response.headers["X-Mine"], response.headers["Content-Length"]) == ("1", "7")


def test_what_the_application_does_to_the_view_s_response_is_not_done_to_the_one_that_comes() -> None:
    async def coming() -> Response:
        return Response(b"")

    assert "X-Stamp" not in client_of(coming).post("/").headers


def test_the_thread_of_the_request_waits() -> None:
    async def coming() -> Response:
        return await slowly(Response(threading.current_thread().name))

    assert client_of(coming).post("/").data == threading.current_thread().name.encode()


def test_a_streamed_response_comes_in_its_pieces_and_without_a_length() -> None:
    stream = Stream(b"data: 1\n\n", b"data: 2\n\n")
    response = client_of(stream.coming).post("/")
    assert (response.status_code, response.content_type, response.content_length) == (200, EVENTS, None)
    assert list(response.response) == [b"data: 1\n\n", b"data: 2\n\n"]
    assert stream.ended == 1


def test_a_piece_is_made_when_it_is_asked_for() -> None:
    stream = Stream(b"1", b"2", b"3")
    response = client_of(stream.coming).post("/", buffered=False)
    made = [stream.made for _ in response.response]
    assert made == [1, 2, 3]


@pytest.mark.parametrize("read", [0, 1])
def test_a_caller_who_closes_its_stream_ends_it(read: int) -> None:
    stream = Stream(*[b"x"] * 10)
    response = client_of(stream.coming).post("/", buffered=False)
    pieces = iter(response.response)
    for _ in range(read):
        next(pieces)
    response.close()
    assert (stream.ended, stream.made) == (1, 1)


def test_a_stream_that_breaks_is_ended_and_raises_where_it_is_read() -> None:
    stream = Stream(b"1", LookupError("broken"))
    response = client_of(stream.coming).post("/", buffered=False)
    with pytest.raises(LookupError, match="broken"):
        list(response.response)
    assert stream.ended == 1
