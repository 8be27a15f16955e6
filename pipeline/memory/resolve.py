"""What becomes of the notes that stand, when a message asks something of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pipeline.memory.contrast import contrasted
from pipeline.memory.items import EVERYWHERE, Item, Slot
from pipeline.memory.ops import Contrast, Drop, DropAll, DropLast, Op, Put, Swap
from pipeline.memory.sensitive import sensitive
from pipeline.memory.slots import USER, key, tool_slot, words_of

# A date may be told as the deadline of this or that, and moved as 'the deadline'.
_ONE_OF_A_KIND = frozenset({"deadline"})


class Change(msgspec.Struct, frozen=True):
    """What to do: values to write into their slots, each with its conversation; and of the notes that stand, by id, which are
    told anew, which are replaced by a newer value, and which are to be forgotten.
    """

    put: tuple[tuple[Put, str], ...] = ()
    confirmed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


def resolve(ops: Sequence[Op], standing: Sequence[Item], conversation: str, previous: str) -> Change:
    """The change that these operations make of the notes that stand. Pure, and stable: the order of `standing` does not count.

    `previous` is the source of what the message before may have left.
    """
    in_order = sorted(standing, key=lambda item: item.id)
    here = {item.id: item for item in in_order if item.conversation in (EVERYWHERE, conversation)}
    state = _State(here, conversation, previous)
    for op in ops:
        state.take(op)
        if isinstance(op, DropAll):
            state.forget(item for item in in_order)
    return state.change()


class _State:
    def __init__(self, standing: dict[str, Item], conversation: str, previous: str) -> None:
        self._standing = standing
        self._conversation = conversation
        self._previous = previous
        self._put: dict[tuple[str, Slot], Put] = {}
        self._confirmed: dict[str, None] = {}
        self._replaced: dict[str, None] = {}
        self._forgotten: dict[str, None] = {}

    def take(self, op: Op) -> None:
        if isinstance(op, Put):
            self._take_put(op)
        elif isinstance(op, Swap):
            self._take_swap(op)
        elif isinstance(op, Contrast):
            self._take_contrast(op)
        elif isinstance(op, Drop):
            self.forget(item for item in self._standing.values() if _is_about(item, op))
        elif isinstance(op, DropLast):
            self.forget(item for item in self._standing.values() if self._previous and item.source == self._previous)
        else:
            self._put.clear()

    def forget(self, items: Iterable[Item]) -> None:
        self._end(items, self._forgotten)

    def _take_put(self, put: Put) -> None:
        before = self._holder(put.old)
        known = self._in_slot(put.slot)
        if put.slot.relation in _ONE_OF_A_KIND and not known:
            known = [item for item in self._standing.values() if item.slot.relation == put.slot.relation]
        if put.if_known and not known and before is None:
            return
        if before is not None and not known:
            label = before.text.partition(":")[0]
            put = msgspec.structs.replace(put, slot=before.slot, label=label)
        self._write(put, [*known, *([before] if before else [])])

    def _take_swap(self, swap: Swap) -> None:
        before = self._holder(swap.old)
        if before is not None:
            self._succeed(before, swap.new)

    def _take_contrast(self, contrast: Contrast) -> None:
        for item in list(self._standing.values()):
            found = contrasted(contrast.sentence, item.text.partition(": ")[2])
            if found is not None and found.new and sensitive(found.new) is None:
                self._succeed(item, found.new)
            elif found is not None:
                self._end([item], self._replaced)

    def _succeed(self, before: Item, new: str) -> None:
        """Another value in the slot of a note, or in that of its kind of tool."""
        slot, label = tool_slot(new) or (before.slot, before.text.partition(":")[0])
        everywhere = before.conversation == EVERYWHERE
        put = Put(slot=slot, label=label, value=new, kind=before.kind, importance=before.importance, everywhere=everywhere)
        self._write(put, [before, *self._in_slot(slot)])

    def _write(self, put: Put, replaced: Sequence[Item]) -> None:
        conversation = EVERYWHERE if put.everywhere else self._conversation
        for item in replaced:
            if item.text == put.text and item.slot == put.slot and item.conversation == conversation:
                self._confirmed[item.id] = None
                return
        # A wish for one conversation leaves the lasting one standing; in that conversation it comes first.
        self._end((item for item in replaced if put.everywhere or item.conversation == conversation), self._replaced)
        self._put[conversation, put.slot] = put

    def _in_slot(self, slot: Slot) -> list[Item]:
        return [item for item in self._standing.values() if item.slot == slot]

    def _holder(self, old: str) -> Item | None:
        """The note that says what is said to be so no more: the one whose value is nearest to it in length."""
        wanted = set(key(old).split()) if old else set()
        able = [item for item in self._standing.values() if wanted and wanted <= _value_words(item)]
        return min(able, key=lambda item: (len(_value_words(item)), item.slot.subject != USER, item.id), default=None)

    def _end(self, items: Iterable[Item], where: dict[str, None]) -> None:
        for item in list(items):
            self._standing.pop(item.id, None)
            where[item.id] = None

    def change(self) -> Change:
        put = tuple((put, conversation) for (conversation, _), put in self._put.items())
        return Change(put, tuple(self._confirmed), tuple(self._replaced), tuple(self._forgotten))


def _value_words(item: Item) -> set[str]:
    return set(key(item.text.partition(":")[2]).split())


def _is_about(item: Item, drop: Drop) -> bool:
    wanted = set(key(drop.words).split())
    if drop.slot is not None:
        return (item.slot == drop.slot and wanted <= _value_words(item)) or (bool(wanted) and wanted == _value_words(item))
    about = set(key(f"{item.slot.subject} {item.slot.relation}").split()) | _value_words(item) | set(words_of(item.slot.subject))
    return bool(wanted) and wanted <= about
