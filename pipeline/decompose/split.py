"""Whether a prompt is several questions, and which. Rules only: no model is asked, nothing is learnt.

A wrong split harms an answer, a refusal only misses a saving: whatever is not clearly several questions is one task.
"""

from __future__ import annotations

from pipeline.decompose import alone, items, lists, refuse, several
from pipeline.decompose.gather import Gathered, gathered
from pipeline.decompose.plan import Plan
from pipeline.decompose.text import Piece, piece

MOST_CHARACTERS = 4_000
LEAST_CHARACTERS = 12


def plan(text: str) -> Plan | str:
    """The plan of a prompt, or in one word why it is one task. Below a millisecond; any text is safe."""
    if len(text) > MOST_CHARACTERS:
        return "too_long"
    if len(text) < LEAST_CHARACTERS:
        return "short"
    whole = piece(text)
    reason = refuse.whole(whole)
    if reason:
        return reason
    listing = lists.find(whole)
    if listing:
        listed = items.of_questions(listing)
        return items.of_things(listing) if listed == "not_questions" else listed
    found = gathered(whole)
    return _of_things(whole) or _compared(whole, found) or refuse.running(whole) or _asked(found)


def _compared(whole: Piece, found: Gathered | str) -> Plan | None:
    if isinstance(found, str):
        return alone.reckoned(whole) if found == "context" else None
    return alone.compared(found) if len(found.asked) == 1 else None


def _asked(found: Gathered | str) -> Plan | str:
    if isinstance(found, str):
        return found
    if len(found.asked) > 1:
        return several.parted(found)
    return alone.nested(found) if found.asked else "nothing_asked"


def _of_things(whole: Piece) -> Plan | None:
    for found in (lists.plain_lines(whole), lists.in_a_row(whole)):
        listed = items.of_things(found) if found else ""
        if isinstance(listed, Plan):
            return listed
    return None
