"""Where notes are kept, as the memory sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from pipeline.memory.items import Item, Owner


class Edit(msgspec.Struct, frozen=True):
    """What a message changes: notes to write; and by id those told anew, those replaced, and those to be forgotten."""

    put: tuple[Item, ...] = ()
    confirmed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put or self.confirmed or self.replaced or self.forgotten)


class Shelf(Protocol):
    """Where notes are kept; `pipeline.memory.store.MemoryStore` is one."""

    def standing(self, owner: Owner) -> list[Item]: ...

    def edit(self, owner: Owner, delivery: str, decide: Callable[[Sequence[Item]], Edit]) -> Edit | None: ...

    def used(self, owner: Owner, items: Iterable[Item]) -> None: ...
