"""Kept connections to one server of this machine, over raw sockets: no HTTP library stands between the clock and the wire."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

LIMIT_BYTES = 2**22  # of one line or head
DONE = b"data: [DONE]"
_CONTENT = re.compile(rb'"content":\s*"[^"]')


class Reply(msgspec.Struct):
    """What came back; times are those of the event loop's clock, in seconds. `first` is that of a stream's first words."""

    status: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    first: float | None = None
    end: float = 0.0

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def complete(self) -> bool:
        """A stream that came to its proper end, or anything that is not a stream."""
        return not self.streamed or DONE in self.body[-4096:]

    def text(self) -> str:
        """The words of the first choice. Raises ValueError, KeyError, IndexError or TypeError when it is no completion."""
        if not self.streamed:
            return str(json.loads(self.body)["choices"][0]["message"]["content"])
        frames = [line[6:] for line in self.body.split(b"\n") if line.startswith(b"data: ") and line.strip() != DONE]
        return "".join(_said(json.loads(frame)) for frame in frames)


def _said(chunk: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", [])[:1])


class Client:
    """POSTs chat completions to a port of 127.0.0.1. A connection is used again when its answer was read to the end."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port = port
        given = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/json", **headers}
        self._head = "POST /v1/chat/completions HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._opened: list[asyncio.StreamWriter] = []

    async def post(self, body: bytes, timeout: float) -> Reply:
        """Raises OSError, EOFError, ValueError or TimeoutError when there is no whole answer. Nothing is tried again."""
        async with asyncio.timeout(timeout):
            reader, writer = await self._connection()
            try:
                writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                reply = await _read(reader, asyncio.get_running_loop().time)
            except BaseException:
                writer.close()
                raise
        if reply.headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return reply

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=LIMIT_BYTES)
        self._opened.append(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in self._opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._opened), return_exceptions=True)


async def _read(reader: asyncio.StreamReader, clock: Callable[[], float]) -> Reply:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    reply = Reply(status=int(head[0].split()[1]))
    for line in head[1:]:
        name, _, value = line.partition(":")
        reply.headers[name.strip().lower()] = value.strip()
    if reply.headers.get("transfer-encoding", "").lower() == "chunked":
        reply.body = await _chunks(reader, reply, clock)
    elif "content-length" in reply.headers:
        reply.body = await reader.readexactly(int(reply.headers["content-length"]))
    else:
        reply.body = await reader.read()
        reply.headers["connection"] = "close"
    reply.end = clock()
    return reply


async def _chunks(reader: asyncio.StreamReader, reply: Reply, clock: Callable[[], float]) -> bytes:
    """The body of a chunked answer; notes when its first words came."""
    parts = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts += (await reader.readexactly(size + 2))[:-2]
        if reply.first is None and _CONTENT.search(parts):
            reply.first = clock()
    await reader.readline()  # the empty line after the last chunk
    return bytes(parts)
