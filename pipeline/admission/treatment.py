"""What was done to a request on its way to an answer, beside finding it stored: it was shortened, or taken apart."""

from __future__ import annotations

import msgspec

EXACT, SEMANTIC, UPSTREAM = "exact", "semantic", "upstream"
DEDUP = "dedup"  # asked already, by somebody else
DIRECT = "direct"  # the whole question, asked after all


class PartDone(msgspec.Struct, frozen=True, array_like=True):
    """A part of a question that was taken apart: where its answer came from, and from which entry, if it was stored."""

    source: str
    entry_id: str | None = None
    score: float | None = None


class Treatment(msgspec.Struct, frozen=True, array_like=True):
    """`prompt_before` and `prompt_after` count tokens; None when nothing was counted. `saved` is what the stages spared, in
    pico-dollars, None when a price is not known, and `saved_tokens` the same in tokens. `stages_ms` is what they took.
    """

    parts: tuple[PartDone, ...] = ()
    prompt_before: int | None = None
    prompt_after: int | None = None
    saved: int | None = 0
    saved_tokens: int = 0
    stages_ms: float = 0.0

    @property
    def decomposed(self) -> bool:
        return bool(self.parts)

    @property
    def fresh(self) -> bool:
        """Whether all of the answer was asked for it, part by part."""
        return all(part.source == UPSTREAM for part in self.parts)

    @property
    def parts_stored(self) -> int:
        return sum(part.source in (EXACT, SEMANTIC) for part in self.parts)
