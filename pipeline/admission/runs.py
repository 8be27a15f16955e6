"""Runs in Redis: admission, claims, the log, the end. Each operation is one Lua script, one round trip."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Protocol

import msgspec
import redis
from redis.commands.core import Script

from pipeline.admission import answer as answers
from pipeline.admission import events
from pipeline.admission.answer import Answer
from pipeline.admission.events import Event
from pipeline.admission.keys import WORKING_KEY, answer_key, followers_key, log_prefix, run_key
from pipeline.cache.semantic.question import Question
from pipeline.errors import Conflict, Overloaded, StoreUnavailable, UpstreamError
from pipeline.request.plan import Apart, Plan

log = logging.getLogger(__name__)


class RunRequest(msgspec.Struct, frozen=True, array_like=True):
    """What the workers need to know of a request."""

    tenant: str
    endpoint: str
    model: str
    body: bytes
    stream: bool
    content_key: str
    lookup: bool
    store: bool
    keep: bool  # the end of the log is kept for repeats under the same Idempotency-Key
    caller_key: str = ""  # a tenant's own provider key; gone from Redis when the run ends
    transparent: bool = False  # every optimiser is off: the body goes upstream as it came
    author: str = ""  # the principal who asked first
    question: Question | None = None  # what may be compared by meaning
    lent: bool = False  # as in the plan
    optimize: bool = False  # the prompt may be shortened
    apart: Apart | None = None  # the question may be taken apart

    def __repr__(self) -> str:
        """Neither the key nor the prompt may reach a log line by way of a repr."""
        return f"RunRequest({self.endpoint!r}, model={self.model!r}, {len(self.body)} bytes, stream={self.stream})"


class Admission(msgspec.Struct, frozen=True):
    """`verdict` is 'done' (with the answer), 'live', 'replay' or 'new' (with the epoch of the run)."""

    verdict: str
    epoch: str = ""
    answer: Answer | None = None


class Claim(msgspec.Struct, frozen=True):
    """A worker's right to write to a run.

    `patience` is the seconds until the last caller's deadline, `length` how many events the log had,
    `lost` how many workers died with this run since it was claimed before.
    """

    key: str
    epoch: str
    token: str
    request: RunRequest
    patience: float
    length: int
    lost: int = 0


class Pulse(msgspec.Struct, frozen=True):
    """What a heartbeat found: is the claim still ours, how many follow, how long they will wait (seconds)."""

    held: bool
    followers: int
    patience: float


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long things last, in seconds."""

    lease: float = 3.0
    follower: float = 5.0
    linger: float = 30.0
    exact: float = 3600.0
    idempotency: float = 86400.0


class Rider(Protocol):
    """A command that goes to Redis together with the end of a run, and before it."""

    def board(self, pipe: Any) -> None:
        """Put the one command into a Redis pipeline."""

    def hear(self, reply: object) -> None:
        """What Redis said to the command; an exception when it refused. The run has ended."""

    def go(self) -> None:
        """Go by itself: the run has taken another way. Raises nothing."""


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn Redis's own errors into StoreUnavailable, without the address, which may hold a password."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ReadOnlyError) as error:
        raise StoreUnavailable(f"Redis is not answering ({type(error).__name__}). Please try again shortly.") from error
    except redis.ResponseError as error:
        # It refuses every write while it has no memory (OOM) or no disk (MISCONF) left. A script words it in its own way.
        if not (isinstance(error, redis.exceptions.OutOfMemoryError) or any(code in str(error) for code in ("OOM ", "MISCONF "))):
            raise
        raise StoreUnavailable("Redis takes nothing new at the moment. Please try again shortly.") from error


MAX_DEATHS = 5
GRACE = 3  # times that a follower may miss its end before a queued run is taken for abandoned
GIVEN_UP = events.failure(
    UpstreamError("The workers that took this request died, several times.", code="attempts_exhausted", should_retry=False)
)
RESTARTED = events.pack(events.Restarted())
_request_decoder = msgspec.msgpack.Decoder(RunRequest)


