"""The HTTP client: urllib3 with a deadline on everything and a cancel that reaches a blocked read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from http.client import HTTPException
from typing import NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as HTTPTimeout
from urllib3.util import Retry, Timeout, parse_url

from pipeline.errors import Cancelled, DeadlineExceeded, GatewayError, UpstreamError
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.connections import Grip, HeldHTTPPool, HeldHTTPSPool, current_grip
from pipeline.upstream.head import Response
from pipeline.upstream.secret import Secret
from pipeline.upstream.sse import SseParser
from pipeline.upstream.transport import Exchange

READ_SIZE = 64 * 1024
MAX_ERROR_BYTES = 1024 * 1024
BATCH = 64  # payloads of a stream that are handed on at once, at most
DRAIN_S = 0.1  # how long the end of a finished stream is waited for, so that its connection can be kept
TIMER_SLACK_S = 0.02  # how much earlier than asked a timer of the system may end
FAULTS = (HTTPError, HTTPException, OSError, ValueError)  # whatever urllib3 may raise for a fault of the network
NO_RETRIES = Retry.from_int(False, redirect=False)
_WHOLE = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
    "User-Agent": "leo-optima",
}
# Compressing a stream would only hold its small pieces back.
_STREAM = {**_WHOLE, "Accept": "text/event-stream", "Accept-Encoding": "identity"}


class Line(NamedTuple):
    """The connections to one upstream, and the path under which its endpoints are."""

    pool: HeldHTTPPool | HeldHTTPSPool
    path: str


class HttpUpstream:
    """Makes HTTP calls of any upstream; one for the process, thread-safe.

    Certificates are verified, redirects are answers and never followed, the environment's proxies
    are not used. `ca_certs` is a bundle for private authorities.
    """

    def __init__(
        self,
        *,
        max_answer_bytes: int = 4 * 1024 * 1024,
        concurrency: int = 256,
        ca_certs: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_answer_bytes = max_answer_bytes
        self._clock = clock
        self._concurrency = concurrency
        self._ca_certs = ca_certs
        self._lines: dict[str, Line] = {}

    def post(self, exchange: Exchange) -> AbstractContextManager[HttpReply]:
        """POST the body. Raises Cancelled, DeadlineExceeded or UpstreamError; an error status is a reply, not an error."""
        return self._request("POST", exchange)

    def get(self, exchange: Exchange) -> tuple[int, bytes]:
        """Status and body of a GET of the exchange's endpoint. Raises as `post` does."""
        with self._request("GET", exchange) as reply:
            return reply.status, reply.read()

    def close(self) -> None:
        """Close the idle connections."""
        for line in self._lines.values():
            line.pool.close()

    def line(self, base_url: str) -> Line:
        """The way to a base URL. It is made once: urllib3's own way from a URL to a connection is long."""
        return self._lines.get(base_url) or self._lines.setdefault(base_url, self._new_line(base_url))

    def _new_line(self, base_url: str) -> Line:
        url = parse_url(base_url)
        if url.scheme == "https":
            pool = HeldHTTPSPool(
                url.host or "", url.port, maxsize=self._concurrency, cert_reqs="CERT_REQUIRED", ca_certs=self._ca_certs
            )
            return Line(pool, url.path or "")
        return Line(HeldHTTPPool(url.host or "", url.port, maxsize=self._concurrency), url.path or "")

    @contextmanager
    def _request(self, method: str, exchange: Exchange) -> Iterator[HttpReply]:
        watch = _Watch(exchange, self._clock)
        watch.check()
        grip = Grip(exchange.cancel)
        try:
            try:
                response = self._open(method, exchange, grip, watch.remaining())
            except FAULTS as error:
                raise watch.translation(error) from None
            try:
                watch.check()
                yield HttpReply(response, grip, watch, self._max_answer_bytes)
            finally:
                _give_back(response)
        finally:
            grip.release()

    def _open(self, method: str, exchange: Exchange, grip: Grip, remaining: float) -> urllib3.BaseHTTPResponse:
        line = self.line(exchange.upstream.base_url)
        mark = current_grip.set(grip)
        try:
            return line.pool.urlopen(
                method,
                f"{line.path}/{exchange.endpoint}",
                body=exchange.body if method == "POST" else None,
                headers=_headers(exchange),
                timeout=Timeout(connect=min(exchange.upstream.connect_timeout_s, remaining), read=remaining),
                retries=NO_RETRIES,
                redirect=False,
                assert_same_host=False,  # the path holds no host
                preload_content=False,
            )
        finally:
            current_grip.reset(mark)


def _headers(exchange: Exchange) -> dict[str, str]:
    headers = _STREAM if exchange.stream else _WHOLE
    if not exchange.key:
        return headers
    key = exchange.key.reveal()
    if not (key.isascii() and key.isprintable() and " " not in key):
        # Refused here, because urllib3 would repeat the key in its error. It is the fault of whoever
        # brought the key, so it must not open the breaker for the others.
        raise UpstreamError("The provider key holds characters that no header can.", status=401, code="invalid_upstream_key")
    return {**headers, "Authorization": f"Bearer {key}"}


