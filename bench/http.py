"""A small asynchronous HTTP/1.1 client for load: raw sockets, nothing between the clock and the wire."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """What came back. `status` 0 means that nothing did; `times` are seconds since the request was sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    first_byte: float = 0.0
    total: float = 0.0
    error: str = ""

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def frames(self) -> list[bytes]:
        """The data lines of a stream."""
        return [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ")]

    @property
    def text(self) -> str:
        """The text of the first choice, whole or streamed."""
        if not self.headers.get("content-type", "").startswith("text/event-stream"):
            return str(self.json()["choices"][0]["message"]["content"])
        chunks = [json.loads(frame) for frame in self.frames if frame != b"[DONE]"]
        return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", []))

    @property
    def complete(self) -> bool:
        """A whole answer, or a stream that came to its proper end."""
        if self.status != 200 or self.error:
            return False
        return not self.headers.get("content-type", "").startswith("text/event-stream") or self.frames[-1:] == [b"[DONE]"]


async def post(port: int, body: dict[str, Any], key: str, *, timeout: float = 120.0, **headers: str) -> Reply:
    """POST a chat completion to a port of this machine; never raises."""
    reply, started = Reply(), time.monotonic()
    try:
        await asyncio.wait_for(_post(port, body, key, headers, reply, started), timeout)
    except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError) as error:
        reply.error = f"{type(error).__name__}: {error}"
    reply.total = time.monotonic() - started
    return reply


async def _post(port: int, body: dict[str, Any], key: str, headers: dict[str, str], reply: Reply, started: float) -> None:
    data = json.dumps(body).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n{extra}\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + data)
        await writer.drain()
        status = await reader.readline()
        reply.first_byte = time.monotonic() - started
        if not status:
            raise ConnectionError("the connection was closed before an answer")
        code = int(status.split()[1])
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            reply.headers[name.strip().lower()] = value.strip()
        reply.body = await _body(reader, reply.headers)
        reply.status = code
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    if headers.get("transfer-encoding") != "chunked":
        return await reader.read()
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    return b"".join(parts)