class Runs:
    """The runs of one Redis. Raises StoreUnavailable when Redis does not answer in time."""

    def __init__(self, client: redis.Redis, times: Times) -> None:
        self.redis = client
        self.times = times
        self._scripts = {name: client.register_script(text) for name, text in _script_texts().items()}

    def admit(
        self, plan: Plan, request: RunRequest, follower: str, patience: float, *, now: float, room: bool = True
    ) -> Admission:
        """Get or create the run of a plan. `now` is unix seconds; without `room` nothing new is made.

        Raises Conflict when the Idempotency-Key was used for another body, Overloaded without room.
        """
        key = plan.log_key
        args = [
            follower,
            _ms(self.times.follower),
            int(plan.lookup and key == plan.content_key and plan.max_age is None),
            plan.fingerprint,
            _ms(patience),
            msgspec.msgpack.encode(request),
            events.pack(events.Accepted(now)),
            log_prefix(key),
            int(room),
        ]
        reply = self._run("admit", [run_key(key), followers_key(key), answer_key(key)], args)
        verdict = reply[0].decode()
        if verdict == "DONE":
            return Admission("done", answer=answers.unpack(reply[1]))
        if verdict == "CONFLICT":
            raise Conflict(
                "This Idempotency-Key was used with a different body. Use a new key for a new request.",
                param="Idempotency-Key",
                code="idempotency_key_conflict",
                should_retry=False,
            )
        if verdict == "FULL":
            raise Overloaded("Too many requests are waiting already. Please try again shortly.", retry_after=2)
        return Admission(verdict.lower(), epoch=reply[1].decode())

    def claim(self, key: str, epoch: str, stage: int) -> Claim | None:
        """The right to run a stage, or None: it is done, somebody alive does it, or the message is stale.

        A run for which nobody waits any more is cleared away: a call for it would be money for nothing.
        """
        return self.claim_many([(key, epoch)], stage)[0]

    def claim_many(self, wanted: Sequence[tuple[str, str]], stage: int) -> list[Claim | None]:
        """As `claim`, for several (key, epoch) in one round trip. A claim that Redis refuses does not cost the others theirs."""
        lease, grace = _ms(self.times.lease), _ms(GRACE * self.times.follower)
        calls = [
            ([run_key(k), followers_key(k)], [epoch, stage, lease, log_prefix(k), RESTARTED, k, grace]) for k, epoch in wanted
        ]
        replies = self._pipeline(self._scripts["claim"], calls, partly=True)
        return [_claim(k, epoch, reply) for (k, epoch), reply in zip(wanted, replies, strict=True)]

    def append(self, claim: Claim, new: list[Event], expected: int) -> int:
        """Append events; returns the length of the log, or -1 when the claim is lost.

        `expected` is the length before this write: with it the call can be repeated without writing twice.
        """
        args = [claim.token, _ms(self.times.lease), log_prefix(claim.key), claim.key, expected, *map(events.pack, new)]
        return int(self._run("append", [run_key(claim.key), followers_key(claim.key)], args))

    def finish(
        self,
        claim: Claim,
        new: list[Event],
        *,
        store: Answer | None = None,
        before: Sequence[Rider] = (),
        after: Sequence[Callable[[Any], None]] = (),
    ) -> str:
        """End a run with its last events, an Answered or Failed among them; 'ok' or 'stale'.

        What rides along shares the round trip, and may be carried out more than once: `before` in any case before the
        end, `after` (functions that put one command each into a pipeline) after it, if Redis knows the script already.
        """
        state = "failed" if isinstance(new[-1], events.Failed) else "done"
        # A failure is not remembered under an Idempotency-Key: the same request may then be tried again.
        keep = self.times.idempotency if claim.request.keep and state == "done" else self.times.linger
        return self._end(claim, state, keep, new, store, before, after)

    def abandon(self, claim: Claim) -> str:
        """End a run that nobody follows; 'ok', 'stale', or 'requeue' when somebody has just come."""
        return self._end(claim, "abandoned", self.times.linger, [])

    def _end(
        self,
        claim: Claim,
        state: str,
        keep: float,
        new: list[Event],
        store: Answer | None = None,
        before: Sequence[Rider] = (),
        after: Sequence[Callable[[Any], None]] = (),
    ) -> str:
        packed = answers.pack(store) if store else b""
        head = [claim.token, log_prefix(claim.key), claim.key, state, _ms(keep), packed, _ms(self.times.exact)]
        call = ([run_key(claim.key), followers_key(claim.key), answer_key(claim.key)], [*head, *map(events.pack, new)])
        with redis_errors():
            pipe = self.redis.pipeline(transaction=False)
            for rider in before:
                rider.board(pipe)
            _put(pipe, self._scripts["finish"], *call)
            for command in after:
                command(pipe)
            replies = pipe.execute(raise_on_error=False)
            verdict = _sure(self._scripts["finish"], replies[len(before)], *call)
            if isinstance(verdict, Exception):
                raise verdict
        for rider, reply in zip(before, replies, strict=False):
            rider.hear(reply)
        for reply in replies[len(before) + 1 :]:
            if isinstance(reply, Exception):
                log.warning("not_kept key=%s error=%s", claim.key, type(reply).__name__)
        return str(verdict.decode())

    def advance(self, claim: Claim, stage: int) -> bool:
        """Hand the run on to a stage that another queue works on; False when the claim is lost."""
        return bool(self._run("advance", [run_key(claim.key)], [claim.token, stage]))

    def renew(self, claims: list[Claim]) -> list[Pulse]:
        """One heartbeat for all claims of a process, in one round trip."""
        script = self._scripts["renew"]
        replies = self._pipeline(
            script, [([run_key(c.key), followers_key(c.key)], [c.token, _ms(self.times.lease)]) for c in claims]
        )
        if claims:
            with redis_errors():
                self.redis.set(WORKING_KEY, b"1", px=_ms(self.times.follower))
        return [Pulse(bool(held), followers, left / 1000) for held, followers, left in replies]

    def worked_lately(self) -> bool:
        """Whether any worker has renewed a lease within the last seconds."""
        with redis_errors():
            return bool(self.redis.exists(WORKING_KEY))

    def tend(self, follower: str, watched: list[tuple[str, str]], requeue_after: float) -> list[tuple[str, int]]:
        """One heartbeat for all (key, epoch) that a front end follows: (verdict, length of the log) of each."""
        tail = [MAX_DEATHS, events.pack(GIVEN_UP), _ms(requeue_after), _ms(self.times.linger)]
        calls = [
            ([run_key(k), followers_key(k)], [epoch, follower, _ms(self.times.follower), log_prefix(k), k, *tail])
            for k, epoch in watched
        ]
        return [(verdict.decode(), length) for verdict, length in self._pipeline(self._scripts["tend"], calls)]

    def leave(self, follower: str, key: str) -> None:
        """A front end has no caller left for this run."""
        with redis_errors():
            self.redis.zrem(followers_key(key), follower)

    def read(self, cursors: list[tuple[str, str, int]]) -> list[list[Event]]:
        """The events of several logs, each from its cursor on: (key, epoch, how many were read)."""
        with redis_errors():
            pipe = self.redis.pipeline(transaction=False)
            for key, epoch, cursor in cursors:
                pipe.lrange(log_prefix(key) + epoch, cursor, -1)
            return [[events.unpack(entry) for entry in entries] for entries in pipe.execute()]

    def _run(self, name: str, keys: list[str], args: list[Any]) -> Any:
        with redis_errors():
            return self._scripts[name](keys=keys, args=args)

    def _pipeline(self, script: Script, calls: list[Call], *, partly: bool = False) -> list[Any]:
        """The replies of one script to several calls, in one round trip.

        Raises what Redis refused a call with. With `partly` only when it refused them all; else None stands for those.
        """
        if not calls:
            return []
        with redis_errors():
            pipe = self.redis.pipeline(transaction=False)
            for keys, args in calls:
                _put(pipe, script, keys, args)
            replies = [_sure(script, reply, *call) for reply, call in zip(pipe.execute(raise_on_error=False), calls, strict=True)]
            refused = [reply for reply in replies if isinstance(reply, Exception)]
            if refused and not (partly and len(refused) < len(calls)):
                raise refused[0]
            return [None if isinstance(reply, Exception) else reply for reply in replies]


Call = tuple[list[str], list[Any]]  # keys and arguments of a script


def _put(pipe: Any, script: Script, keys: list[str], args: list[Any]) -> None:
    # redis-py's own way asks Redis first whether it knows the script, which is a round trip for each pipeline.
    pipe.evalsha(script.sha, len(keys), *keys, *args)


def _sure(script: Script, reply: Any, keys: list[str], args: list[Any]) -> Any:
    """A script's reply, from a second call where this Redis did not know the script."""
    return script(keys=keys, args=args) if isinstance(reply, redis.exceptions.NoScriptError) else reply


def _claim(key: str, epoch: str, reply: Any) -> Claim | None:
    if not reply:
        return None
    return Claim(key, epoch, reply[0].decode(), _request_decoder.decode(reply[1]), int(reply[2]) / 1000, reply[3], reply[4])


def _script_texts() -> dict[str, str]:
    """The scripts by name, each with `notify.lua` before it that calls it."""
    folder = files("pipeline.admission") / "scripts"
    texts = {path.name.removesuffix(".lua"): path.read_text() for path in folder.iterdir() if path.name.endswith(".lua")}
    notify = texts.pop("notify")
    return {name: notify + text if "notify(" in text else text for name, text in texts.items()}


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
