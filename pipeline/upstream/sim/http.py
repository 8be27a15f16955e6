"""A small HTTP server for simulated upstreams: one ASGI application, on this machine, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from uvicorn import Config, Server

BACKLOG = 4096
IDLE_S = 600

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class HttpCall:
    """One HTTP request, and the response to it."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._receive = receive
        self._send = send

    async def body(self) -> bytes:
        body: bytes = b""
        while True:
            message = await self._receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                return body

    async def leaves(self) -> None:
        """Return when the client hangs up, or has its answer. The body must have been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self.begin(status, {**headers, "content-length": str(len(body))})
        await self.piece(body, last=True)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def piece(self, body: bytes, *, last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": not last})


def serve_asgi(application: Callable[[dict[str, Any], Receive, Send], Awaitable[None]], host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM, in this process and this thread."""
    config = Config(
        application,
        host=host,
        port=port,
        interface="asgi3",
        lifespan="off",
        ws="none",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=1,
    )
    Server(config).run()
