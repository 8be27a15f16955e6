"""Where a clause begins that may be replaced, and what stands in its place."""

from __future__ import annotations

import re

from pipeline.optimise.capitals import begin
from pipeline.optimise.courteous import courteous_from
from pipeline.optimise.english import lowered

_JOINED = re.compile(r"[,;] (?:and|but|so) \Z", re.IGNORECASE)


def begins(sentence: str, start: int) -> bool:
    """Whether a clause begins here: after a conjunction, or with nothing but courtesies before it."""
    return start == 0 or courteous_from(lowered(sentence), start) == 0 or _JOINED.search(sentence[:start]) is not None


def replaced(sentence: str, start: int, end: int, asked: str = "") -> str:
    """The sentence with other words at the beginning of a clause; courtesies before it go."""
    if start == 0 or courteous_from(lowered(sentence), start) == 0:
        first = asked[:1] if sentence[:1].isupper() else asked[:1].lower()
        return begin("", sentence, first + asked[1:] + sentence[end:], is_word=bool(asked))
    return sentence[:start] + asked[:1].lower() + asked[1:] + sentence[end:]
