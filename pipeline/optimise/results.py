"""What is asked of the optimiser, and what it tells of its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from pipeline.optimise.segments import Name

VERSION = 1  # of the rules; raised whenever an equal segment may come out differently

Count = Callable[[str], int]  # tokens of a text
Extract = Callable[[str, str], str]  # what of a long text matters to a question


class Tier(StrEnum):
    LOSSLESS = "lossless"  # T0
    PLAIN = "plain"  # T1
    EXTRACTIVE = "extractive"  # T2
    REPEATS = "repeats"  # of T0, but between messages
    TOOLS = "tools"  # of T0


class Tiers(msgspec.Struct, frozen=True, kw_only=True):
    """What may be done. `static`: also to the static prefix (system messages and tools); changing that costs one miss of the
    provider's prefix cache.
    """

    lossless: bool = False
    plain: bool = False
    extractive: bool = False
    static: bool = True

    @property
    def any(self) -> bool:
        return self.lossless or self.plain or self.extractive


class Note(msgspec.Struct, frozen=True):
    """What was done to one segment, by which tiers, and why not more: `too_short`, `linter:number`, `no_saving`..."""

    where: str
    name: Name
    done: tuple[Tier, ...] = ()
    reasons: tuple[str, ...] = ()


class Optimised(msgspec.Struct, frozen=True):
    """The body to send, and what it saves in tokens of the texts and tools. With nothing changed, `body` is the input itself;
    with all tiers off nothing is counted either.
    """

    body: Mapping[str, Any]
    tokens_before: int = 0
    tokens_after: int = 0
    saved: Mapping[Tier, int] = {}
    notes: tuple[Note, ...] = ()
