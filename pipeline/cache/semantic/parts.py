"""The semantic cache of one process, put together from the settings. The model is loaded when it is first needed."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from pipeline import errors, ids
from pipeline.cache.semantic.entries import Entries, Entry
from pipeline.settings import Settings, SettingsError
from pipeline.storage import vectors
from pipeline.storage.engine import writing

# What needs numpy is imported when it is used: front ends, and workers that are never asked, do without 100 MB.
if TYPE_CHECKING:
    from pipeline.cache.semantic.cache import SemanticCache
    from pipeline.cache.semantic.lookups import Lookups
    from pipeline.cache.semantic.mirror import Mirror
    from pipeline.cache.semantic.pgvector import PgVector
    from pipeline.cache.semantic.policy import Policies
    from pipeline.semantics.embedder import Embedder

log = logging.getLogger(__name__)

LOADING_S = 10.0
AGAIN_S = 60.0  # after it could not be loaded, until it is tried again
KEY_FILE = "secret.key"


class SemanticParts:
    """Each part is made when it is first used. `leads` says whether this process does the upkeep now, `ask_embedder` sends an
    embeddings request to the provider's model, where the settings name one.
    """

    def __init__(
        self, settings: Settings, engine: Callable[[], Engine], leads: Callable[[], bool], ask_embedder: Callable[[bytes], bytes]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._leads = leads
        self._ask_embedder = ask_embedder
        self._cache: SemanticCache | None = None
        self._loading: threading.Thread | None = None
        self._again_at = float("inf")  # monotonic; when it may be tried again after it could not be loaded
        self._lock = threading.Lock()
        self._closers: list[Callable[[], None]] = []
        self._closed = False

    @cached_property
    def entries(self) -> Entries:
        return Entries(self._engine(), secret_of(self._settings), ids.unix_now)

    @cached_property
    def lookups(self) -> Lookups:
        from pipeline.cache.semantic.lookups import Lookups
        from pipeline.semantics.features import NAMES

        return Lookups(self._engine(), len(NAMES))

    @cached_property
    def policies(self) -> Policies:
        from pipeline.cache.semantic.policy import Policies

        return Policies(self._engine(), self._settings.semantic_budget)

    def check(self) -> None:
        """Raises SettingsError when the settings ask for pgvector and it is not there. A database that is away says nothing."""
        if self._settings.semantic_cache and self._settings.semantic_index == "pgvector":
            with contextlib.suppress(errors.StoreUnavailable):
                self._by_pgvector()

    def cache(self) -> SemanticCache | None:
        """The cache; None while it is being loaded, which the first call begins, or when it is switched off."""
        if self._cache is None and self._settings.semantic_cache:
            with self._lock:
                due = self._loading is None or (not self._loading.is_alive() and time.monotonic() >= self._again_at)
                if due and not self._closed:
                    self._loading = threading.Thread(target=self._load, name="semantic-load", daemon=True)
                    self._loading.start()
        return self._cache

    def loaded(self) -> SemanticCache | None:
        """The cache, waited for: for whoever has time, since its caller was answered already."""
        self.cache()
        if self._loading is not None:
            self._loading.join(LOADING_S)
        return self._cache

    def stats(self, tenant: str) -> dict[str, Any]:
        """What a tenant has stored for answers by meaning, by what rule it is served, and how often that was wrong."""
        from pipeline.cache.semantic.threshold import interval

        policy, held, measured = self.policies.of(tenant), self.entries.held(tenant), self.lookups.measured(tenant)
        rate = measured.wrong / measured.audits if measured.audits else None
        low, high = interval(rate or 0.0, measured.audits)
        served = measured.hits / measured.lookups if measured.lookups else 0.0
        return {
            "semantic_enabled": self._settings.semantic_cache,
            "semantic_entries": held.entries,
            "semantic_bytes": held.bytes,
            "semantic_entries_by_state": held.by_state,
            "semantic_removed_last_day": held.removed,
            "thresholds": {"semantic": policy.threshold.value},
            "budget": policy.budget,
            "expected_wrong_per_request": policy.threshold.served * policy.threshold.wrong,
            "expected_wrong_per_request_upper": policy.threshold.risk,
            "semantic_lookups": measured.lookups,
            "semantic_hits_of_lookups": measured.hits,
            "audits": measured.audits,
            "wrong_hit_rate": rate,
            "wrong_hit_rate_interval": [low, high] if measured.audits else None,
            "wrong_per_request": None if rate is None else rate * served,
            "wrong_per_request_upper": high * served if measured.audits else None,
            "labels": measured.labels,
        }

    def heard(self, tenant: str, entry: Entry, *, is_correct: bool, weight: float, moves: float) -> None:
        """A caller has said whether an entry's answer was right, the last time that it was served. `weight` is how much that is
        believed where the threshold is learned, `moves` how much it counts for or against this entry.
        """
        from pipeline.cache.semantic.lookups import FEEDBACK, Verdict

        right = float(is_correct)
        self.entries.judged(entry.seq, right * moves, (1 - right) * moves)
        lookup = self.lookups.last_of(tenant, entry.id)
        if lookup:
            self.lookups.judge([Verdict(lookup=lookup, label=right, weight=weight, source=FEEDBACK)])

    def close(self) -> None:
        """What is being loaded is waited for: the threads that it starts would outlive all else."""
        with self._lock:
            self._closed = True
        if self._loading is not None:
            self._loading.join(LOADING_S)
        for closer in reversed(self._closers):
            closer()

    def _load(self) -> None:
        try:
            self._cache = self._build()
        except Exception as error:
            log.exception("semantic_cache_not_loaded reason=%s: requests go on without it, and it is tried again", error)
            self._again_at = time.monotonic() + AGAIN_S

    def _by_pgvector(self) -> bool:
        """Whether the nearest questions are searched in PostgreSQL. Raises SettingsError, StoreUnavailable."""
        wanted, engine = self._settings.semantic_index, self._engine()
        if wanted == "memory" or (wanted == "auto" and engine.dialect.name == "sqlite"):
            return False
        with writing(engine) as connection:
            why_not = vectors.create(connection)
        if why_not and wanted == "pgvector":
            raise SettingsError(f"LEO_SEMANTIC_INDEX is pgvector, but {why_not}. Or set it to 'auto'.")
        if why_not:
            log.warning("semantic_index_in_memory reason=%s", why_not)
        return why_not is None

    def _begin_pgvector(self, embedder: Embedder) -> PgVector:
        from pipeline.cache.semantic.pgvector import PgVector

        index = PgVector(self._engine(), self.entries, embedder.name, embedder.dimensions)
        index.start()
        self._closers.append(index.close)
        return index

    def _begin_mirror(self, embedder: Embedder) -> Mirror:
        from pipeline.cache.semantic.mirror import Mirror
        from pipeline.cache.semantic.snapshot import FOLDER, Keeper, Snapshots

        snapshots = Snapshots(self._settings.home_path / FOLDER, self.entries, embedder.name, embedder.dimensions)
        mirror = Mirror(self.entries, embedder.name, embedder.dimensions, snapshots=snapshots)
        mirror.start()
        keeper = Keeper(snapshots, mirror.state, self._leads, ids.unix_now)
        keeper.start()
        self._closers += [keeper.close, mirror.close]
        return mirror

    def _build(self) -> SemanticCache:
        from pipeline.cache.semantic.cache import SemanticCache, Terms
        from pipeline.cache.semantic.journal import Journal
        from pipeline.cache.semantic.match import Matcher
        from pipeline.cache.semantic.upkeep import Upkeep
        from pipeline.semantics.embedder import Remembering
        from pipeline.semantics.minilm import MiniLm
        from pipeline.semantics.provider import ProviderEmbedder
        from pipeline.semantics.verifier import Verifier
        from pipeline.semantics.wordpiece import WordPiece

        s = self._settings
        tokenizer = WordPiece.load()
        chosen = ProviderEmbedder(s.semantic_embedder, self._ask_embedder) if s.semantic_embedder else MiniLm(tokenizer)
        embedder, matcher = Remembering(chosen), Matcher(Verifier(tokenizer))
        begin = self._begin_pgvector if self._by_pgvector() else self._begin_mirror
        # From here on nothing can fail, so no thread is left behind by a load that did.
        index = begin(embedder)
        journal = Journal(self.entries, self.lookups, index.hurry)
        upkeep = Upkeep(
            self.entries,
            self.lookups,
            self.policies,
            most_entries=s.semantic_max_entries,
            most_bytes=s.semantic_max_mb * 2**20,
            embedder=embedder,
            leads=self._leads,
            now=ids.unix_now,
        )
        upkeep.start()
        self._closers += [journal.close, upkeep.close]
        terms = Terms(
            ttl=s.semantic_ttl_s,
            changing_ttl=s.semantic_changing_ttl_s,
            audits=s.semantic_audits,
            shared=s.semantic_sharing == "tenant",
        )
        return SemanticCache(
            embedder,
            index,
            self.entries,
            matcher,
            self.policies,
            journal,
            terms,
            ids=ids.lookup_id,
            now=ids.unix_now,
        )


def secret_of(settings: Settings) -> bytes:
    """What seals stored answers and encrypts notes: the setting, or a file that is made once. Of two that make it, one wins."""
    if settings.secret_key:
        return settings.secret_key.encode()
    path = settings.home_path / KEY_FILE
    if not path.exists():
        _make(path)
    return path.read_bytes()


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(secrets.token_hex(32).encode())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
