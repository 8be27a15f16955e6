"""Stored answers that may be found by meaning, in SQL, and the stream of operations that every index follows.

Each write is one transaction with its operations, and writers take turns, so that operations become visible in the order
of their numbers: whoever has seen number n has seen all before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, case, delete, func, insert, select, text, update

from pipeline.cache.semantic.seal import Seal
from pipeline.cache.semantic.states import REVOKED, SHARED, check
from pipeline.request.key import derive
from pipeline.storage import vectors as derived
from pipeline.storage.engine import reading, writing
from pipeline.storage.tables import SemanticEntry as Row
from pipeline.storage.tables import SemanticOperation as Op

log = logging.getLogger(__name__)

_ADVISORY_LOCK = 0x1E0_5E3A
AT_ONCE = 500
YOUNGER_BY_HIT_S = 3600.0
MOST_HITS = 500  # that make an entry younger
PICO_A_SECOND = 10_000_000  # saved pico-dollars that make it a second younger: a cent is 1,000 s
OLDER_BY_WRONG_S = 86400.0
ADD, REMOVE, REPLACE, EXPIRE, EVICT, REVOKE, REFUSE = "add", "remove", "replace", "expire", "evict", "revoke", "refuse"


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to be kept. `vector` is packed (pipeline.cache.index.pack); `answer_digest` is pipeline.request.key.derive of
    the answer's text; times are unix seconds.
    """

    id: str
    tenant: str
    partition: str
    text: str
    embedder: str
    vector: bytes
    answer: bytes
    answer_digest: str
    author: str
    state: str
    created_at: float
    expires_at: float


class Entry(NewEntry, frozen=True, kw_only=True):
    """A stored answer with what is known of it. `saved` is in pico-dollars."""

    seq: int
    used_at: float
    hits: int
    saved: int
    right: float
    wrong: float


class Operation(msgspec.Struct, frozen=True):
    """One step of the stream; `partition`, `embedder` and `vector` only of an entry that is still there."""

    id: int
    seq: int
    kind: str
    partition: str | None
    embedder: str | None
    vector: bytes | None


class Stamp(msgspec.Struct, frozen=True):
    """What an operation is recognised by: its number, the entry's, and when it was written (unix seconds)."""

    id: int
    seq: int
    at: float


class Held(msgspec.Struct, frozen=True):
    """What a tenant's entries come to; `removed` counts what was taken out of the indexes in the last day, by reason: remove,
    replace, expire, evict, revoke.
    """

    entries: int
    bytes: int
    by_state: dict[str, int]
    removed: dict[str, int]


class Use(msgspec.Struct, frozen=True):
    """An entry was served: when (unix seconds), and what that saved (pico-dollars)."""

    seq: int
    at: float
    saved: int


_FIELDS = [getattr(Row, name) for name in Entry.__struct_fields__]