def _give_back(response: urllib3.BaseHTTPResponse) -> None:
    # A connection with unread bytes would hand them to the next call: it is closed instead.
    if not response.closed:
        response.close()
    response.release_conn()


class _Watch:
    """The clock and the switch of one call, and the translation of what goes wrong."""

    def __init__(self, exchange: Exchange, clock: Callable[[], float]) -> None:
        self._upstream = exchange.upstream.name
        self._deadline = exchange.deadline
        self._clock = clock
        self._cancel: CancelToken = exchange.cancel
        self.key: Secret = exchange.key

    def remaining(self) -> float:
        return self._deadline - self._clock()

    def check(self) -> None:
        """Raises Cancelled or DeadlineExceeded when it is time to."""
        if self._cancel.cancelled:
            raise Cancelled(f"The call was cancelled: {self._cancel.reason}")
        if self.remaining() <= 0:
            raise DeadlineExceeded(f"The upstream '{self._upstream}' did not answer within the deadline.")

    def translation(self, error: Exception, *, reading: bool = False) -> GatewayError:
        """Our error for one of the network's (FAULTS).

        Its text is not passed on: it may hold the URL, and with it whatever stands in its path.
        """
        if self._cancel.cancelled:
            return Cancelled(f"The call was cancelled: {self._cancel.reason}")
        # A read waits exactly until the deadline, so a timeout well before it was one of connecting.
        # urllib3 calls a refused connection a connect timeout too.
        timed_out = isinstance(error, HTTPTimeout) and not isinstance(error, NewConnectionError)
        if self.remaining() <= (TIMER_SLACK_S if timed_out else 0):
            return DeadlineExceeded(f"The upstream '{self._upstream}' did not answer within the deadline.")
        kind = type(error).__name__
        if timed_out:
            return self._failure(f"could not be reached in time ({kind})", "connect_timeout")
        if isinstance(error, SSLError):
            return self._failure("could not prove who it is: its certificate or TLS failed", "tls_error")
        if reading:
            return self._failure(f"broke off its answer ({kind})", "interrupted")
        return self._failure(f"could not be reached ({kind})", "connection_error")

    def _failure(self, what: str, code: str) -> UpstreamError:
        return UpstreamError(f"The upstream '{self._upstream}' {what}.", status=502, transient=True, code=code)


class HttpReply:
    """A response whose body is still on the network. See `transport.Reply`."""

    def __init__(self, response: urllib3.BaseHTTPResponse, grip: Grip, watch: _Watch, max_bytes: int) -> None:
        self._response = response
        self._grip = grip
        self._watch = watch
        self._max_bytes = max_bytes if response.status < 400 else min(max_bytes, MAX_ERROR_BYTES)
        self._parser = SseParser()
        self.status: int = response.status
        self.headers: dict[str, str] = _lower(response.headers, watch.key)

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"

    @property
    def done(self) -> bool:
        return self._parser.done

    def read(self) -> bytes:
        return b"".join(self._chunks())

    def payloads(self) -> Iterator[list[bytes]]:
        batch: list[bytes] = []
        for chunk in self._chunks():
            batch += self._parser.feed(chunk)
            if self._parser.done:
                break
            # Each batch costs its reader a round trip, so what has come together is handed on together.
            if batch and (len(batch) >= BATCH or not self._more_is_here()):
                yield batch
                batch = []
        else:
            batch += self._parser.close()
        if batch:
            yield batch
        if self._parser.done:
            self._drain()

    def _more_is_here(self) -> bool:
        # The response of http.client inside urllib3's; there is no public way to it.
        inner = self._response._fp  # type: ignore[attr-defined]
        return isinstance(inner, Response) and self._grip.more_is_here(inner)

    def _chunks(self) -> Iterator[bytes]:
        size = 0
        while chunk := self._read1():
            size += len(chunk)
            if size > self._max_bytes:
                raise UpstreamError("The upstream's answer is larger than the gateway accepts.", code="answer_too_large")
            yield chunk
            if self._response.length_remaining == 0 and "content-encoding" not in self.headers:
                return  # saves the look that would find nothing

    def _read1(self) -> bytes:
        self._watch.check()
        self._grip.limit_wait(self._watch.remaining())
        try:
            chunk = self._response.read1(READ_SIZE)
        except FAULTS as error:
            raise self._watch.translation(error, reading=True) from None
        # A shut socket looks like the end of the body.
        self._watch.check()
        return chunk

    def _drain(self) -> None:
        """Read the few bytes that close the HTTP body, so that the connection can be used again."""
        self._grip.limit_wait(min(DRAIN_S, self._watch.remaining()))
        # The answer is complete: whatever goes wrong here costs only the connection, which is then closed.
        with suppress(*FAULTS):
            self._response.read1(READ_SIZE)


def _lower(headers: Mapping[str, str], key: Secret) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    said = "\n".join(lower.values())
    if key.masked_in(said) == said:
        return lower
    return {name: key.masked_in(value) for name, value in lower.items()}
