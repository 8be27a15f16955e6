"""What is done now and then in the background: learning, forgetting what is over, keeping the bounds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pipeline import errors
from pipeline.cache.guards.courtesy import bare
from pipeline.cache.index import pack
from pipeline.cache.semantic.entries import Entries
from pipeline.cache.semantic.learn import FEWEST, WINDOW, learn
from pipeline.cache.semantic.lookups import KEPT, Lookups
from pipeline.cache.semantic.policy import Policies, first
from pipeline.semantics.embedder import Embedder

log = logging.getLogger(__name__)

REST_S = 2.0
TIDY_EVERY = 30  # rests
GROWTH = 1.1  # of a tenant's lookups or labels, from one learning to the next
OPERATIONS_S = 86400.0
AGAIN_AT_ONCE = 50


class Upkeep:
    """A thread of one worker. Several may do it at once: they come to the same, so that costs time and nothing else.

    `leads` says whether this process shall do it now, `now` is unix seconds.
    """

    def __init__(
        self,
        entries: Entries,
        lookups: Lookups,
        policies: Policies,
        *,
        most_entries: int,
        most_bytes: int,
        embedder: Embedder,
        leads: Callable[[], bool],
        now: Callable[[], float],
        rest: float = REST_S,
    ) -> None:
        self._entries = entries
        self._lookups = lookups
        self._policies = policies
        self._bounds = (most_entries, most_bytes)
        self._embedder = embedder
        self._leads = leads
        self._now = now
        self._rest = rest
        self._known: dict[str, tuple[int, int]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="semantic-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()

    def teach(self) -> None:
        """Learn for each tenant of which enough is new. Raises StoreUnavailable."""
        for tenant, (made, labelled) in self._lookups.growth().items():
            before_made, before_labelled = self._known.get(tenant, (0, 0))
            if made < FEWEST or (made < GROWTH * before_made and labelled < GROWTH * before_labelled):
                continue
            self._known[tenant] = (made, labelled)
            begun = first(tenant, self._policies.of(tenant).budget)
            learned = learn(begun, self._lookups.recent(tenant, WINDOW))
            self._policies.save(learned, self._now())
            log.info(
                "semantic_learned tenant=%s lookups=%d labels=%d threshold=%.3f", tenant, made, labelled, learned.threshold.value
            )

    def embed_again(self) -> None:
        """Give entries of another embedder a vector of this one, some at a time. Raises GatewayError."""
        while not self._stop.is_set() and (entries := self._entries.foreign(self._embedder.name, AGAIN_AT_ONCE)):
            log.info("semantic_entries_embedded_again count=%d embedder=%s", len(entries), self._embedder.name)
            for entry in entries:
                try:
                    self._entries.embedded(entry, self._embedder.name, pack(self._embedder.embed(bare(entry.text))))
                except ValueError:  # too long for this one
                    self._entries.remove_seqs([entry.seq])

    def tidy(self) -> None:
        """Forget what is over and what is over the bounds. Raises StoreUnavailable."""
        while self._entries.expire():
            pass
        evicted = self._entries.evict(*self._bounds)
        if evicted:
            log.info("semantic_entries_evicted count=%d", evicted)
        self._entries.forget_operations(self._now() - OPERATIONS_S)
        for tenant, (made, _) in self._lookups.growth().items():
            if made > 1.2 * KEPT:
                self._lookups.trim(tenant)
                self._known.pop(tenant, None)

    def _run(self) -> None:
        rests = 0
        while not self._stop.wait(self._rest):
            rests += 1
            try:
                if not self._leads():
                    continue
                self.teach()
                self.embed_again()
                if rests % TIDY_EVERY == 0:
                    self.tidy()
            except errors.GatewayError:
                continue
            except Exception:  # the next round may succeed, and nobody else does this work
                log.exception("semantic_upkeep_failed")
