"""A bridge from ASGI to a WSGI application, which keeps two things that WSGI has no word for.

* Waiting is cheap: a thread works on a request until it is admitted, and what then waits for the answer is a coroutine
  (see later.py).
* A caller who hangs up is noticed even while it waits for a whole (not streamed) answer. WSGI shows a closed
  connection only on the next write, and here the first write is the answer itself.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote_to_bytes

from app.later import Later, Streamed
from pipeline.errors import TooLarge, internal_error

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
TOO_LARGE = TooLarge("The body is larger than this gateway takes (LEO_MAX_BODY_BYTES).").envelope()
CRASHED = internal_error().envelope()


class Bridge:
    """An ASGI application around a WSGI one. `threads` bounds how many requests are worked on at once."""

    def __init__(
        self, wsgi: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]], *, threads: int, max_body: int
    ) -> None:
        self._wsgi = wsgi
        self._max_body = max_body
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._read(scope, receive)
        except ConnectionError:
            return
        if body is None:
            await _send(send, 413, [JSON, (b"connection", b"close")], TOO_LARGE)
            return
        answering = _Answering(send)
        try:
            loop = asyncio.get_running_loop()
            given = await loop.run_in_executor(self._pool, self._work, scope, body, answering)
            if isinstance(given, Later):
                await answering.wait_for(given, receive)
            else:
                await answering.whole(given)
        except Exception as error:  # noqa: BLE001  what reaches the server would drop the connection, and may quote a prompt
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("application_crashed error=%s\n%s", type(error).__name__, where)
            if not answering.begun:
                await _send(send, 500, [JSON], CRASHED)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None when it is over the limit: then no more of it is read. Raises ConnectionError."""
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if int(length) > self._max_body:
            return None
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError("the caller hung up in the middle of its body")
            pieces.append(message["body"])
            size += len(message["body"])
            if size > self._max_body:
                return None
            if not message["more_body"]:
                return b"".join(pieces)  # a single piece, which is nearly always all, is not copied

    def _work(self, scope: Scope, body: bytes, answering: _Answering) -> bytes | Later:
        """Run the application, in a thread of the pool."""
        result = self._wsgi(_environ(scope, body), answering.start_response)
        if isinstance(result, Later):
            return result
        try:
            return b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()


class _Answering:
    """The response to one request."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 500
        self._headers: Headers = []
        self.begun = False

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self._status = int(status.partition(" ")[0])
        self._headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    async def whole(self, body: bytes) -> None:
        self.begun = True
        await _send(self._send, self._status, self._headers, body)

    async def wait_for(self, later: Later, receive: Receive) -> None:
        watcher = asyncio.get_running_loop().create_task(_watch(receive, later.leave))
        try:
            response = await later.coming
            self.start_response(response.status, response.headers.to_wsgi_list())
            if isinstance(response, Streamed):
                await self._stream(response)
            else:
                await self.whole(response.get_data())
        finally:
            watcher.cancel()

    async def _stream(self, response: Streamed) -> None:
        self.begun = True
        async with aclosing(response.pieces) as pieces:
            await self._send({"type": "http.response.start", "status": self._status, "headers": self._headers})
            async for piece in pieces:
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch(receive: Receive, leave: Callable[[], None]) -> None:
    """After the whole body was read, the next message comes when the caller hangs up, or was answered."""
    while (await receive())["type"] != "http.disconnect":
        pass
    leave()


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    sized = headers
    if body or not any(name == b"content-length" for name, _ in headers):  # an answer to HEAD has the length that GET would have
        sized = [header for header in headers if header[0] != b"content-length"]
        sized.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The WSGI environment of PEP 3333. Nothing of the process's own environment goes in."""
    host, port = scope["server"]
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # PEP 3333 wants the bytes of the path as if they were latin-1.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "leo.hot_key": scope.get("leo.hot_key"),
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            continue  # it would pass for the name with hyphens, which whoever stands in front may have checked
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name == "CONTENT_TYPE":
            environ[name] = value
        elif name not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):  # the body is whole, however it came
            key = f"HTTP_{name}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
