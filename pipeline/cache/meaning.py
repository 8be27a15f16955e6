"""What a request's answer says of the semantic cache. It stands apart, so that whoever reports it needs no part of that cache."""

from __future__ import annotations

import msgspec


class Meaning(msgspec.Struct, frozen=True, array_like=True):
    """What was found when a question was compared by meaning; `reason` says why nothing was served.

    `entry_id` is the content key of the stored answer that was found. `similarity` is a cosine, `score` the probability
    that its question means the same, `threshold` the score from which on it would be served, and `novelty` how unusual
    the question is, from 0 to 1. None: not known.
    """

    entry_id: str | None = None
    similarity: float | None = None
    score: float | None = None
    threshold: float | None = None
    novelty: float | None = None
    reason: str | None = None
