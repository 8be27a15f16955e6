"""The simulator as an upstream inside this process: what answers when no real one is configured.

It is a `Transport` like the HTTP client, so retries, breakers, deadlines and cancels are the same.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec

from pipeline import ids
from pipeline.errors import Cancelled, DeadlineExceeded, UpstreamError
from pipeline.settings import Settings
from pipeline.upstream.sim import wire
from pipeline.upstream.sim.plan import BadBodyError, Delays, SimulatedAnswer, parse, plan
from pipeline.upstream.sim.prefix import MINIMUM, PrefixCache
from pipeline.upstream.tokens import count_tokens
from pipeline.upstream.transport import Exchange

BATCH = 16  # chunks handed out at once when no time passes between tokens


class SimSettings(msgspec.Struct, frozen=True):
    """How the simulator behaves: milliseconds, a share of calls from 0 to 1, and a seed."""

    latency_ms: float = 0.0
    token_ms: float = 0.0
    error_rate: float = 0.0
    error_status: int = 503
    seed: int = 0
    fail_next: int = 0  # so many calls fail first, whatever the rate says
    retry_after: float | None = None  # seconds, sent with every error
    prefix_cache_s: float = 300.0  # so long the beginning of a long prompt is cached after it came; 0: not at all

    @classmethod
    def of(cls, settings: Settings) -> SimSettings:
        return cls(
            latency_ms=settings.sim_latency_ms,
            token_ms=settings.sim_token_ms,
            error_rate=settings.sim_error_rate,
            error_status=settings.sim_error_status,
            seed=settings.sim_seed,
        )


class Failure(msgspec.Struct, frozen=True):
    """An error answer of the simulator."""

    status: int
    body: bytes
    retry_after: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"retry-after": f"{self.retry_after:g}"}


class Simulation:
    """Plans answers and failures, and counts calls. It neither sleeps nor sends, so both simulators share it."""

    def __init__(
        self,
        settings: SimSettings,
        count: Callable[[str], int] = count_tokens,
        now: Callable[[], float] = ids.unix_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.calls = 0
        self._count = count
        self._now = now
        self._lock = threading.Lock()
        self._left_to_fail = settings.fail_next
        self._prefixes = PrefixCache(count, clock=clock)

    def configure(self, settings: SimSettings) -> None:
        """Behave like this from the next call on, with the counter of calls at 0 again and no prefix cached."""
        with self._lock:
            self.settings, self.calls, self._left_to_fail = settings, 0, settings.fail_next
        self._prefixes.clear()

    def chat(self, body: bytes, whose: object = None) -> SimulatedAnswer | Failure:
        """The answer to a chat body; `whose` is the account that asks, for the prefix cache."""
        settings, turn_to_fail = self._turn()
        try:
            answer = plan(body, seed=settings.seed, delays=Delays(settings.latency_ms, settings.token_ms), count=self._count)
        except BadBodyError as problem:
            return _bad_request(problem)
        ordered = answer.directive.status
        if ordered is not None and ordered >= 400:
            return self._failure(ordered, answer.directive.retry_after)
        if turn_to_fail:
            return self._failure(settings.error_status, settings.retry_after)
        return self._with_cached(answer, body, whose, settings.prefix_cache_s)

    def _with_cached(self, answer: SimulatedAnswer, body: bytes, whose: object, lifetime: float) -> SimulatedAnswer:
        """The answer with the tokens that the prefix cache had. Prompts too short for one cost nothing here."""
        tokens = answer.usage.prompt_tokens
        if lifetime <= 0 or tokens < MINIMUM:
            return answer
        cached = self._prefixes.cached(parse(body), tokens, whose, lifetime)
        return msgspec.structs.replace(answer, usage=msgspec.structs.replace(answer.usage, cached_tokens=cached))

    def embeddings(self, body: bytes) -> bytes | Failure:
        settings, turn_to_fail = self._turn()
        if turn_to_fail:
            return self._failure(settings.error_status, settings.retry_after)
        try:
            return wire.embeddings(body, seed=settings.seed, count=self._count)
        except BadBodyError as problem:
            return _bad_request(problem)

    def completion(self, answer: SimulatedAnswer) -> bytes:
        return wire.completion(answer, int(self._now()))

    def chunks(self, answer: SimulatedAnswer) -> Iterator[tuple[bool, bytes]]:
        return wire.chunks(answer, int(self._now()))

    def _turn(self) -> tuple[SimSettings, bool]:
        """Count this call, and decide by its number and the seed alone whether it fails."""
        with self._lock:
            self.calls += 1
            settings, number = self.settings, self.calls
            if self._left_to_fail > 0:
                self._left_to_fail -= 1
                return settings, True
        digest = hashlib.sha256(f"{settings.seed}:{number}".encode()).digest()
        return settings, int.from_bytes(digest[:8], "big") < settings.error_rate * 2**64

    @staticmethod
    def _failure(status: int, retry_after: float | None) -> Failure:
        return Failure(status, wire.error(status, "The simulator was told to fail."), retry_after)


def _bad_request(problem: BadBodyError) -> Failure:
    return Failure(400, wire.error(400, str(problem), param=problem.param, code="invalid_value"))


class Simulator:
    """The simulation as a Transport. Its delays end early when the call is cancelled or out of time."""

    def __init__(
        self,
        settings: SimSettings | None = None,
        *,
        count: Callable[[str], int] = count_tokens,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = ids.unix_now,
    ) -> None:
        self._simulation = Simulation(settings or SimSettings(), count, now, clock)
        self._clock = clock

    @property
    def calls(self) -> int:
        """Calls so far, failed ones too."""
        return self._simulation.calls

    @contextmanager
    def post(self, exchange: Exchange) -> Iterator[SimReply]:
        pause = _Pause(exchange, self._clock)
        pause.check()
        if exchange.endpoint == "embeddings":
            embedded = self._simulation.embeddings(exchange.body)
            pause.sleep(self._simulation.settings.latency_ms)
            yield _failed(embedded, pause) if isinstance(embedded, Failure) else SimReply(200, {}, pause, body=embedded)
            return
        answer = self._simulation.chat(exchange.body, exchange.key)
        if isinstance(answer, Failure):
            yield _failed(answer, pause)
            return
        pause.sleep(answer.delays.latency_ms)
        if answer.stream:
            yield SimReply(200, {}, pause, answer=answer, chunks=self._simulation.chunks(answer))
            return
        pause.sleep(answer.delays.token_ms * answer.tokens_per_choice)
        yield SimReply(200, {}, pause, body=self._simulation.completion(answer))


def _failed(failure: Failure, pause: _Pause) -> SimReply:
    return SimReply(failure.status, failure.headers, pause, body=failure.body)


class _Pause:
    def __init__(self, exchange: Exchange, clock: Callable[[], float]) -> None:
        self._deadline = exchange.deadline
        self._cancel = exchange.cancel
        self._clock = clock

    def check(self) -> None:
        if self._cancel.cancelled:
            raise Cancelled(f"The call was cancelled: {self._cancel.reason}")
        if self._deadline <= self._clock():
            raise DeadlineExceeded("The simulator did not answer within the deadline.")

    def sleep(self, milliseconds: float) -> None:
        if milliseconds > 0:
            self._cancel.wait(min(milliseconds / 1000, self._deadline - self._clock()))
        self.check()


class SimReply:
    """A simulated reply. See `transport.Reply`."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        pause: _Pause,
        *,
        body: bytes = b"",
        answer: SimulatedAnswer | None = None,
        chunks: Iterable[tuple[bool, bytes]] = (),
    ) -> None:
        self.status = status
        self.headers = headers
        self._pause = pause
        self._body = body
        self._answer = answer
        self._chunks = chunks
        self._done = False

    @property
    def is_stream(self) -> bool:
        return self._answer is not None

    @property
    def done(self) -> bool:
        return self._done

    def read(self) -> bytes:
        return self._body

    def payloads(self) -> Iterator[list[bytes]]:
        if self._answer is None:
            return
        token_ms, drop_after = self._answer.delays.token_ms, self._answer.directive.drop_after
        batch: list[bytes] = []
        for index, (is_token, chunk) in enumerate(self._chunks):
            if index == drop_after:
                yield from [batch] if batch else []
                raise UpstreamError("The simulator broke off its answer.", status=502, transient=True, code="interrupted")
            batch.append(chunk)
            if (is_token and token_ms > 0) or len(batch) >= BATCH:
                yield batch
                batch = []
                self._pause.sleep(token_ms if is_token else 0)
        if batch:
            yield batch
        self._done = True
