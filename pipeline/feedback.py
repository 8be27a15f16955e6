"""What people say of a stored answer. Every word is kept, and a wrong answer is not served to them again.

An answer that was found by meaning and is shared by a tenant's keys has been confirmed by one who did not write it. One
voice against it takes it back from all but its author; a second one, or its author's, revokes it: so nobody can empty the
cache of others alone. A voice is a key, however often it speaks up about the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.orm import Session

from pipeline.cache.exact import ExactCache
from pipeline.cache.semantic.entries import Entry
from pipeline.cache.semantic.parts import SemanticParts
from pipeline.cache.semantic.states import PROBATION, REVOKED, SHARED
from pipeline.ids import utc_now
from pipeline.storage.engine import storage_errors
from pipeline.storage.tables import Feedback as Row

ENOUGH_VOICES = 2
SAID, SAID_BY_AUTHOR = 0.3, 1.0  # how much a caller is believed when the threshold is learned
MARKED = 0.001  # against the entry itself: more would take it from its author as well, on the word of one other key


class Feedback:
    """`voices`: keys that it takes to revoke what another key has stored. Raises StoreUnavailable."""

    def __init__(self, engine: Engine, cache: ExactCache, semantic: SemanticParts, voices: int = ENOUGH_VOICES) -> None:
        self._engine = engine
        self._cache = cache
        self._semantic = semantic
        self._enough = voices

    def find(self, tenant: str, author: str, answer_text: str) -> list[str]:
        """Ids of the tenant's stored answers with exactly this text, as far as this key may see them."""
        found = [*self._cache.find(tenant, answer_text), *self._semantic.entries.find_by_answer(tenant, answer_text, author)]
        return list(dict.fromkeys(found))

    def give(self, tenant: str, author: str, keys: Sequence[str], *, is_correct: bool) -> list[str]:
        """Take feedback on stored answers by their ids; the ids of those that are this tenant's. `author` is who says it."""
        exact = {key for key in keys if (found := self._cache.get(key)) and found.tenant == tenant}
        entries = {key: entry for key in keys if (entry := self._entry(tenant, author, key, key in exact))}
        known = [key for key in keys if key in exact or key in entries]
        heard = {key for key, entry in entries.items() if self._heard(tenant, author, entry, is_correct)}
        with storage_errors(), Session(self._engine) as session:
            session.add_all(
                Row(tenant_id=tenant, entry_id=key, is_correct=is_correct, created_at=utc_now(), author=author) for key in known
            )
            session.commit()
        unknown = [key for key in known if key not in entries]
        if unknown and not is_correct:
            self._semantic.entries.revoke(tenant, unknown)
        for key in known:
            if not is_correct:
                self._cache.forget(tenant, key)
        for key, entry in entries.items():
            if key not in heard:
                weight = SAID_BY_AUTHOR if author == entry.author else SAID
                moves = MARKED if author != entry.author and not is_correct else weight
                self._semantic.heard(tenant, entry, is_correct=is_correct, weight=weight, moves=moves)
            if not is_correct:
                self._take_back(tenant, author, entry)
        return known

    def _entry(self, tenant: str, author: str, key: str, exact: bool) -> Entry | None:
        """The entry, if this key may get it, or has got it: as an exact answer, or before it went back on probation."""
        found = self._semantic.entries.find(tenant, key)
        if found is None or found.state == REVOKED:
            return None
        known = exact or found.state == SHARED or found.author == author or self._semantic.lookups.served(tenant, author, key)
        return found if known else None

    def _take_back(self, tenant: str, author: str, entry: Entry) -> None:
        """What follows from a voice against an entry. Also from one that is repeated: the first may have been cut short."""
        if author == entry.author or self._voices(tenant, entry) >= self._enough:
            self._semantic.entries.revoke(tenant, [entry.id])
        elif entry.state == SHARED:
            self._semantic.entries.move(entry, PROBATION)

    def _voices(self, tenant: str, entry: Entry) -> int:
        """How many keys have said that this answer is wrong."""
        query = select(func.count(func.distinct(Row.author))).where(*_about(tenant, entry), Row.is_correct.is_(False))
        with storage_errors(), Session(self._engine) as session:
            return int(session.execute(query).scalar_one())

    def _heard(self, tenant: str, author: str, entry: Entry, is_correct: bool) -> bool:
        """Whether this key has said the same before: a voice that is repeated counts once."""
        query = select(Row.id).where(*_about(tenant, entry), Row.author == author, Row.is_correct.is_(is_correct)).limit(1)
        with storage_errors(), Session(self._engine) as session:
            return session.execute(query).first() is not None


def _about(tenant: str, entry: Entry) -> tuple[ColumnElement[bool], ...]:
    """What was said of this answer, and not of one that stood under its id before."""
    since = datetime.fromtimestamp(entry.created_at, UTC)
    return Row.tenant_id == tenant, Row.entry_id == entry.id, Row.created_at >= since
