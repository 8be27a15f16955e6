"""A bridge from granian's RSGI to a WSGI application, which keeps two things that WSGI has no word for.

* A caller who hangs up is noticed even while it waits for a whole (not streamed) answer. WSGI shows a
  closed connection only on the next write, and here the first write is the answer itself.
* Waiting is cheap: a request is a coroutine, and takes a thread only while the application works on it.

`environ["leo.on_disconnect"]` is a function that takes a callback for when the caller hangs up.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.errors import TooLarge, internal_error

log = logging.getLogger(__name__)

UNREADABLE = "\N{REPLACEMENT CHARACTER}"

Start = Callable[..., Any]
TOO_LARGE = TooLarge("The body is larger than this gateway takes (LEO_MAX_BODY_BYTES).").envelope()
CRASHED = internal_error().envelope()


class Bridge:
    """An RSGI application around a WSGI one. `threads` bounds how many requests are worked on at once."""

    def __init__(self, wsgi: Callable[[dict[str, Any], Start], Iterable[bytes]], *, threads: int, max_body: int) -> None:
        self._wsgi = wsgi
        self._max_body = max_body
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            body = await self._read(scope, protocol)
        except Exception as error:  # noqa: BLE001  granian's own exception for a closed connection has no importable name
            log.debug("caller_hung_up_in_its_body reason=%s", type(error).__name__)
            return
        if body is None:
            protocol.response_bytes(413, [("content-type", "application/json"), ("connection", "close")], TOO_LARGE)
            return
        exchange = _Exchange(protocol, asyncio.get_running_loop())
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._handle, scope, body, exchange)
            if exchange.whole is not None:
                protocol.response_bytes(exchange.status, exchange.headers, exchange.whole)
        except Exception as error:  # noqa: BLE001  what reaches the server would drop the connection, and may quote a prompt
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("application_crashed error=%s\n%s", type(error).__name__, where)
            if not exchange.begun:
                protocol.response_bytes(500, [("content-type", "application/json")], CRASHED)
        finally:
            exchange.finished()

    async def _read(self, scope: Any, protocol: Any) -> bytes | None:
        """The body, or None when it is over the limit: then no more of it is read."""
        length = scope.headers.get("content-length")
        if length is not None and length.isdigit():
            return await protocol() if int(length) <= self._max_body else None
        if scope.method in ("GET", "HEAD") and "transfer-encoding" not in scope.headers:
            return b""
        body = bytearray()
        async for chunk in protocol:
            body += chunk
            if len(body) > self._max_body:
                return None
        return bytes(body)

    def _handle(self, scope: Any, body: bytes, exchange: _Exchange) -> None:
        """Run the application, in a thread of the pool."""
        result = self._wsgi(_environ(scope, body, exchange), exchange.start_response)
        try:
            if exchange.streams:
                for chunk in result:
                    if chunk and not exchange.send(chunk):
                        return
            else:
                exchange.whole = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()


class _Exchange:
    """One request and its response, between the loop's thread and a thread of the pool."""

    def __init__(self, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol = protocol
        self._loop = loop
        self._watcher: asyncio.Task[None] | None = None
        self._transport: Any = None
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.whole: bytes | None = None

    @property
    def streams(self) -> bool:
        return any(name == "content-type" and value.startswith("text/event-stream") for name, value in self.headers)

    @property
    def begun(self) -> bool:
        """Something of a streamed body may have been sent."""
        return self._transport is not None

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status = int(status.partition(" ")[0])
        self.headers = [(name.lower(), value) for name, value in headers]

    def send(self, chunk: bytes) -> bool:
        """Send a piece of a streamed body; False when the caller has gone."""
        return asyncio.run_coroutine_threadsafe(self._send(chunk), self._loop).result()

    async def _send(self, chunk: bytes) -> bool:
        if self._transport is None:
            self._transport = self._protocol.response_stream(self.status, self.headers)
        try:
            await self._transport.send_bytes(chunk)
        except Exception as error:  # noqa: BLE001  granian's own exception for a closed connection has no importable name
            log.debug("stream_closed reason=%s", type(error).__name__)
            return False
        return True

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call back, from the loop's thread, when the caller hangs up before the response is complete."""

        async def watch() -> None:
            await self._protocol.client_disconnect()
            callback()

        def start() -> None:
            self._watcher = self._loop.create_task(watch())

        self._loop.call_soon_threadsafe(start)

    def finished(self) -> None:
        self._transport = None  # granian ends a streamed body when nobody holds its transport
        if self._watcher:
            self._watcher.cancel()


def _environ(scope: Any, body: bytes, exchange: _Exchange) -> dict[str, Any]:
    """The WSGI environment of PEP 3333. Nothing of the process's own environment goes in."""
    host, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # PEP 3333 wants the bytes of the path as if they were latin-1.
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "leo.on_disconnect": exchange.on_disconnect,
    }
    readable = set()
    for name, value in scope.headers.items():
        readable.add(name)
        if "_" in name:
            continue  # it would pass for the name with hyphens, which whoever stands in front may have checked
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = f"{environ[f'HTTP_{key}']},{value}" if f"HTTP_{key}" in environ else value
    # granian keeps back values that are not ASCII: a header that was sent must not look like one that was not.
    for name in set(scope.headers.keys()).difference(readable):
        if "_" not in name:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = UNREADABLE
    return environ
