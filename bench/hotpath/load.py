"""Load on a gateway: the peers' compiled generator when it is built, else the asynchronous client of this project."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.hotpath.gateway import KEY, MODEL, PATH, chat_body
from bench.hotpath.stats import percentile
from bench.hotpath.upstream import peers_root
from bench.http import Reply, post

Figures = dict[str, Any]  # ok, errors, secs, rps, and p50, p95, p99, max in milliseconds
AT_MOST_S = 300  # for a number of requests
PADDING = ("lorem ipsum dolor sit amet " * 15)[:400]  # in each prompt, as in the peers' run


@dataclass(frozen=True)
class Load:
    """`connections` callers that each send their next request when the last one is answered.

    Either for `seconds` after `warm` seconds that do not count, or `count` requests, every one of which is waited for.
    `fresh`: a prompt never sent before each time, made from `prompt`; else always `prompt` itself.
    """

    port: int
    connections: int
    prompt: str
    fresh: bool = False
    seconds: int = 0
    warm: int = 1
    count: int = 0


def generator() -> str:
    """Its path, or '' where it is not built."""
    path = peers_root() / "lg"
    return str(path) if os.access(path, os.X_OK) else ""


def generator_name() -> str:
    return "the peers' lg (C, one thread)" if generator() else "the asyncio client of bench/http.py (a new connection each)"


def put(load: Load) -> Figures:
    """Put the load on, and say what came of it. Raises RuntimeError when nothing was answered."""
    figures = _compiled(load) if generator() else asyncio.run(_python(load))
    if not figures["ok"]:
        raise RuntimeError(f"no request was answered: {figures.get('err_sample')}")
    return figures


def _compiled(load: Load) -> Figures:
    length = ["-n", load.count, "-d", AT_MOST_S] if load.count else ["-d", load.seconds, "-w", load.warm]
    prompts = ["-m", "uniq", "-S", load.prompt] if load.fresh else ["-q", load.prompt]
    where = ["-p", load.port, "-u", PATH, "-M", MODEL, "-H", f"X-API-Key: {KEY}", "-c", load.connections]
    words = [generator(), *where, *length, *prompts]
    limit = AT_MOST_S + 60 if load.count else load.seconds + load.warm + 60
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True, timeout=limit, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


async def _python(load: Load) -> Figures:
    """The same with this project's client."""
    replies: list[Reply] = []
    began = time.monotonic()
    measured_from = began + (0 if load.count else load.warm)
    ends = measured_from + (AT_MOST_S if load.count else load.seconds)
    sent = 0

    async def caller() -> None:
        nonlocal sent
        while time.monotonic() < ends and not (load.count and sent >= load.count):
            sent += 1
            prompt = f"{load.prompt}-{sent}" if load.fresh else load.prompt
            reply = await post(load.port, chat_body(f"{prompt} {PADDING}"), KEY)
            if time.monotonic() >= measured_from:
                replies.append(reply)

    await asyncio.gather(*(caller() for _ in range(load.connections)))
    return _figures(replies, time.monotonic() - measured_from)


def _figures(replies: list[Reply], seconds: float) -> Figures:
    times = [reply.total * 1000 for reply in replies if reply.complete]
    wrong = [reply for reply in replies if not reply.complete]
    return {
        "ok": len(times),
        "errors": len(wrong),
        "e_status": sum(bool(reply.status) for reply in wrong),
        "err_sample": f"{wrong[0].status} {wrong[0].error} {wrong[0].body[:120]!r}" if wrong else "",
        "secs": round(seconds, 3),
        "rps": round(len(times) / seconds, 1),
        **{f"p{share}": round(percentile(times, share / 100), 3) for share in (50, 95, 99)},
        "max": round(max(times, default=0.0), 3),
    }


# --- one request after the other, where the generator cannot follow: refusals, joiners ---


class Connection:
    """A kept-alive connection to one port, for requests one after the other."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self._port = port
        self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def send(self, body: dict[str, Any], **headers: str) -> None:
        data = json.dumps(body).encode()
        given = {"X-API-Key": KEY, "Content-Type": "application/json", **headers}
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{extra}Content-Length: {len(data)}\r\n\r\n"
        self._socket.sendall(head.encode() + data)

    def read_until(self, enough: Callable[[bytes], bool]) -> bytes:
        """What has come when there is enough of it. Raises ConnectionError when there will not be."""
        seen = b""
        while not enough(seen):
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError(f"the connection ended after {seen[:300]!r}")
            seen += part
        return seen


def whole_answer(seen: bytes) -> bool:
    """All of an answer with a Content-Length has come."""
    head, found, body = seen.partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return not lengths or len(body) >= int(lengths[0])


def first_words(seen: bytes) -> bool:
    """The first text of a stream has come, or an answer that is none."""
    text = seen.replace(b'"content": "', b'"content":"').replace(b'"content":""', b"")
    return b'"content":"' in text or (whole_answer(seen) and not seen.startswith(b"HTTP/1.1 200"))


def header(seen: bytes, name: str) -> str:
    """A response header, or ''."""
    for line in seen.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
        if line.lower().startswith(name.lower() + ":"):
            return line.partition(":")[2].strip()
    return ""


def status(seen: bytes) -> int:
    return int(seen.split(b" ", 2)[1])
