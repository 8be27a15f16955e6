"""The door of this room: ask a model, by every way that the table allows."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline import ids
from pipeline.errors import Cancelled, DeadlineExceeded, UpstreamError
from pipeline.upstream.attempt import Assemble, Attempt, OnCall, OnDelta
from pipeline.upstream.body import upstream_body
from pipeline.upstream.breaker import Breakers
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.gate import Gates
from pipeline.upstream.listing import ModelListing
from pipeline.upstream.retry import RetryPolicy
from pipeline.upstream.routes import Route
from pipeline.upstream.secret import Secret
from pipeline.upstream.table import TableHolder
from pipeline.upstream.transport import Exchange, HttpTransport, Transport
from pipeline.upstream.types import UpstreamAnswer, UpstreamRequest


class Upstreams:
    """All upstreams of the model table; one for the process, thread-safe."""

    def __init__(
        self,
        holder: TableHolder,
        http: HttpTransport,
        simulator: Transport,
        breakers: Breakers,
        retry_policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = ids.unix_now,
    ) -> None:
        self._holder = holder
        self._http = http
        self._simulator = simulator
        self._breakers = breakers
        self._retry = retry_policy
        self._clock = clock
        self._wall_clock = wall_clock
        self._gates = Gates(clock)
        self._listing = ModelListing(http, clock)

    def call(
        self,
        request: UpstreamRequest,
        *,
        deadline: float,
        cancel: CancelToken,
        on_delta: OnDelta,
        on_call: OnCall,
        assemble: Assemble,
    ) -> UpstreamAnswer:
        """Ask the model's route, again after transient failures, then its fallbacks.

        `deadline` is a time.monotonic() instant. `on_delta` gets the JSON payloads of a stream as
        they come; once it got one, nothing is tried again. `on_call` gets one record for each call
        that was really made. Raises NotFound, BadRequest, UpstreamError (of the last call),
        Cancelled or DeadlineExceeded.
        """
        run = _Run(self, request, deadline=deadline, cancel=cancel, on_delta=on_delta, on_call=on_call, assemble=assemble)
        return run.answer(self._routes(request))

    def list_models(self, timeout: float) -> list[dict[str, object]]:
        """The models for `GET /v1/models`: those of the table, and the default upstream's own when it tells them.

        Waits for that upstream at most `timeout` seconds; its list is kept for a minute.
        """
        return self._listing.models(self._holder.current, timeout)

    def breaker_states(self) -> dict[str, str]:
        """'closed', 'open' or 'half-open' by upstream name."""
        return self._breakers.states()

    def _routes(self, request: UpstreamRequest) -> list[Route]:
        chain = self._holder.current.chain(request.model)
        if not request.caller_key:
            return chain
        # A tenant's own key is a secret between the tenant and that one provider.
        return [route for route in chain if route.upstream == chain[0].upstream]


class _Run:
    """One `call` while it runs."""

    def __init__(
        self,
        parent: Upstreams,
        request: UpstreamRequest,
        *,
        deadline: float,
        cancel: CancelToken,
        on_delta: OnDelta,
        on_call: OnCall,
        assemble: Assemble,
    ) -> None:
        self._parent = parent
        self._request = request
        self._deadline = deadline
        self._cancel = cancel
        self._on_delta = on_delta
        self._on_call = on_call
        self._assemble = assemble
        self._handed_out = False

    def answer(self, routes: list[Route]) -> UpstreamAnswer:
        for route in routes[:-1]:
            try:
                return self._by_route(route)
            except UpstreamError as error:
                if not error.transient:
                    raise
        return self._by_route(routes[-1])

    def _by_route(self, route: Route) -> UpstreamAnswer:
        attempts = 0
        while True:
            try:
                return self._attempt(route)
            except UpstreamError as error:
                attempts += 1
                if self._handed_out:
                    # The caller has seen a part of this answer: another one would not continue it.
                    error.transient = False
                pause = self._parent._retry.pause(error, attempts, self._remaining())
                if pause is None:
                    raise
            self._cancel.wait(pause)

    def _attempt(self, route: Route) -> UpstreamAnswer:
        self._check()
        exchange = Exchange(
            upstream=route.provider,
            endpoint=self._request.endpoint,
            body=upstream_body(self._request, route),
            stream=self._request.stream,
            key=Secret(self._request.caller_key) if self._request.caller_key else route.api_key,
            deadline=self._deadline,
            cancel=self._cancel,
        )
        parent = self._parent
        attempt = Attempt(route, exchange, self._hand_out, clock=parent._clock, wall_clock=parent._wall_clock)
        transport = parent._simulator if route.simulated else parent._http
        with parent._gates.place(route.provider, self._deadline, self._cancel), parent._breakers.of(route.upstream).guard():
            self._check()
            return attempt.run(transport, self._on_call, self._assemble)

    def _hand_out(self, payloads: list[bytes]) -> None:
        self._handed_out = True
        self._on_delta(payloads)

    def _remaining(self) -> float:
        return self._deadline - self._parent._clock()

    def _check(self) -> None:
        if self._cancel.cancelled:
            raise Cancelled(f"The call was cancelled: {self._cancel.reason}")
        if self._remaining() <= 0:
            raise DeadlineExceeded("The deadline passed before the upstream was asked.")
