"""The composition root: every part of the gateway is put together here, and nowhere else."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

import redis
from sqlalchemy import Engine

from pipeline import ids
from pipeline.admission.follow import Follower
from pipeline.admission.leases import LeaseKeeper
from pipeline.admission.runs import Runs, Times
from pipeline.billing import Bill
from pipeline.cache.exact import ExactCache
from pipeline.cache.hot import HotTable
from pipeline.cache.keep import keep, why_not_stored
from pipeline.cache.semantic.parts import SemanticParts, secret_of
from pipeline.cache.tracking import Tracker
from pipeline.canary import Canary
from pipeline.chain import Ask, Chain, Stage, State
from pipeline.door import Door, Limits
from pipeline.earns import Earns
from pipeline.errors import Overloaded
from pipeline.feedback import Feedback
from pipeline.ledger.analytics import Analytics
from pipeline.ledger.events import CallEvent, RequestEvent
from pipeline.ledger.lease import Lease
from pipeline.ledger.stream import BufferedLedger, LedgerStream
from pipeline.ledger.writer import LedgerWriter
from pipeline.recent import Recent
from pipeline.redis_client import connect
from pipeline.reload import ModelReload
from pipeline.runner import Runner
from pipeline.settings import Settings, environment
from pipeline.stages.call import aside, asking, call
from pipeline.stages.embed import embed
from pipeline.stages.lookup import lookup
from pipeline.stages.meaning import learn, meaning
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.engine import create_engine
from pipeline.storage.keys import KeyStore
from pipeline.storage.switches import Switchboard
from pipeline.upstream.breaker import Breakers
from pipeline.upstream.caller import Upstreams
from pipeline.upstream.client import HttpUpstream
from pipeline.upstream.pricing import Price
from pipeline.upstream.retry import RetryPolicy
from pipeline.upstream.simulator import SimSettings, Simulator
from pipeline.upstream.table import TableHolder, load_table
from pipeline.upstream.tokens import count_tokens

if TYPE_CHECKING:
    # What is off is not imported: the rules of these take as long, and as much memory, as half of all the rest.
    from pipeline.composite.beside import Beside
    from pipeline.composite.compose import Composer
    from pipeline.memory.history import Shape
    from pipeline.memory.memory import Memory
    from pipeline.memory.store import MemoryStore
    from pipeline.optimise.count import Counter
    from pipeline.remembering import Remembering

log = logging.getLogger(__name__)

# Ledger events that a process keeps while Redis does not take them, each hit counted.
MAX_UNWRITTEN = 150_000

# A string, the id of the process that does the semantic cache's upkeep (see ledger/lease.py); it only saves work.
SEMANTIC_LEASE = "leo:semantic:upkeep"

NOTES_TOKENS = 60  # of notes that may go with any prompt, however short

# Web: callers share these for admission; two more serve all who wait (see admission/follow.py).
CONNECTIONS = {"web": 10, "worker": 24, "ledger": 4, "cli": 2}


class Queue(Protocol):
    """What the front end needs of the queue; `workers.submit.Submitter` is one."""

    def submit(self, key: str, epoch: str, stage: int) -> None: ...

    def submit_soon(self, key: str, epoch: str, stage: int) -> None: ...

    def close(self) -> None: ...

    def room(self) -> bool: ...

    def empty(self) -> bool: ...


class Gateway:
    """The parts of one process, each made when it is first used. `role` is web, worker, ledger or cli."""

    def __init__(self, settings: Settings, role: str, environ: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.role = role
        self.id = ids.process_id(role)
        self._environ = environment(os.environ) if environ is None else environ
        self._closers: list[Callable[[], None]] = []
        self._queue: Queue | None = None

    def close(self) -> None:
        for closer in reversed(self._closers):
            closer()

    @cached_property
    def redis(self) -> redis.Redis:
        return connect(self.settings.redis, timeout=self.settings.redis_timeout_s, connections=CONNECTIONS[self.role])

    @cached_property
    def engine(self) -> Engine:
        return create_engine(self.settings.database)

    # --- runs ---

    @cached_property
    def runs(self) -> Runs:
        s = self.settings
        times = Times(
            lease=s.lease_s, follower=s.follower_ttl_s, linger=s.linger_s, exact=s.exact_ttl_s, idempotency=s.idempotency_ttl_s
        )
        return Runs(self.redis, times)

    def open_door(self, queue: Queue) -> Door:
        """The front end's way in. Call it once a process."""
        s = self.settings
        follower = Follower(self.runs, queue.submit, queue.empty, id=self.id, beat=s.heartbeat_s)
        self._closers += [queue.close, follower.close]
        limits = Limits(deadline=s.deadline_s, max_deadline=s.max_deadline_s, waiting=s.max_waiting)
        backlog = Recent(self.ledger_stream.backlog, forgive=(redis.RedisError,))
        # A request that could not be accounted for is not taken.
        return Door(
            self.runs,
            self.cache,
            follower,
            queue.submit_soon,
            lambda: queue.room() and backlog.value() < s.max_ledger_backlog,
            limits,
        )

    @cached_property
    def cache(self) -> ExactCache:
        return ExactCache(self.redis, self.settings.exact_ttl_s, ids.unix_now)

    @cached_property
    def hot_table(self) -> HotTable:
        return HotTable(self.settings.hot_cache_mb * 2**20)

    @cached_property
    def tracker(self) -> Tracker:
        tracker = Tracker(self.settings.redis, self.hot_table, timeout=self.settings.redis_timeout_s)
        self._closers.append(tracker.close)
        return tracker

    @cached_property
    def semantic(self) -> SemanticParts:
        lease = Lease(self.redis, self.id, SEMANTIC_LEASE)

        def leads() -> bool:
            try:
                return lease.hold()
            except redis.RedisError:
                return False

        parts = SemanticParts(
            self.settings,
            lambda: self.engine,
            leads,
            embed(self.settings.semantic_embedder, lambda: self.upstreams, self.record_call),
        )
        self._closers.append(parts.close)
        return parts

    @cached_property
    def memory_store(self) -> MemoryStore:
        from pipeline.memory.store import MemoryStore

        return MemoryStore(self.engine, secret_of(self.settings), ids.unix_now)

    @cached_property
    def remembering(self) -> Remembering:
        from pipeline.memory.items import new_id
        from pipeline.memory.memory import Memory
        from pipeline.memory.select import Budget
        from pipeline.remembering import Remembering

        def make(shape: Shape) -> Memory:
            return Memory(self.memory_store, count_tokens, ids.unix_now, new_id, budget=Budget(least=NOTES_TOKENS), shape=shape)

        return Remembering(make, self._price)

    @cached_property
    def feedback(self) -> Feedback:
        return Feedback(self.engine, self.cache, self.semantic)

    def _price(self, model: str) -> Price | None:
        return self.tables.current.resolve(model).price

    @cached_property
    def _ask(self) -> Ask:
        return asking(self.upstreams, self.record_call, self._bill)

    @cached_property
    def _counter(self) -> Counter:
        from pipeline.optimise.count import Counter

        return Counter()

    @cached_property
    def _composer(self) -> Composer:
        from pipeline.composite.compose import Composer
        from pipeline.composite.known import Finder, Recurring

        return Composer(
            Finder(self.cache, self.semantic.cache),
            Recurring(self.redis, self.settings.exact_ttl_s),
            self._ask,
            self._counter,
            self._price,
            self.settings.decomposition_calls,
            lambda: self._beside,
        )

    def use(self, queue: Queue) -> None:
        """Where a worker puts the runs that it makes itself."""
        self._queue = queue

    @cached_property
    def _beside(self) -> Beside | None:
        if self.settings.decomposition != "parallel" or self._queue is None:
            return None
        from pipeline.composite.beside import Beside

        queue = self._queue
        follower = Follower(self.runs, queue.submit, queue.empty, id=self.id, beat=self.settings.heartbeat_s)
        self._closers.append(follower.close)
        return Beside(self.runs, self.runner, queue.submit, follower)

    def _shortening(self) -> list[Stage]:
        """Those of the two stages that are on."""
        tiers, found = self.settings.prompt_optimization, []
        if self.settings.decomposition != "off":
            from pipeline.stages.decompose import decompose

            found.append(Stage("decompose", decompose(self._composer, Earns()), queue="upstream", optional=True))
        if tiers != "off":
            from pipeline.stages.optimise import TIERS, optimise

            found.append(Stage("optimise", optimise(TIERS[tiers], self._counter, self._price), optional=True))
        return found

    @cached_property
    def chain(self) -> Chain:
        """To add a stage: one function in pipeline/stages/, one line here."""
        s = self.settings
        return Chain(
            (
                Stage("lookup", lookup(self.cache)),
                Stage("meaning", meaning(self.semantic.cache), optional=True),
                *self._shortening(),
                Stage("call", call(self._ask), queue="upstream"),
                Stage(
                    "learn",
                    learn(
                        self.semantic.loaded, aside(self.upstreams, self.record_call), s.semantic_judge_model, s.max_answer_bytes
                    ),
                    after_answer=True,
                ),
            )
        )

    @cached_property
    def runner(self) -> Runner:
        keeper = LeaseKeeper(self.runs, self.settings.heartbeat_s)
        self._closers.append(keeper.close)
        kept = partial(keep, self.cache)
        return Runner(self.runs, self.chain, keeper, self._why_not_stored, self.settings.max_deadline_s, kept)

    def _why_not_stored(self, state: State) -> str | None:
        assert state.answer is not None
        if state.treatment and not state.treatment.fresh:
            return "composed"  # of stored answers: a copy would outlive them
        return why_not_stored(state.request, state.answer, self.settings.max_answer_bytes)

    @cached_property
    def canary(self) -> Canary:
        return Canary(self.redis)

    # --- upstreams ---

    @cached_property
    def tables(self) -> TableHolder:
        return TableHolder(lambda: load_table(self.settings.models_path, self.settings, self._environ))

    @cached_property
    def model_reload(self) -> ModelReload:
        reload = ModelReload(self.redis, self.tables)
        self._closers.append(reload.close)
        return reload

    @cached_property
    def upstreams(self) -> Upstreams:
        s = self.settings
        http = HttpUpstream(max_answer_bytes=s.max_answer_bytes, concurrency=s.upstream_concurrency)
        self._closers.append(http.close)
        return Upstreams(
            self.tables,
            http,
            Simulator(SimSettings.of(s)),
            Breakers(failures=s.breaker_failures, reset_s=s.breaker_reset_s),
            RetryPolicy(random.uniform, max_attempts=s.max_attempts),
        )

    # --- the ledger ---

    @cached_property
    def ledger_stream(self) -> LedgerStream:
        return LedgerStream(self.redis, self.settings.max_ledger_backlog)

    @cached_property
    def ledger_buffer(self) -> BufferedLedger:
        buffer = BufferedLedger(self.ledger_stream, max_buffer=MAX_UNWRITTEN)
        self._closers.append(buffer.close)
        return buffer

    def record_call(self, event: CallEvent) -> None:
        """A call costs money, so its event is in Redis before the answer is."""
        self._record_now(event)

    def _bill(self, event: CallEvent) -> Bill:
        return Bill(event, self.ledger_stream, self.record_call)

    def record_request(self, event: RequestEvent) -> None:
        """A hit's event leaves within the buffer's flush interval; all others are in Redis before their answer is out."""
        if event.cache == "exact":
            self.ledger_buffer.add(event)
        else:
            self._record_now(event)

    def commit_request(self, event: RequestEvent, done: Callable[[bool], None]) -> None:
        """As `record_request`, without waiting: `done` is called when the event may be counted on."""
        if event.cache == "exact":
            self.ledger_buffer.add(event)
            done(True)
        else:
            self.ledger_buffer.commit(event, done)

    def _record_now(self, event: CallEvent | RequestEvent) -> None:
        try:
            self.ledger_stream.append(event)
        except (redis.RedisError, Overloaded):
            self.ledger_buffer.add(event)  # it tries again until Redis is back

    @cached_property
    def ledger_writer(self) -> LedgerWriter:
        return LedgerWriter(self.redis, self.engine)

    @cached_property
    def analytics(self) -> Analytics:
        return Analytics(self.engine)

    # --- who may do what ---

    @cached_property
    def keys(self) -> KeyStore:
        return KeyStore(self.engine)

    @cached_property
    def authenticator(self) -> Authenticator:
        return Authenticator(self.keys, self.settings)

    @cached_property
    def switches(self) -> Switchboard:
        return Switchboard(self.engine)
