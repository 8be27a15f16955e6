"""What the tests of the memory share: notes, and a memory whose notes are in this process."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import strategies as st

from bench.less.memory_pocket import Pocket
from pipeline.memory.decay import DAY, expiry
from pipeline.memory.history import Shape
from pipeline.memory.items import Item, Kind, Owner, Slot
from pipeline.memory.memory import Memory
from pipeline.memory.select import Budget
from tests.support.clock import FakeClock

OWNER = Owner("acme", "ana")
NOW = 1_800_000_000.0


def words(text: str) -> int:
    """A counter of tokens that is easy to follow: words, and lines."""
    return len(text.split()) + text.count("\n")


def note(text: str = "name: Ana", **changes: Any) -> Item:
    kind = changes.get("kind", Kind.FACT)
    created = changes.get("created", NOW)
    values = {
        "id": f"mem_{abs(hash(text)) % 10**12:024}",
        "tenant": OWNER.tenant,
        "principal": OWNER.principal,
        "conversation": "",
        "slot": Slot("user", text.partition(":")[0]),
        "text": text,
        "kind": kind,
        "importance": 0.7,
        "created": created,
        "last": created,
        "expires": expiry(kind, created),
    }
    return Item(**{**values, **changes})


class House:
    """A memory, with what it has learned."""

    def __init__(self, **parts: Any) -> None:
        self.clock = FakeClock(NOW)
        self.pocket = Pocket(self.clock)
        numbers = itertools.count(1)
        self.memory = Memory(self.pocket, words, self.clock, lambda: f"mem_{next(numbers):024}", **parts)

    def tell(self, *texts: str, conversation: str = "c", **how: Any) -> None:
        """Messages of the user, one after another, each in a request with those before it."""
        said: list[dict[str, str]] = []
        for text in texts:
            said.append({"role": "user", "content": text})
            self.clock.advance(60)
            self.memory.learn(OWNER, conversation, said, **how)
            said.append({"role": "assistant", "content": "I see."})

    def texts(self) -> list[str]:
        return [item.text for item in self.pocket.standing(OWNER)]


def roomy() -> House:
    """A memory whose notes all fit."""
    return House(budget=Budget(tokens=500, least=500), shape=Shape(high=60, keep=2))


kinds = st.sampled_from(list(Kind))
seconds = st.floats(0, 1000 * DAY, allow_nan=False)
items = st.builds(
    note,
    st.text(st.characters(codec="ascii", categories=["L", "Nd", "Zs"]), min_size=1, max_size=60).map(lambda text: f"a: {text}"),
    id=st.uuids().map(str),
    slot=st.builds(Slot, st.sampled_from(["user", "dog"]), st.text(min_size=1, max_size=8)),
    kind=kinds,
    importance=st.floats(0.05, 1.0),
    strength=st.floats(1.0, 20.0),
    created=st.floats(NOW - 100 * DAY, NOW),
)
