"""Which strategies are on: for everybody, and for one tenant, changed at run time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Engine, select

from pipeline import errors, ids
from pipeline.storage.ahead import Errands
from pipeline.storage.engine import reading, writing
from pipeline.storage.tables import Switch
from pipeline.storage.upsert import insert_into

STRATEGIES = (
    "adaptive_cache",
    "query_decomposition",
    "prompt_optimization",
    "confidence_scoring",
    "request_deduplication",
    "consensus",
    "routing",
    "micro_memory",
    "proofs",
)
IMPLEMENTED = frozenset({"adaptive_cache", "micro_memory", "prompt_optimization", "query_decomposition", "request_deduplication"})
ON_REQUEST = frozenset({"micro_memory"})  # where nothing is set, it is off, but for requests that ask for it

FRESH_S = 1.0
RETRY_S = 5.0
AHEAD_S = FRESH_S / 2  # when half of the second is over, it is time to read again
POKE_S = FRESH_S / 8  # and not to be told so by each request until they are read
GLOBAL = ""

Table = Mapping[tuple[str, str], bool]  # (scope, strategy) -> enabled


class Switchboard:
    """The switches of one database, read at most once a second by each process.

    A change is in force here at once and everywhere within a second. While the database is down, what was read last
    stays in force; before anything was read, the defaults are; it is asked again every five seconds, by one thread.
    `clock` is a monotonic clock in seconds.

    Whoever has decided something by the switches can go on without asking again for as long as `version` is what it was
    before he asked, and the clock is below `good_until`: `version` grows when any switch really changes. From `stale_at`
    on he should call `refresh`, so that `good_until` is moved on before it is reached. Only this class writes the three.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._table: Table = {}
        self._read_once = False
        self.version = 0
        self.good_until = float("-inf")
        self.stale_at = float("-inf")
        # Changes made here, and how many of them the last reading must have seen. The lock is for these and the two above.
        self._changes = 0
        self._changes_read = 0
        self._deciding = threading.Lock()
        self._reading = threading.Lock()
        self._errands = Errands("switches-ahead")

    def enabled(self, strategy: str, tenant: str) -> bool:
        """Whether a strategy works for a tenant: its own setting, else the global one, else on, or off if it works on request.

        A strategy that this version does not have is always off. Raises errors.BadRequest for an unknown name.
        """
        _check_name(strategy)
        return _look_up(self._current(), strategy, tenant)[0]

    def set_to(self, strategy: str, tenant: str) -> bool | None:
        """What was set for a tenant, or for everybody; None where nothing was."""
        _check_name(strategy)
        enabled, scope = _look_up(self._current(), strategy, tenant)
        return None if scope == "default" else enabled

    def status(self, tenant: str) -> dict[str, dict[str, Any]]:
        """Per strategy: is it on for this tenant, does this version have it, and who decided (default, global, tenant)."""
        table = self._current()
        states = ((strategy, *_look_up(table, strategy, tenant)) for strategy in STRATEGIES)
        return {
            strategy: {"enabled": enabled, "implemented": strategy in IMPLEMENTED, "scope": scope}
            for strategy, enabled, scope in states
        }

    def set(self, strategy: str, enabled: bool, tenant: str | None = None) -> None:
        """Switches a strategy for one tenant, or for everybody who has no setting of his own (tenant None).

        Raises errors.BadRequest for an unknown strategy, or for switching on one that this version does not have;
        errors.StoreUnavailable when the database is down.
        """
        _check_name(strategy)
        if enabled and strategy not in IMPLEMENTED:
            raise errors.BadRequest(
                f"The strategy {strategy!r} is not available in this version.", param="strategy", code="strategy_not_available"
            )
        row = {"scope": tenant or GLOBAL, "strategy": strategy, "enabled": enabled, "updated_at": ids.utc_now()}
        with writing(self._engine) as connection:
            new = insert_into(connection, Switch).values(row)
            change = {"enabled": new.excluded.enabled, "updated_at": new.excluded.updated_at}
            connection.execute(new.on_conflict_do_update(index_elements=["scope", "strategy"], set_=change))
        # A reading which began before this change cannot declare itself up to date after it.
        with self._deciding:
            self._changes += 1
            self.good_until = self.stale_at = float("-inf")

    def refresh(self) -> None:
        """Read the switches again in the background, if it is time to. Any thread; returns at once."""
        now, good_until = self._clock(), self.good_until
        if now < self.stale_at:
            return
        with self._deciding:
            self.stale_at = now + POKE_S
        self._errands.run("switches", lambda: self._read_ahead(good_until))

    def _read_ahead(self, seen: float) -> None:
        with self._reading:
            if self.good_until == seen:  # else somebody has read them since
                self._read()

    def _current(self) -> Table:
        if self._is_fresh():
            return self._table
        # While one thread asks, the others go on with what was read last instead of queueing up behind it; but not if
        # there was a change here since, because that shall be in force at once.
        if self._reading.acquire(blocking=not self._read_once or self._changes != self._changes_read):
            try:
                if not self._is_fresh():
                    self._read()
            finally:
                self._reading.release()
        return self._table

    def _is_fresh(self) -> bool:
        return self._clock() < self.good_until

    def _read(self) -> None:
        now, changes = self._clock(), self._changes
        try:
            with reading(self._engine) as connection:
                rows = connection.execute(select(Switch.scope, Switch.strategy, Switch.enabled)).all()
            table = {(scope, strategy): enabled for scope, strategy, enabled in rows}
            if table != self._table:
                # In this order: who notes the version and then looks up cannot take the old table for the new version.
                self._table = table
                self.version += 1
            next_read = now + FRESH_S
        except errors.StoreUnavailable:
            next_read = self._clock() + RETRY_S
        self._read_once = True
        with self._deciding:
            self._changes_read = changes
            if changes == self._changes:
                self.good_until = next_read
                self.stale_at = next_read - FRESH_S + AHEAD_S


def _check_name(strategy: str) -> None:
    if strategy not in STRATEGIES:
        raise errors.BadRequest(
            f"There is no strategy {strategy!r}. The strategies are: {', '.join(STRATEGIES)}.",
            param="strategy",
            code="unknown_strategy",
        )


def _look_up(table: Table, strategy: str, tenant: str) -> tuple[bool, str]:
    available = strategy in IMPLEMENTED
    for scope, label in ((tenant, "tenant"), (GLOBAL, "global")):
        enabled = table.get((scope, strategy))
        if enabled is not None:
            return enabled and available, label
    return available and strategy not in ON_REQUEST, "default"
