"""Responses that are not there yet. Waiting for one is a coroutine, so it takes no thread.

A view returns `Later` when somebody else is still at work. The bridge awaits it in the server's event loop; under a
plain WSGI server, such as Flask's test client, the thread of the request runs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from typing import Any

from flask import Response


class Streamed(Response):
    """A response whose body comes in pieces, each sent when it is there. Whoever serves it closes `pieces`."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], content_type: str) -> None:
        super().__init__(content_type=content_type)
        self.pieces = pieces


class Later(Response):
    """`coming` makes the response, and never fails; it has to be awaited. `leave` tells it that the caller has gone."""

    def __init__(self, coming: Coroutine[Any, Any, Response], leave: Callable[[], None]) -> None:
        super().__init__()
        self.coming = coming
        self.leave = leave
        self._running = self._run()  # begins when a WSGI server asks for the first piece

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Later:
        self._environ, self._start_response = environ, start_response
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self._running

    def close(self) -> None:
        self._running.close()

    def _run(self) -> Generator[bytes, None, None]:
        with asyncio.Runner() as runner:
            response = runner.run(self.coming)
            if isinstance(response, Streamed):
                self._start_response(response.status, response.headers.to_wsgi_list())
                yield from _pieces(runner, response)
            else:
                yield from response(self._environ, self._start_response)


def _pieces(runner: asyncio.Runner, response: Streamed) -> Iterator[bytes]:
    async def following(pieces: AsyncGenerator[bytes, None]) -> bytes | None:
        return await anext(pieces, None)

    try:
        while (piece := runner.run(following(response.pieces))) is not None:
            yield piece
    finally:
        runner.run(response.pieces.aclose())
