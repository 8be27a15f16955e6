"""Whether a text is a conversation written down line by line, and who speaks in a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: The beginning of a turn: a time, if there is one, and the speaker's name or role with a colon.
TURN = re.compile(
    r"\s{0,8}(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?[\])]?\s{0,4}(?:-\s)?)?(?:[-*>]\s)?(?:\*\*)?"
    r"(?P<speaker>[^\W\d_][^:\n*]{0,60}?)(?:\*\*)?\s?:(?:\*\*)?(?:[ \t]+|(?=\n|$))"
)
FEWEST_TURNS = 8
MOST_WORDS = 8  # of a name with its role
SHARE = 0.6  # of the lines are turns
REPEATED = 3  # turns a speaker, on average


def is_transcript(lines: Sequence[str]) -> bool:
    """Whether most lines are turns, of speakers who speak again and again."""
    written = [line for line in lines if line.strip()]
    matches = (TURN.match(line) for line in written)
    speakers = [found["speaker"] for found in matches if found and len(found["speaker"].split()) <= MOST_WORDS]
    different = len(set(speakers))
    return len(speakers) >= max(FEWEST_TURNS, SHARE * len(written)) and 2 <= different <= len(speakers) / REPEATED
