"""Connections whose current call can be ended from another thread, even while it waits for headers.

A thread that is blocked in `recv` can be woken only by shutting its socket down. So each connection
tells the call that uses it about its socket; the call is found through a context variable, because
urllib3 picks or makes the connection deep inside `urlopen`, in the thread of the call.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from http import client
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.head import Response

ONE_PIECE = 64 * 1024  # bytes of a request that are worth being copied together


class Grip:
    """What one call holds of the network: a way to shut its connection down and to shorten its waits.

    It shuts down a duplicate of the socket. TLS detaches the plain socket, and shutting a TLS socket
    down from outside breaks the thread that reads it; the duplicate reaches the same TCP connection
    through all of that, and its file descriptor cannot be somebody else's by then.
    """

    def __init__(self, cancel: CancelToken) -> None:
        self._cancel = cancel
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._twin: socket.socket | None = None
        cancel.on_cancel(self.shut)

    def take(self, sock: socket.socket) -> None:
        """Hold this socket from now on, and at once shut it down when the call is cancelled already."""
        with self._lock:
            self._drop_twin()
            self._socket = sock
            self._twin = socket.socket(sock.family, sock.type, sock.proto, fileno=socket.dup(sock.fileno()))
        if self._cancel.cancelled:
            self.shut()

    def shut(self) -> None:
        """End the connection; whoever reads it sees its end. Does nothing once released."""
        with self._lock:
            if self._twin is not None:
                # An error means that it is closed already, which is what was wanted.
                with suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)

    def limit_wait(self, seconds: float) -> None:
        """Let no single read of the socket take longer than this."""
        with self._lock:
            if self._socket is not None:
                # When it was closed under us, the read itself will say so.
                with suppress(OSError):
                    self._socket.settimeout(max(seconds, 0.001))

    def more_is_here(self, response: Response) -> bool:
        """Whether some more of this response has arrived already."""
        with self._lock:
            return self._socket is not None and response.ready(self._socket)

    def release(self) -> None:
        """The call is over: from here on a cancel must not touch the connection, which others may use."""
        self._cancel.remove(self.shut)
        self.let_go()

    def let_go(self) -> None:
        with self._lock:
            self._drop_twin()
            self._socket = None

    def _drop_twin(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None


current_grip: ContextVar[Grip | None] = ContextVar("current_grip", default=None)


class HeldHTTPConnection(HTTPConnection):
    """A connection whose current call has its hand on the socket."""

    response_class = Response
    grip: Grip | None = None
    _pieces: list[bytes] | None = None

    def hold(self, sock: socket.socket | None) -> None:
        """Give the socket to the current call, and take it from the one that used this connection before."""
        grip = current_grip.get()
        # urllib3 hands a connection on as soon as its response is read to the end, which is a moment
        # before the call that read it has released it.
        if self.grip is not None and self.grip is not grip:
            self.grip.let_go()
        self.grip = grip
        if grip is not None and sock is not None:
            grip.take(sock)

    def connect(self) -> None:
        super().connect()
        self.hold(self.sock)

    def request(self, *args: Any, **options: Any) -> None:
        # A kept connection does not connect again; this is where a new call begins to use it.
        self.hold(self.sock)
        self._pieces = []
        try:
            super().request(*args, **options)
        finally:
            pieces, self._pieces = self._pieces, None
        if sum(map(len, pieces)) <= ONE_PIECE:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self.send(piece)

    def send(self, data: Any) -> None:
        """As http.client's, but a request leaves in one piece: head and body in a packet each cost nearly twice as much."""
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)

    def putheader(self, header: str, *values: str) -> None:  # type: ignore[override]
        # urllib3's own looks in every value for a marker that no header of ours is.
        client.HTTPConnection.putheader(self, header, *values)


class HeldHTTPSConnection(HeldHTTPConnection, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        # Held before the TLS handshake too: it may hang as well.
        sock = super()._new_conn()
        self.hold(sock)
        return sock


class HeldHTTPPool(HTTPConnectionPool):
    ConnectionCls = HeldHTTPConnection


class HeldHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = HeldHTTPSConnection
