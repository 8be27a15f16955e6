"""What a transcript of speech holds that is not speech: marks for sounds, and the sounds of hesitation.

The marks are those of the usual conventions: the LDC's ({laugh}, {breath}), NXT's (vocalsound, disfmarker, pause, gap) and
what services write ([laughter], (coughs)). What says that something is missing, as [inaudible] does, stays.
"""

from __future__ import annotations

import re

_SOUND = (
    r"(?:non)?vocalsound|disfmarker|transformerror|pause|gap|silence|noise|background noise|laugh(?:s|ter|ing)?|"
    r"chuckl(?:es?|ing)|giggl(?:es?|ing)|cough(?:s|ing)?|sneez(?:es?|ing)|sigh(?:s|ing)?|sniff(?:s|ing)?|breath(?:es?|ing)?|inhales?|exhales?|"
    r"lip ?smack|clears throat|throat clearing|click|mumbl(?:es?|ing)|cross-?talk"
)
_MARK = re.compile(rf"[ \t]*(?:\{{(?:{_SOUND})\}}|\[(?:{_SOUND})\]|\((?:{_SOUND})\)|<(?:{_SOUND})/?>)", re.IGNORECASE)
# Not "uh-huh", which says yes, however it is spaced.
_HESITATION = re.compile(r"(?<![\w'’-])(?:[Uu]h|[Uu]m|[Uu]hm|[Ee]rm)(?![\w'’]|[ \t]?-)(?:[ \t]?,)?(?:[ \t]|(?=[\n.?!]|$))")
_ENGLISH = re.compile(r"\b(?:the|and|that|to|of|is|it|we|you)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
ENGLISH = 0.1  # of the words are the commonest of English: "um" is a word elsewhere
SAMPLE = 20_000  # characters
# Whoever asks for the words themselves gets all of them.
_LITERAL = re.compile(
    r"\b(?:verbatim|word[- ]for[- ]word|exact(?:ly)? (?:words?|quote|wording|said)|quot(?:e|es|ed|ation)|literal(?:ly)?|"
    r"transcri(?:be|pt)\w*|hesitat\w*|filler\w*|pauses?|laugh\w*|cough\w*|sigh\w*|sounds?|noises?|silen\w+|uh|um)\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")


def tidy(transcript: str, question: str) -> str:
    """The transcript without marks and hesitation, unless the question may be about them."""
    if _LITERAL.search(question):
        return transcript
    text = _MARK.sub("", transcript)
    if _is_english(text):
        text = _HESITATION.sub("", text)
    return _SPACES.sub(" ", text) if text != transcript else transcript


def _is_english(text: str) -> bool:
    sample = text[:SAMPLE]
    return len(_ENGLISH.findall(sample)) >= ENGLISH * len(_WORD.findall(sample))
