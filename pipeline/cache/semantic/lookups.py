"""The lookups that were made, in SQL: what was decided, and what became known of it. The learner reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Engine, case, delete, func, insert, select, update

from pipeline.cache.semantic.learn import Seen
from pipeline.storage.engine import reading, writing
from pipeline.storage.tables import SemanticLookup as Row

HIT, MISS = "hit", "miss"
FEEDBACK = "feedback"
KEPT = 20_000  # lookups of a tenant


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """One lookup as it was made; the fields are those of pipeline.storage.tables.SemanticLookup."""

    id: str
    at: float
    tenant: str
    author: str
    entry: str | None
    scorer: str
    features: np.ndarray | None
    cosine: float | None
    score: float
    threshold: float
    novelty: float | None
    decision: str
    veto: str | None
    propensity: float


class Measured(msgspec.Struct, frozen=True):
    """`audits` are hits that were checked at random, and `wrong` of them were; `labels` are all that is known of any lookup,
    `said` what callers said of answers, which is no random sample.
    """

    lookups: int
    hits: int
    audits: int
    wrong: float
    labels: int
    said: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became known of a lookup: 1 for right, 0 for wrong, and how much whoever says so is believed."""

    lookup: str
    label: float
    weight: float
    source: str


class Lookups:
    """Raises StoreUnavailable when the database cannot be reached."""

    def __init__(self, engine: Engine, features: int) -> None:
        self._engine = engine
        self._features = features

    def add(self, made: Sequence[Lookup]) -> None:
        rows = [
            {**msgspec.structs.asdict(one), "features": _pack(one.features), "label": None, "weight": 1.0, "source": None}
            for one in made
        ]
        with writing(self._engine) as connection:
            connection.execute(insert(Row), rows)

    def judge(self, verdicts: Sequence[Verdict]) -> None:
        """Note what became known. The more believed of two verdicts stays."""
        with writing(self._engine) as connection:
            for one in verdicts:
                better = Row.label.is_(None) | (Row.weight <= one.weight)
                values = {"label": one.label, "weight": one.weight, "source": one.source}
                connection.execute(update(Row).where(Row.id == one.lookup, better).values(values))

    def last_of(self, tenant: str, entry: str) -> str | None:
        """The id of the last lookup of a tenant that was answered with this entry."""
        query = select(Row.id).where(Row.tenant == tenant, Row.entry == entry, Row.decision == HIT)
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(Row.at.desc()).limit(1)).scalar()
        return None if found is None else str(found)

    def served(self, tenant: str, author: str, entry: str) -> bool:
        """Whether a key of a tenant has been answered with this entry."""
        wanted = (Row.tenant == tenant, Row.entry == entry, Row.author == author, Row.decision == HIT)
        with reading(self._engine) as connection:
            return connection.execute(select(Row.id).where(*wanted).limit(1)).first() is not None

    def recent(self, tenant: str, most: int) -> list[Seen]:
        """A tenant's last lookups, oldest first."""
        columns = (Row.features, Row.decision, Row.label, Row.propensity, Row.weight, Row.source)
        query = select(*columns).where(Row.tenant == tenant)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(Row.at.desc()).limit(most)).all()
        return [self._seen(row) for row in reversed(rows)]

    def measured(self, tenant: str) -> Measured:
        """What is known of the lookups of a tenant that are kept."""
        audited = (Row.decision == HIT) & Row.label.is_not(None)
        wrong = func.sum(case((audited & (Row.source != FEEDBACK), 1 - Row.label), else_=0.0))
        query = select(
            func.count(),
            func.count().filter(Row.decision == HIT),
            func.count().filter(audited & (Row.source != FEEDBACK)),
            wrong,
            func.count(Row.label),
            func.count().filter(Row.source == FEEDBACK),
        ).where(Row.tenant == tenant)
        with reading(self._engine) as connection:
            lookups, hits, audits, wrong_ones, labels, said = connection.execute(query).one()
        return Measured(int(lookups), int(hits), int(audits), float(wrong_ones or 0), int(labels), int(said))

    def growth(self) -> dict[str, tuple[int, int]]:
        """How many lookups and how many labels there are of each tenant."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(Row.tenant, func.count(), func.count(Row.label)).group_by(Row.tenant)).all()
        return {tenant: (made, labelled) for tenant, made, labelled in rows}

    def trim(self, tenant: str) -> None:
        """Forget lookups beyond the last `KEPT`."""
        oldest = select(Row.at).where(Row.tenant == tenant).order_by(Row.at.desc()).offset(KEPT).limit(1).scalar_subquery()
        with writing(self._engine) as connection:
            connection.execute(delete(Row).where(Row.tenant == tenant, Row.at <= oldest))

    def _seen(self, row: Any) -> Seen:
        return Seen(
            features=_unpack(row.features, self._features),
            served=row.decision == HIT,
            label=row.label,
            propensity=row.propensity,
            trust=row.weight,
            volunteered=row.source == FEEDBACK,
        )


def _pack(features: np.ndarray | None) -> bytes | None:
    return None if features is None else features.astype("<f4").tobytes()


def _unpack(data: bytes | None, count: int) -> np.ndarray | None:
    """None as well for features of another version."""
    return np.frombuffer(data, "<f4").astype(np.float64) if data is not None and len(data) == 4 * count else None
