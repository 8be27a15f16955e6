"""The server's side of a connection: uvicorn's HTTP protocol, with the fast lane before the application.

A request that may be known (see lane.py) is held back until it is complete; the lane then answers it here, or it goes on
to the application as if nothing had been. Besides, a connection may take only so long and so much for what is no body, and
a client that offers another protocol is answered in this one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.lane import Lane
from pipeline.errors import BadRequest

MAX_HELD = 256 * 1024
MAX_HEAD = 64 * 1024
HEAD_PATIENCE_S = 30.0
NOT_HTTP = BadRequest("This is no HTTP request that can be understood, or its method is unknown.", code="invalid_http").envelope()
NOT_HTTP_HEAD = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"


class FrontProtocol(HttpToolsProtocol):
    def __init__(self, *args: Any, lane: Lane, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = _Parser(self)
        self._lane = lane
        self._held: bytearray | None = None
        self._offer: bytes | None = None
        self._now = time.monotonic()  # when the last data came
        self._head_since: float | None = self._now  # since when the head of a request is on its way
        self._futile = 0  # bytes since something came of them: a whole request, or a part of its body

    def data_received(self, data: bytes) -> None:
        self._now = time.monotonic()
        self._futile += len(data)
        super().data_received(data)
        if self._futile > MAX_HEAD:
            self.transport.close()

    def shutdown(self) -> None:
        if self._held is not None:
            self._let_go()  # what has begun is answered
        super().shutdown()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    # --- the head ---

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()  # data in which a request ended may hold the next one too
        self._head_since = self._now

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as HTTP gets an error of our form, too, and the end of the connection."""
        self.transport.write(NOT_HTTP_HEAD % len(NOT_HTTP) + NOT_HTTP)
        self.transport.close()

    def too_slow(self, now: float) -> bool:
        """Whether the other side has taken too long to say what it wants."""
        return self._head_since is not None and now - self._head_since > HEAD_PATIENCE_S and self._idle

    def on_headers_complete(self) -> None:
        self._head_since = None
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._offer = self._head_without_offer()
        elif self._may_be_known():
            self._held = bytearray()
        else:
            super().on_headers_complete()
        self.headers = []  # the scope has them; what may follow the body comes here, and must not pass for the caller's key

    def _head_without_offer(self) -> bytes:
        lines = [b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        first = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        return b"".join([first, *lines, b"\r\n"])

    def take_offer(self) -> bytes | None:
        """The head of a request that offered another protocol, without the offer; None where there was none."""
        offer, self._offer = self._offer, None
        return offer

    # --- the lane ---

    def _may_be_known(self) -> bool:
        return (
            self.url in self._lane.paths
            and self.parser.get_method() == b"POST"
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() != "1.0"
            and self._idle
            and not self.expect_100_continue
            and not self.flow.write_paused
        )

    def on_body(self, body: bytes) -> None:
        self._futile = 0
        if self._held is None:
            super().on_body(body)
            return
        self._held += body
        if len(self._held) > MAX_HELD:
            self._let_go()

    def on_message_complete(self) -> None:
        self._futile = 0
        if self._offer is not None:
            return
        if self._held is None:
            super().on_message_complete()
            return
        key = self._lane.key(self.url, self.scope["headers"], self._held)
        reply = self._lane.reply(key, self._now, self.server_state.default_headers)
        if reply is None:
            self.scope["leo.hot_key"] = key  # type: ignore[typeddict-unknown-key]
            self._let_go()
            super().on_message_complete()
            return
        self._held = None
        self.transport.write(reply)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _let_go(self) -> None:
        """Hand what was held back to the application."""
        held, self._held = self._held, None
        super().on_headers_complete()
        if held:
            super().on_body(bytes(held))


class _Parser(HttpRequestParser):
    """A parser that goes on with HTTP/1.1 after an offer of another protocol, as a server may (RFC 9110, 7.8).

    Java's client and curl offer HTTP/2 with their first request, with a body too. Left alone, the parser takes the body
    for the beginning of the other protocol.
    """

    def __init__(self, protocol: FrontProtocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._protocol = protocol

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except HttpParserUpgrade as upgrade:
            head = self._protocol.take_offer()
            if head is None:
                raise
            self._protocol.parser = _Parser(self._protocol)  # this one is done when the connection shall be closed
            self._protocol.parser.feed_data(head + data[upgrade.args[0] :])


def sweep(connections: Iterable[FrontProtocol], now: float) -> None:
    """Close the connections whose request does not come. `now` is monotonic."""
    for connection in list(connections):
        if connection.too_slow(now):
            connection.transport.close()
