"""Notes in the memory of this process, by the rules of the real store: what a bench and property tests keep notes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipeline.memory.decay import expiry, retention, strengthened
from pipeline.memory.items import Item, Owner
from pipeline.memory.shelf import Edit

MOST = 200


class Pocket:
    """A `pipeline.memory.shelf.Shelf`. Not thread-safe."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._items: dict[Owner, dict[str, Item]] = {}
        self._deliveries: set[tuple[Owner, str]] = set()

    def standing(self, owner: Owner) -> list[Item]:
        return [item for item in self._items.get(owner, {}).values() if item.expires > self._now()]

    def edit(self, owner: Owner, delivery: str, decide: Callable[[Sequence[Item]], Edit]) -> Edit | None:
        if (owner, delivery) in self._deliveries:
            return None
        found = decide(self.standing(owner))
        if not found:
            return found
        self._deliveries.add((owner, delivery))
        mine = self._items.setdefault(owner, {})
        for name in (*found.replaced, *found.forgotten):
            mine.pop(name, None)
        for name in found.confirmed:
            mine[name] = self._confirmed(mine[name])
        for item in found.put:
            self._write(mine, item)
        for item in sorted(mine.values(), key=self._worth)[: max(0, len(mine) - MOST)]:
            del mine[item.id]
        return found

    def used(self, owner: Owner, items: Iterable[Item]) -> None:
        mine = self._items.get(owner, {})
        for item in items:
            if item.id in mine:
                mine[item.id] = strengthened(mine[item.id], self._now())

    def _confirmed(self, item: Item) -> Item:
        return msgspec.structs.replace(strengthened(item, self._now()), expires=expiry(item.kind, self._now()))

    def _write(self, mine: dict[str, Item], new: Item) -> None:
        for item in list(mine.values()):
            if (item.conversation, item.slot) == (new.conversation, new.slot):
                del mine[item.id]
        mine[new.id] = new

    def _worth(self, item: Item) -> tuple[float, float]:
        return retention(item, self._now()) * item.importance, item.created
