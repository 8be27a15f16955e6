"""A server that says exactly what a test tells it to, byte for byte, and cuts where it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence


class ScriptedServer:
    """Each connection gets the next script: the bytes to send after one request was read, then it is closed.

    A script of None reads the request and then says nothing until the other side leaves.
    """

    def __init__(self, *scripts: bytes | None) -> None:
        self._scripts: Sequence[bytes | None] = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.requests: list[bytes] = []
        self.accepted = threading.Event()
        self.left = threading.Event()  # the client of a silent script is gone
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(timeout=30)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _serve(self) -> None:
        self._listener.settimeout(30)
        for script in self._scripts:
            connection, _ = self._listener.accept()
            self.accepted.set()
            with connection:
                connection.settimeout(30)
                self.requests.append(_request(connection))
                if script is None:
                    while connection.recv(4096):
                        pass
                    self.left.set()
                else:
                    connection.sendall(script)


def _request(connection: socket.socket) -> bytes:
    """One request; what came until then when the client leaves before it is complete."""
    got = b""
    while (missing := _missing(got)) > 0 and (more := connection.recv(missing)):
        got += more
    return got


def _missing(got: bytes) -> int:
    head, end, body = got.partition(b"\r\n\r\n")
    if not end:
        return 1
    lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    return sum(lengths) - len(body)


def http(
    body: bytes, *, status: str = "200 OK", kind: str = "application/json", length: int | None = None, **headers: str
) -> bytes:
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    size = len(body) if length is None else length
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n{extra}\r\n".encode() + body
    )


def sse(*payloads: bytes, done: bool = True) -> bytes:
    """A chunked event stream."""
    events = b"".join(b"data: " + payload + b"\n\n" for payload in [*payloads, *([b"[DONE]"] if done else [])])
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return head + b"%x\r\n" % len(events) + events + b"\r\n0\r\n\r\n"
