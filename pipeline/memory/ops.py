"""What a message asks of the memory: to put a value into a slot, to exchange one, or to drop some."""

from __future__ import annotations

import msgspec

from pipeline.memory.items import Kind, Slot


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """A value for a slot. `everywhere`: in all conversations of the user, not only in this one.

    `old` is what the user says was so before; `if_known`: only where the slot is in use already.
    """

    slot: Slot
    label: str
    value: str
    kind: Kind
    importance: float
    everywhere: bool = True
    old: str = ""
    if_known: bool = False

    @property
    def text(self) -> str:
        return f"{self.label}: {self.value}"


class Swap(msgspec.Struct, frozen=True):
    """What is now `new` where it was `old`, whichever slot that is."""

    old: str
    new: str


class Contrast(msgspec.Struct, frozen=True):
    """A sentence that no phrase knows, and that may say of a value that it holds no more (see `contrast`)."""

    sentence: str


class Drop(msgspec.Struct, frozen=True):
    """Notes that are no longer so: those about all of these words, or in a slot, if its value has these words."""

    words: str = ""
    slot: Slot | None = None


class DropLast(msgspec.Struct, frozen=True):
    """What came from the message before this one."""


class DropAll(msgspec.Struct, frozen=True):
    """Everything that is known of the user."""


Op = Put | Swap | Contrast | Drop | DropLast | DropAll
