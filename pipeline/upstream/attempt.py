"""One call of one upstream: made, read, judged, and recorded exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pipeline import ids
from pipeline.errors import Cancelled, DeadlineExceeded, UpstreamError
from pipeline.upstream import headers as names
from pipeline.upstream import payload as payloads
from pipeline.upstream import retry
from pipeline.upstream.pricing import cost_of
from pipeline.upstream.routes import Route
from pipeline.upstream.secret import Secret
from pipeline.upstream.transport import Exchange, Reply, Transport
from pipeline.upstream.types import CallRecord, UpstreamAnswer, Usage

OnDelta = Callable[[list[bytes]], None]
OnCall = Callable[[CallRecord], None]
Assemble = Callable[[list[bytes]], bytes]


class Attempt:
    """The state of one call while it runs. `run` may be called once."""

    def __init__(
        self,
        route: Route,
        exchange: Exchange,
        on_delta: OnDelta,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = ids.unix_now,
    ) -> None:
        self._route = route
        self._exchange = exchange
        self._on_delta = on_delta
        self._clock = clock
        self._wall_clock = wall_clock
        self._status = 0
        self._usage: Usage | None = None
        self._first_at: float | None = None
        self._finished = False
        self._chunks: list[bytes] = []

    def run(self, transport: Transport, on_call: OnCall, assemble: Assemble) -> UpstreamAnswer:
        """The answer. Raises UpstreamError, Cancelled or DeadlineExceeded; `on_call` has the record in any case."""
        began, began_at = self._clock(), self._wall_clock()
        failure: BaseException | None = None
        try:
            with transport.post(self._exchange) as reply:
                self._status = reply.status
                body = self._read(reply)
                headers = names.passed_on(reply.headers)
        except BaseException as error:
            failure = error
            raise
        finally:
            on_call(self._record(began, began_at, failure))
        return UpstreamAnswer(
            body=body if body is not None else assemble(self._chunks),
            usage=self._usage,
            cost=cost_of(self._usage, self._route.price),
            upstream=self._route.upstream,
            model=self._route.model_there,
            simulated=self._route.simulated,
            headers=headers,
        )

    def _read(self, reply: Reply) -> bytes | None:
        """The body of a whole answer, or None when it was a stream whose chunks are kept."""
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        if reply.is_stream:
            self._read_stream(reply)
            return None
        return self._read_whole(reply)

    def _read_whole(self, reply: Reply) -> bytes:
        body = reply.read()
        told = self._peek(body)
        if told.error:
            raise self._error_inside(told.error, body, code=None)
        self._usage = told.usage
        return body

    def _read_stream(self, reply: Reply) -> None:
        for batch in reply.payloads():
            if self._first_at is None:
                self._first_at = self._clock()
            good = self._good(batch)
            if good:
                self._chunks.extend(good)
                self._on_delta(good)
            if len(good) < len(batch):
                bad = batch[len(good)]
                raise self._error_inside(self._peek(bad).error, bad, code="interrupted")
        if not reply.done and not self._finished:
            raise self._failure("ended its stream before the answer was complete", "interrupted")

    def _good(self, batch: list[bytes]) -> list[bytes]:
        """The payloads before the first that holds an error; they are worth passing on."""
        for index, payload in enumerate(batch):
            told = self._peek(payload)
            if told.error:
                return batch[:index]
            self._usage = told.usage or self._usage
            self._finished = self._finished or told.finished
        return batch

    def _peek(self, payload: bytes) -> payloads.Peek:
        try:
            return payloads.peek(payload)
        except msgspec.DecodeError:
            raise self._failure("sent something that is not a JSON object", "bad_answer") from None

    def _refusal(self, reply: Reply) -> UpstreamError:
        body = self._key.masked_in(_error_body(reply))
        if reply.status < 400:
            return UpstreamError(
                f"The upstream '{self._route.upstream}' redirected the call, and redirects are not followed: check its base_url.",
                code="upstream_redirect",
            )
        return UpstreamError(
            payloads.error_message(body) or f"The upstream '{self._route.upstream}' answered with status {reply.status}.",
            status=reply.status,
            body=body if payloads.is_error_envelope(body) else None,
            transient=retry.is_transient(reply.status),
            headers=names.passed_on(reply.headers),
            retry_after=retry.retry_after(reply.headers, self._wall_clock()),
            should_retry=retry.should_retry(reply.headers),
        )

    def _error_inside(self, error: bytes, body: bytes, *, code: str | None) -> UpstreamError:
        """An error object where an answer was expected: in a 200 body, or in the middle of a stream."""
        status, shown = payloads.error_status(error), self._key.masked_in(body)
        return UpstreamError(
            payloads.error_message(shown) or f"The upstream '{self._route.upstream}' reported an error.",
            status=status,
            body=shown,
            transient=retry.is_transient(status),
            code=code,
        )

    def _failure(self, what: str, code: str) -> UpstreamError:
        return UpstreamError(f"The upstream '{self._route.upstream}' {what}.", transient=True, code=code)

    @property
    def _key(self) -> Secret:
        return self._exchange.key

    def _record(self, began: float, began_at: float, failure: BaseException | None) -> CallRecord:
        outcome = outcome_of(failure)
        return CallRecord(
            upstream=self._route.upstream,
            model=self._route.model_there,
            status=self._status,
            usage=self._usage,
            cost=cost_of(self._usage, self._route.price),
            started_at=began_at,
            latency_ms=(self._clock() - began) * 1000,
            first_token_ms=None if self._first_at is None else (self._first_at - began) * 1000,
            outcome=outcome,
            error="" if failure is None else _words(failure),
        )


def _error_body(reply: Reply) -> bytes:
    """The body of an error answer; one that is too large or breaks off must not hide the status that came before it."""
    try:
        return reply.read()
    except UpstreamError:
        return b""


def outcome_of(failure: BaseException | None) -> str:
    """The word of the ledger for how a call ended."""
    if failure is None:
        return "ok"
    if isinstance(failure, Cancelled):
        return "cancelled"
    if isinstance(failure, DeadlineExceeded):
        return "timeout"
    code = failure.code if isinstance(failure, UpstreamError) else ""
    return {"connect_timeout": "timeout", "interrupted": "interrupted"}.get(code or "", "error")


def _words(failure: BaseException) -> str:
    # The text of a foreign exception may hold anything; only our own messages are known to be clean.
    return failure.message if isinstance(failure, UpstreamError | Cancelled | DeadlineExceeded) else type(failure).__name__
