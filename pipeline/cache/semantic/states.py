"""The states of a stored answer, and how it may go from one to another.

    private   ->  revoked
    probation <-> shared
    probation ->  revoked
    shared    ->  revoked

An answer enters as private or on probation, and nothing leads out of revoked: a fresh answer takes its place.
"""

from __future__ import annotations

PRIVATE, PROBATION, SHARED, REVOKED = "private", "probation", "shared", "revoked"
STATES = (PRIVATE, PROBATION, SHARED, REVOKED)

_TRANSITIONS = frozenset(
    {
        (PRIVATE, REVOKED),  # its author said that it is wrong; nobody else ever sees it
        (PROBATION, SHARED),  # another key's answer agreed with it
        (SHARED, PROBATION),  # another key said that it is wrong
        (PROBATION, REVOKED),  # its author said so, or a second key
        (SHARED, REVOKED),
    }
)


def check(before: str, after: str) -> None:
    """Raises ValueError for a transition that there is not: whoever asks for it has not looked at the entry."""
    if (before, after) not in _TRANSITIONS:
        raise ValueError(f"an entry that is {before} cannot become {after}")
