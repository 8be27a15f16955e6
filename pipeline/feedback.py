"""What people say of a stored answer. A wrong one is removed at once; every word is kept."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pipeline.cache.exact import ExactCache
from pipeline.ids import utc_now
from pipeline.storage.engine import storage_errors
from pipeline.storage.tables import Feedback as Row


class Feedback:
    def __init__(self, engine: Engine, cache: ExactCache) -> None:
        self._engine = engine
        self._cache = cache

    def give(self, tenant: str, keys: list[str], *, is_correct: bool) -> list[str]:
        """Take feedback on stored answers; the keys of those that are this tenant's."""
        known = [key for key in keys if (found := self._cache.get(key)) and found.tenant == tenant]
        with storage_errors(), Session(self._engine) as session:
            session.add_all(Row(tenant_id=tenant, entry_id=key, is_correct=is_correct, created_at=utc_now()) for key in known)
            session.commit()
        if not is_correct:
            for key in known:
                self._cache.forget(tenant, key)
        return known
