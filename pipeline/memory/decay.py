"""How notes fade, and what use does to them.

Retention is Ebbinghaus's curve as in MemoryBank (Zhong et al., arXiv 2305.10250), R = exp(-dt / (S * T)), with a time
constant for each kind. A use strengthens more the nearer a note was to being forgotten: that is the spacing effect. The score is
that of Generative Agents (Park et al., arXiv 2304.03442), with fixed weights instead of min-max scaling, so that the score
of one note does not depend on the others.

Contradictions are no matter of decay: a new value takes the slot of the old one (see `resolve`).
"""

from __future__ import annotations

import math

import msgspec

from pipeline.memory.items import Item, Kind

HOUR, DAY = 3600.0, 86400.0
TIME_CONSTANT = {Kind.EPHEMERAL: HOUR, Kind.TASK: DAY, Kind.FACT: 30 * DAY, Kind.PREFERENCE: 180 * DAY}
LIFETIME = {Kind.EPHEMERAL: DAY, Kind.TASK: 30 * DAY, Kind.FACT: 400 * DAY, Kind.PREFERENCE: 800 * DAY}
LEAST_WORTH = 0.05  # of retention * importance; below it a note is dropped
LEARNING = 0.5
RELEVANCE, RETENTION, IMPORTANCE = 0.4, 0.3, 0.3


def retention(item: Item, now: float) -> float:
    """How well a note is remembered, from 1 (just used) towards 0. A clock that went back counts as no time."""
    elapsed = max(0.0, now - item.last)
    return math.exp(-elapsed / (item.strength * TIME_CONSTANT[item.kind]))


def strengthened(item: Item, now: float) -> Item:
    """The note after it was used."""
    gap = 1.0 - retention(item, now)
    return msgspec.structs.replace(item, strength=item.strength * (1.0 + LEARNING * gap), last=max(now, item.last))


def score(item: Item, now: float, relevance: float) -> float:
    """What a note is worth for a question, from 0 to 1. `relevance` is a cosine, or another measure from 0 to 1."""
    return RELEVANCE * max(0.0, relevance) + RETENTION * retention(item, now) + IMPORTANCE * item.importance


def is_over(item: Item, now: float) -> bool:
    """Whether a note is to be dropped: its time is over, or it has faded."""
    return now >= item.expires or retention(item, now) * item.importance < LEAST_WORTH


def expiry(kind: Kind, now: float) -> float:
    """When a note ends at the latest, however often it is used."""
    return now + LIFETIME[kind]