class Entries:
    """`secret` seals what is stored. Raises StoreUnavailable when the database cannot be reached."""

    def __init__(self, engine: Engine, secret: bytes, now: Callable[[], float], *, seal: Seal | None = None) -> None:
        self._engine = engine
        self._seal = seal or Seal(secret)
        self._now = now

    # --- what changes the stream ---

    def add(self, new: Sequence[NewEntry]) -> None:
        """Keep answers; one with an id that is there already takes its place, one that was refused meanwhile is left out, as is
        one with the id of another tenant's.
        """
        latest = {entry.id: entry for entry in new}
        if not latest:
            return
        with self._turn() as connection:
            for refused in self._refused(connection, latest):
                del latest[refused]
            if not latest:
                return
            self._remove(connection, Row.id.in_(list(latest)), kind=REPLACE)
            rows = [self._row(entry) for entry in latest.values()]
            made = connection.execute(insert(Row).returning(Row.seq, Row.tenant, Row.id), rows).all()
            self._note(connection, ADD, [(row.seq, row.tenant) for row in made])
            _derive(connection, [(row.seq, latest[row.id]) for row in made])

    def remove(self, tenant: str, ids: Sequence[str], author: str | None = None) -> int:
        """Remove entries of a tenant, or of one of its keys; how many there were."""
        with self._turn() as connection:
            return self._remove(connection, *_of(tenant, author), Row.id.in_(ids))

    def refuse(self, tenant: str, ids: Sequence[str]) -> None:
        """Answers that were given until now shall not be stored under these ids: not those that are, nor those on their way."""
        with self._turn() as connection:
            self._remove(connection, Row.tenant == tenant, Row.id.in_(ids))
            self._refuse(connection, tenant, ids)

    def revoke(self, tenant: str, ids: Sequence[str]) -> None:
        """As `refuse`, but those that are there stay for who looks after the cache, as revoked: no index has them any more.
        An answer that is given from now on takes their place.
        """
        with self._turn() as connection:
            wanted = (Row.tenant == tenant, Row.id.in_(ids), Row.state != REVOKED)
            revoked = self._change(connection, _revoked, *wanted)
            self._note(connection, REVOKE, revoked)
            derived.remove(connection, [seq for seq, _ in revoked])
            self._refuse(connection, tenant, ids)

    def remove_seqs(self, seqs: Sequence[int]) -> int:
        with self._turn() as connection:
            return self._remove(connection, Row.seq.in_(seqs))

    def purge(
        self,
        tenant: str,
        author: str | None = None,
        *,
        state: str | None = None,
        before: float | None = None,
        dry_run: bool = False,
    ) -> int:
        """Remove all entries of a tenant, or of one of its keys, or those of a state or made before a time (unix seconds)."""
        wanted = _of(tenant, author)
        if state:
            wanted.append(Row.state == state)
        if before is not None:
            wanted.append(Row.created_at < before)
        if dry_run:
            with reading(self._engine) as connection:
                return int(connection.execute(select(func.count()).select_from(Row).where(*wanted)).scalar_one())
        with self._turn() as connection:
            return self._remove(connection, *wanted)

    def expire(self, most: int = AT_ONCE) -> int:
        """Remove entries whose time is over."""
        with self._turn() as connection:
            over = select(Row.seq).where(Row.expires_at < self._now()).limit(most)
            return self._remove(connection, Row.seq.in_(over.scalar_subquery()), kind=EXPIRE)

    def evict(self, most_entries: int, most_bytes: int) -> int:
        """Remove the least valuable entries beyond the bounds, and a little more, so that it is not to be done each second.

        Value halves with time, and each use, and what it saved, make an entry younger: so its logarithm is a time, and a
        linear one serves as well.
        """
        with reading(self._engine) as connection:
            count, size = connection.execute(select(func.count(), func.coalesce(func.sum(Row.bytes), 0))).one()
        over = max(0, int(count) - most_entries, round(int(count) * (1 - most_bytes / int(size))) if size > most_bytes else 0)
        if not over:
            return 0
        hits = case((Row.hits > MOST_HITS, MOST_HITS), else_=Row.hits)
        worth = Row.used_at + hits * YOUNGER_BY_HIT_S + Row.saved / PICO_A_SECOND - Row.wrong * OLDER_BY_WRONG_S
        with self._turn() as connection:
            least = select(Row.seq).order_by(Row.state != REVOKED, worth).limit(over + int(count) // 50)
            return self._remove(connection, Row.seq.in_(least.scalar_subquery()), kind=EVICT)

    def embedded(self, entry: Entry, embedder: str, vector: bytes) -> None:
        """An entry has a vector of another embedder now."""
        new = msgspec.structs.replace(entry, embedder=embedder, vector=vector)
        with self._turn() as connection:
            values = {"embedder": embedder, "vector": vector}
            if self._change(connection, lambda _: values, Row.seq == entry.seq, Row.state != REVOKED):
                self._note(connection, ADD, [(entry.seq, entry.tenant)])
                _derive(connection, [(entry.seq, new)])

    def derive_vectors(self, embedder: str, after: int = 0) -> int | None:
        """Give entries of an embedder the vector for pgvector that they do not have, since they were written before there was
        such a table: some of those behind number `after`, in order. The last number that was looked at, None when it was all.
        """
        held = select(derived.ROWS.c.seq).where(derived.ROWS.c.seq == Row.seq, derived.ROWS.c.embedder == Row.embedder)
        query = select(Row.seq).where(Row.embedder == embedder, Row.seq > after, Row.state != REVOKED, ~held.exists())
        with reading(self._engine) as connection:
            seqs = connection.execute(query.order_by(Row.seq).limit(AT_ONCE)).scalars().all()
        if not seqs:
            return None
        with self._turn() as connection:  # so that none of them is removed meanwhile
            wanted = (Row.seq.in_(seqs), Row.state != REVOKED)
            rows = connection.execute(select(Row.seq, Row.partition, Row.embedder, Row.vector).where(*wanted)).all()
            derived.write(connection, [derived.Stored(*row) for row in rows])
        return seqs[-1]

    def forget_operations(self, before: float) -> None:
        """Drop steps of the stream from before a time (unix seconds). Who is still behind them builds its index anew.

        Only the beginning is dropped: clocks differ between machines, and a stream with a hole could not be followed from
        a step before it.
        """
        with self._turn() as connection:
            first = connection.execute(select(Op.id).where(Op.at >= before).order_by(Op.id).limit(1)).scalar()
            if first is None:
                first = connection.execute(select(func.max(Op.id))).scalar()
            connection.execute(delete(Op).where(Op.id < (first or 0)))

    # --- what does not ---

    def used(self, uses: Iterable[Use]) -> None:
        by_seq: dict[int, list[Use]] = {}
        for use in uses:
            by_seq.setdefault(use.seq, []).append(use)
        with writing(self._engine) as connection:
            # In order, so that two processes that count the same entries never wait for each other in a circle.
            for seq, its in sorted(by_seq.items()):
                saved = sum(use.saved for use in its)
                last = max(use.at for use in its)
                values = {"hits": Row.hits + len(its), "saved": Row.saved + saved, "used_at": last}
                connection.execute(update(Row).where(Row.seq == seq).values(values))

    def judged(self, seq: int, right: float, wrong: float) -> None:
        """Add the weights of what was said of an entry."""
        with writing(self._engine) as connection:
            self._change(
                connection,
                lambda values: {"right": values["right"] + right, "wrong": values["wrong"] + wrong},
                Row.seq == seq,
            )

    def move(self, entry: Entry, state: str) -> bool:
        """To another state, but revoked, for which there is `revoke`: from the one in which the entry was seen, and to shared
        only if nothing was said against it since. False when it was not so any more; ValueError for what is never done.
        """
        check(entry.state, state)
        if state == REVOKED:
            raise ValueError("revoke() does that, and tells every index")
        wanted = [Row.seq == entry.seq, Row.state == entry.state]
        if state == SHARED:
            wanted.append(Row.wrong <= entry.wrong)
        with writing(self._engine) as connection:
            return bool(self._change(connection, lambda _: {"state": state}, *wanted))

    # --- reading ---

    def load(self, tenant: str, seqs: Sequence[int], partition: str | None = None) -> list[Entry]:
        """Entries by number, in the order of `seqs`. What is over, of another partition than the one that is named, or not
        as it was written, is left out; the last is removed as well, with a line in the log.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_FIELDS, Row.tag).where(Row.seq.in_(seqs), Row.tenant == tenant)).all()
        found, broken, now = {}, [], self._now()
        for row in rows:
            values = row._asdict()
            if not self._seal.fits(values.pop("tag"), values):
                broken.append(row.seq)
            elif row.expires_at > now and partition in (None, row.partition):
                found[row.seq] = Entry(**values)
        if broken:
            log.error("semantic_entries_tampered tenant=%s seqs=%s: they are removed", tenant, broken)
            self.remove_seqs(broken)
        return [found[seq] for seq in seqs if seq in found]

    def find(self, tenant: str, id: str, reader: str | None = None) -> Entry | None:
        """A tenant's entry by its id, the X-LEO-Entry-ID of a response. `reader`: a key that sees what is shared or its own."""
        with reading(self._engine) as connection:
            seq = connection.execute(select(Row.seq).where(*_seen_by(tenant, reader), Row.id == id)).scalar()
        return next(iter(self.load(tenant, [seq])), None) if seq is not None else None

    def page(self, tenant: str, after: int, most: int, reader: str | None = None) -> list[Entry]:
        """Entries in the order in which they were written, those behind number `after`. Empty only when there are no more."""
        while True:
            live = select(Row.seq).where(*_seen_by(tenant, reader), Row.seq > after, Row.expires_at > self._now())
            with reading(self._engine) as connection:
                seqs = connection.execute(live.order_by(Row.seq).limit(most)).scalars().all()
            found = self.load(tenant, seqs)
            if found or not seqs:
                return found
            after = seqs[-1]  # none of these was as it had been written

    def find_by_answer(self, tenant: str, answer_text: str, reader: str | None = None) -> list[str]:
        """Ids of a tenant's entries, but revoked ones, whose answer has exactly this text."""
        with reading(self._engine) as connection:
            wanted = (*_seen_by(tenant, reader), Row.answer_digest == derive(answer_text), Row.state != REVOKED)
            query = select(Row.id).where(*wanted)
            return list(connection.execute(query.order_by(Row.seq)).scalars())

    def held(self, tenant: str) -> Held:
        """What a tenant has here."""
        day = self._now() - 86400
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(Row.state, func.count(), func.coalesce(func.sum(Row.bytes), 0))
                .where(Row.tenant == tenant)
                .group_by(Row.state)
            ).all()
            gone = connection.execute(
                select(Op.kind, func.count())
                .where(Op.tenant == tenant, Op.at >= day, Op.kind.not_in((ADD, REFUSE)))
                .group_by(Op.kind)
            ).all()
        states = {state: int(count) for state, count, _ in rows}
        return Held(
            sum(states.values()), sum(int(size) for _, _, size in rows), states, {kind: int(count) for kind, count in gone}
        )

    def operations(self, after: int, most: int = AT_ONCE) -> list[Operation]:
        """What happened after operation number `after`, in order."""
        query = (
            select(Op.id, Op.seq, Op.kind, Row.partition, Row.embedder, Row.vector)
            .outerjoin(Row, (Row.seq == Op.seq) & (Row.state != REVOKED))
            .where(Op.id > after)
            .order_by(Op.id)
            .limit(most)
        )
        with reading(self._engine) as connection:
            return [Operation(*row) for row in connection.execute(query)]

    def stamp(self, operation: int) -> Stamp | None:
        """What an operation is recognised by; None when it is not, or no longer, in the stream."""
        with reading(self._engine) as connection:
            row = connection.execute(select(Op.id, Op.seq, Op.at).where(Op.id == operation)).one_or_none()
        return Stamp(*row) if row else None

    def foreign(self, embedder: str, most: int) -> list[Entry]:
        """Entries with a vector of another embedder than this one; no revoked ones, which nobody looks for."""
        wanted = (Row.embedder != embedder, Row.state != REVOKED)
        with reading(self._engine) as connection:
            rows = connection.execute(select(Row.seq, Row.tenant).where(*wanted).limit(most)).all()
        return [entry for row in rows for entry in self.load(row.tenant, [row.seq])]

    def newest_operation(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.max(Op.id))).scalar() or 0)

    def oldest_operation(self) -> int:
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.min(Op.id))).scalar() or 0)

    def vectors(self, embedder: str) -> Iterator[tuple[int, str, bytes]]:
        """(seq, partition, vector) of all entries of an embedder but revoked ones, for an index that begins anew."""
        after = 0
        while True:
            wanted = (Row.embedder == embedder, Row.state != REVOKED, Row.seq > after)
            query = select(Row.seq, Row.partition, Row.vector).where(*wanted)
            with reading(self._engine) as connection:
                rows = connection.execute(query.order_by(Row.seq).limit(AT_ONCE * 10)).all()
            if not rows:
                return
            yield from ((row.seq, row.partition, row.vector) for row in rows)
            after = rows[-1].seq

    # --- helpers ---

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        """A transaction that writes to the stream: one at a time, in the whole deployment."""
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # An SQLite file is locked already. Without turns, a number could become visible after a higher one.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
            yield connection

    def _remove(self, connection: Connection, *wanted: Any, kind: str = REMOVE) -> int:
        gone = connection.execute(delete(Row).where(*wanted).returning(Row.seq, Row.tenant)).all()
        self._note(connection, kind, [(seq, tenant) for seq, tenant in gone])
        return len(gone)

    def _refused(self, connection: Connection, wanted: Mapping[str, NewEntry]) -> set[str]:
        """Which of these must not be stored. Ids are made from the tenant, so two have the same by an attack at most."""
        query = select(Op.tenant, Op.entry, func.max(Op.at)).where(Op.kind == REFUSE, Op.entry.in_(list(wanted)))
        found = connection.execute(query.group_by(Op.tenant, Op.entry)).all()
        mine = {entry: at for tenant, entry, at in found if wanted[str(entry)].tenant == tenant}
        late = {str(entry) for entry, at in mine.items() if at >= wanted[str(entry)].created_at}
        held = connection.execute(select(Row.id, Row.tenant).where(Row.id.in_(list(wanted)))).all()
        return late | {row.id for row in held if row.tenant != wanted[row.id].tenant}

    def _refuse(self, connection: Connection, tenant: str, ids: Sequence[str]) -> None:
        rows = [{"seq": 0, "tenant": tenant, "kind": REFUSE, "entry": one, "at": self._now()} for one in ids]
        connection.execute(insert(Op), rows)

    def _change(
        self, connection: Connection, change: Callable[[dict[str, Any]], dict[str, Any]], *wanted: Any
    ) -> list[tuple[int, str]]:
        """Change what is under the seal, and seal it anew: number and tenant of what was changed.

        What is not as it was written is left for `load`: a new seal would hide that.
        """
        query = select(*_FIELDS, Row.tag).where(*wanted).order_by(Row.seq).with_for_update()
        rows = [row._asdict() for row in connection.execute(query)]
        sound = [values for values in rows if self._seal.fits(values.pop("tag"), values)]
        for values in sound:
            new = change(values)
            tag = self._seal.of({**values, **new})
            connection.execute(update(Row).where(Row.seq == values["seq"]).values(**new, tag=tag))
        return [(values["seq"], values["tenant"]) for values in sound]

    def _note(self, connection: Connection, kind: str, entries: Sequence[tuple[int, str]]) -> None:
        if entries:
            rows = [{"seq": seq, "tenant": tenant, "kind": kind, "at": self._now()} for seq, tenant in sorted(entries)]
            connection.execute(insert(Op), rows)

    def _row(self, entry: NewEntry) -> dict[str, Any]:
        values = msgspec.structs.asdict(entry)
        rest = {"used_at": entry.created_at, "hits": 0, "saved": 0, "right": 0.0, "wrong": 0.0}
        size = len(entry.text.encode()) + len(entry.vector) + len(entry.answer)
        return {**values, **rest, "bytes": size, "tag": self._seal.of({**values, **rest})}


def _derive(connection: Connection, entries: Iterable[tuple[int, NewEntry]]) -> None:
    """Their vectors once more for pgvector, where it is, in the same transaction."""
    derived.write(connection, [derived.Stored(seq, one.partition, one.embedder, one.vector) for seq, one in entries])


def _revoked(values: dict[str, Any]) -> dict[str, Any]:
    check(values["state"], REVOKED)
    return {"state": REVOKED}


def _of(tenant: str, author: str | None) -> list[Any]:
    return [Row.tenant == tenant] if author is None else [Row.tenant == tenant, Row.author == author]


def _seen_by(tenant: str, reader: str | None) -> list[Any]:
    return [Row.tenant == tenant] if reader is None else [Row.tenant == tenant, (Row.state == SHARED) | (Row.author == reader)]
