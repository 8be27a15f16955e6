"""What a lookup by meaning came to, and who asked."""

from __future__ import annotations

import msgspec

from pipeline.admission import answer as answers
from pipeline.admission.answer import Answer
from pipeline.cache.meaning import Meaning
from pipeline.cache.semantic.entries import Entry


class Asker(msgspec.Struct, frozen=True):
    """Who asks: the tenant, and the principal within it."""

    tenant: str
    author: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`served` is the entry that answers, `near` the best candidate whether it does or not; `why` nothing was served."""

    lookup: str
    meaning: Meaning
    why: str | None
    served: Entry | None = None
    near: Entry | None = None
    audit: bool = False  # the answer that was served shall be checked
    grey: bool = False  # the candidate was close to being served
    cosines: list[float] | None = None  # of the nearest stored questions; None when none were looked for

    @property
    def informative(self) -> bool:
        """Whether it is worth some milliseconds to learn if the candidate was right: it was served, or was close to it."""
        return self.grey or self.served is not None or self.why == "probation"

    @property
    def answer(self) -> Answer | None:
        return answers.unpack(self.served.answer) if self.served else None


def nothing(lookup: str, reason: str) -> Found:
    """Nothing could be looked up, for this reason."""
    return Found(lookup=lookup, meaning=Meaning(reason=reason), why=reason)
