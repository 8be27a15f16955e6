"""The notes in SQL, encrypted. Writers of one owner take turns, so that one value stands in a slot, and a message counts once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, text, update

from pipeline.memory.decay import LEAST_WORTH, expiry, is_over, retention, strengthened
from pipeline.memory.items import Item, Kind, Owner, Slot
from pipeline.memory.seal import Content, Seal
from pipeline.memory.shelf import Edit
from pipeline.storage.engine import reading, writing
from pipeline.storage.tables import MemoryItem as Row

log = logging.getLogger(__name__)

MOST = 200  # notes of one owner that stand
KEPT_S = 7 * 86400.0  # how long a note that was replaced is kept, and a message that took effect is known again
AT_ONCE = 500
BY_HAND = "by hand"


class MemoryStore:
    """`secret` encrypts what is stored. Raises StoreUnavailable when the database cannot be reached."""

    def __init__(self, engine: Engine, secret: bytes, now: Callable[[], float]) -> None:
        self._engine = engine
        self._seal = Seal(secret)
        self._now = now

    # --- what messages do ---

    def standing(self, owner: Owner) -> list[Item]:
        """The notes that stand, oldest first. One that cannot be decrypted is left out, with a line in the log."""
        with reading(self._engine) as connection:
            return [item for _, item in self._load(connection, owner, *_live(owner, self._now()))]

    def edit(self, owner: Owner, delivery: str, decide: Callable[[Sequence[Item]], Edit]) -> Edit | None:
        """Change the notes as `decide` says of those that stand; None, and nothing is changed, where this delivery did so before.

        `decide` is called within the transaction and must do nothing else.
        """
        with writing(self._engine) as connection:
            _take_turn(connection, owner)
            if self._is_known(connection, owner, delivery):
                return None
            found = decide([item for _, item in self._load(connection, owner, *_live(owner, self._now()))])
            if found:
                self._apply(connection, owner, delivery, found)
            return found

    def used(self, owner: Owner, items: Iterable[Item]) -> None:
        """Notes went with a question, which strengthens them. A use right after another is not worth a write."""
        now = self._now()
        worth = [item for item in items if 1.0 - retention(item, now) > LEAST_WORTH]
        if not worth:
            return
        with writing(self._engine) as connection:
            for item in worth:
                stronger = strengthened(item, now)
                values = {"strength": stronger.strength, "used_at": stronger.last}
                connection.execute(update(Row).where(*_of(owner), Row.id == item.id, Row.used_at < now).values(**values))

    # --- what people do ---

    def find(self, owner: Owner, id: str) -> Item | None:
        """A note that stands, or was replaced and is still kept."""
        with reading(self._engine) as connection:
            found = self._load(connection, owner, *_of(owner), Row.id == id, Row.sealed != b"")
        return found[0][1] if found else None

    def page(self, owner: Owner, after: int, most: int, *, replaced: bool = False) -> list[tuple[int, Item]]:
        """Notes with their numbers, in the order of their making, behind number `after`; with `replaced`, old values as well."""
        wanted = [*_of(owner), Row.sealed != b""] if replaced else list(_live(owner, self._now()))
        with reading(self._engine) as connection:
            return self._load(connection, owner, *wanted, Row.seq > after, most=most)

    def put(self, owner: Owner, item: Item) -> None:
        """Write a note by hand; it takes the place of the one in its slot."""
        with writing(self._engine) as connection:
            _take_turn(connection, owner)
            self._apply(connection, owner, BY_HAND, Edit(put=(item,)))

    def amend(self, owner: Owner, id: str, change: Callable[[Item], Item]) -> Item | None:
        """Correct a note that stands. What it said before is not kept: it was wrong. None where there is no such note."""
        with writing(self._engine) as connection:
            _take_turn(connection, owner)
            found = self._load(connection, owner, *_live(owner, self._now()), Row.id == id)
            if not found:
                return None
            item = change(found[0][1])
            connection.execute(update(Row).where(Row.seq == found[0][0]).values(**self._values(owner, item)))
            return item

    def forget(self, owner: Owner, id: str) -> bool:
        """Erase what a note says. That there was one is known for a week, so that its message does not bring it back."""
        with writing(self._engine) as connection:
            _take_turn(connection, owner)
            return bool(self._end(connection, owner, [id], BY_HAND, erase=True))

    def erase(self, tenant: str, principal: str | None = None, *, dry_run: bool = False) -> int:
        """Erase all of an owner, or of a tenant, without a trace; how many notes there were, replaced ones counted."""
        wanted = [Row.tenant == tenant] if principal is None else list(_of(Owner(tenant, principal)))
        with writing(self._engine) if not dry_run else reading(self._engine) as connection:
            count = connection.execute(select(func.count()).select_from(Row).where(*wanted, Row.sealed != b"")).scalar_one()
            if not dry_run:
                connection.execute(delete(Row).where(*wanted))
        return int(count)

    def export(self, owner: Owner) -> bytes:
        """All that is kept of an owner, replaced values included, as a JSON array."""
        with reading(self._engine) as connection:
            found = self._load(connection, owner, *_of(owner), Row.sealed != b"")
        return msgspec.json.encode([item for _, item in found])

    def purge(self, most: int = AT_ONCE) -> int:
        """Remove what is over: notes whose time has come or that have faded, and those replaced or forgotten a week ago."""
        now = self._now()
        over = or_(Row.expires_at <= now, Row.superseded_at <= now - KEPT_S)
        with writing(self._engine) as connection:
            seqs = list(connection.execute(select(Row.seq).where(over).limit(most)).scalars())
            seqs += self._faded(connection, now, most)
            if seqs:
                connection.execute(delete(Row).where(Row.seq.in_(seqs)))
        return len(seqs)

    # --- helpers ---

    def _faded(self, connection: Connection, now: float, most: int) -> list[int]:
        """Notes that nobody has used for long, of the longest unused."""
        old = select(*_COLUMNS).where(Row.place.is_not(None), Row.expires_at > now).order_by(Row.used_at).limit(most)
        rows = connection.execute(old).all()
        return [row.seq for row in rows if is_over(_item(row, Content("", "", "", "", "")), now)]

    def _load(self, connection: Connection, owner: Owner, *wanted: Any, most: int | None = None) -> list[tuple[int, Item]]:
        rows = connection.execute(select(*_COLUMNS).where(*wanted).order_by(Row.seq).limit(most)).all()
        opened = [(row, self._seal.open(owner, row.id, row.sealed)) for row in rows]
        broken = [row.seq for row, content in opened if content is None]
        if broken:
            log.error(
                "memory_items_unreadable tenant=%s seqs=%s: changed in the database, or another secret", owner.tenant, broken
            )
        return [(row.seq, _item(row, content)) for row, content in opened if content is not None]

    def _is_known(self, connection: Connection, owner: Owner, delivery: str) -> bool:
        known = select(Row.seq).where(*_of(owner), or_(Row.delivery == delivery, Row.ended_by == delivery)).limit(1)
        return connection.execute(known).first() is not None

    def _apply(self, connection: Connection, owner: Owner, delivery: str, edit: Edit) -> None:
        self._end(connection, owner, edit.replaced, delivery)
        self._end(connection, owner, edit.forgotten, delivery, erase=True)
        self._confirm(connection, owner, edit.confirmed)
        rows = [self._values(owner, item) | {"id": item.id, "delivery": delivery} for item in edit.put]
        if not rows:
            return
        # Whatever else stands there, also what could not be read or is over, makes room.
        there = select(Row.id).where(Row.place.in_([row["place"] for row in rows]))
        self._end(connection, owner, list(connection.execute(there).scalars()), delivery)
        connection.execute(insert(Row), rows)
        self._bound(connection, owner, delivery)

    def _confirm(self, connection: Connection, owner: Owner, ids: Sequence[str]) -> None:
        now = self._now()
        for _, item in self._load(connection, owner, *_of(owner), Row.id.in_(ids)) if ids else ():
            stronger = strengthened(item, now)
            values = {"strength": stronger.strength, "used_at": stronger.last, "expires_at": expiry(item.kind, now)}
            connection.execute(update(Row).where(Row.id == item.id).values(**values))

    def _end(self, connection: Connection, owner: Owner, ids: Sequence[str], delivery: str, *, erase: bool = False) -> int:
        if not ids:
            return 0
        values: dict[str, Any] = {"place": None, "superseded_at": self._now(), "ended_by": delivery}
        if erase:
            values["sealed"] = b""
        wanted = (*_of(owner), Row.id.in_(ids), Row.sealed != b"" if erase else Row.place.is_not(None))
        return connection.execute(update(Row).where(*wanted).values(**values)).rowcount

    def _bound(self, connection: Connection, owner: Owner, delivery: str) -> None:
        """Let the least of an owner's notes go when there are too many."""
        now = self._now()
        rows = connection.execute(select(*_COLUMNS).where(*_of(owner), Row.place.is_not(None))).all()
        items = [_item(row, Content("", "", "", "", "")) for row in rows]
        items.sort(key=lambda item: (retention(item, now) * item.importance, item.created))
        self._end(connection, owner, [item.id for item in items[: max(0, len(items) - MOST)]], delivery, erase=True)

    def _values(self, owner: Owner, item: Item) -> dict[str, Any]:
        slot = item.slot
        return {
            "tenant": owner.tenant,
            "principal": owner.principal,
            "place": self._seal.place(owner, item.conversation, slot.subject, slot.relation),
            "kind": item.kind.value,
            "importance": item.importance,
            "strength": item.strength,
            "created_at": item.created,
            "used_at": item.last,
            "expires_at": item.expires,
            "superseded_at": item.superseded,
            "sealed": self._seal.close(
                owner, item.id, Content(item.conversation, slot.subject, slot.relation, item.text, item.source)
            ),
        }


_COLUMNS = [
    getattr(Row, name)
    for name in (
        *("seq", "id", "tenant", "principal", "kind", "importance", "strength"),
        *("created_at", "used_at", "expires_at", "superseded_at", "sealed"),
    )
]


def _item(row: Any, content: Content) -> Item:
    return Item(
        id=row.id,
        tenant=row.tenant,
        principal=row.principal,
        conversation=content.conversation,
        slot=Slot(content.subject, content.relation),
        text=content.text,
        kind=Kind(row.kind),
        importance=row.importance,
        strength=row.strength,
        created=row.created_at,
        last=row.used_at,
        expires=row.expires_at,
        source=content.source,
        superseded=row.superseded_at,
    )


def _of(owner: Owner) -> tuple[Any, ...]:
    return Row.tenant == owner.tenant, Row.principal == owner.principal


def _live(owner: Owner, now: float) -> tuple[Any, ...]:
    return *_of(owner), Row.place.is_not(None), Row.expires_at > now


def _take_turn(connection: Connection, owner: Owner) -> None:
    """Wait for other writers of the same owner. An SQLite file has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        digest = hashlib.blake2b(f"memory\0{owner.tenant}\0{owner.principal}".encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": number})
