"""What people say of a stored answer. Every word is kept, and a wrong answer is not served to them again.

An answer that was found by meaning and is shared by a tenant's keys has been confirmed by one who did not write it. One
voice against it takes it back from all but its author; a second one, or its author's, removes it: so nobody can empty the
cache of others alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from pipeline.cache.exact import ExactCache
from pipeline.cache.semantic.entries import PROBATION, Entry
from pipeline.cache.semantic.parts import SemanticParts
from pipeline.ids import utc_now
from pipeline.storage.engine import storage_errors
from pipeline.storage.tables import Feedback as Row

ENOUGH_VOICES = 2
SAID, SAID_BY_AUTHOR = 0.3, 1.0  # how much a caller is believed when the threshold is learned


class Feedback:
    def __init__(self, engine: Engine, cache: ExactCache, semantic: SemanticParts) -> None:
        self._engine = engine
        self._cache = cache
        self._semantic = semantic

    def find(self, tenant: str, author: str, answer_text: str) -> list[str]:
        """Ids of the tenant's stored answers with exactly this text, as far as this key may see them."""
        found = [*self._cache.find(tenant, answer_text), *self._semantic.entries.find_by_answer(tenant, answer_text, author)]
        return list(dict.fromkeys(found))

    def give(self, tenant: str, author: str, keys: Sequence[str], *, is_correct: bool) -> list[str]:
        """Take feedback on stored answers by their ids; the ids of those that are this tenant's. `author` is who says it."""
        exact = {key for key in keys if (found := self._cache.get(key)) and found.tenant == tenant}
        entries = {key: entry for key in keys if (entry := self._semantic.entries.find(tenant, key, author))}
        known = [key for key in keys if key in exact or key in entries]
        with storage_errors(), Session(self._engine) as session:
            session.add_all(
                Row(tenant_id=tenant, entry_id=key, is_correct=is_correct, created_at=utc_now(), author=author) for key in known
            )
            session.commit()
        unknown = [key for key in known if key not in entries]
        if unknown and not is_correct:
            self._semantic.entries.refuse(tenant, unknown)
        for key in known:
            if not is_correct:
                self._cache.forget(tenant, key)
            if key in entries:
                self._judge(tenant, author, entries[key], is_correct)
        return known

    def _judge(self, tenant: str, author: str, entry: Entry, is_correct: bool) -> None:
        """Learn from what was said of an entry, and do with it what follows."""
        self._semantic.heard(tenant, entry, is_correct=is_correct, weight=SAID_BY_AUTHOR if author == entry.author else SAID)
        if is_correct:
            return
        if author == entry.author or self._voices(tenant, entry.id) >= ENOUGH_VOICES:
            self._semantic.entries.remove(tenant, [entry.id])
        else:
            self._semantic.entries.move(entry.seq, PROBATION)

    def _voices(self, tenant: str, entry_id: str) -> int:
        """How many keys have said that this answer is wrong."""
        query = select(func.count(func.distinct(Row.author))).where(
            Row.tenant_id == tenant, Row.entry_id == entry_id, Row.is_correct.is_(False)
        )
        with storage_errors(), Session(self._engine) as session:
            return int(session.execute(query).scalar_one())
