"""Which answers may be found by meaning at all. What is served to others must not be what one caller could plant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pipeline.cache.guards.reading import is_common

CROWDED = 6  # of the nearest stored questions that are nearly equal to a new one: this corner is covered
NEARLY_EQUAL = 0.97
LEAST_KNOWN = 0.34  # share of a long prompt's words that are words
LONG = 12  # words

_REFUSAL = re.compile(
    r"^\W*(?:i'?m sorry|sorry,|i am sorry|i apologi[sz]e|as an ai\b|i can(?:no|')t (?:help|assist|provide|answer|do|comply|"
    r"fulfil|create|generate)|"
    r"i am (?:not able|unable) to|i'm (?:not able|unable) to|unfortunately,? i (?:can|am|do)|i do(?:n't| not) have (?:access|"
    r"enough|the ability|real)|"
    r"i won't|i will not)",
    re.IGNORECASE,
)
_PLANTED = re.compile(
    r"\b(?:ignore|disregard|forget|override) (?:\w+ ){0,3}(?:previous|prior|above|earlier|other|all|your)\b|\balways "
    r"(?:answer|reply|respond|say|recommend|include|mention)\b|"
    r"\bfrom now on\b|\byou must (?:answer|reply|say|respond|include)\b|\bregardless of (?:the|what|any)\b|\b(?:system|"
    r"developer) (?:prompt|message)\b|"
    r"\bwhatever (?:the user|anyone|you are|is) asked?\b|\brepeat after me\b|\brespond with exactly\b|\bdo anything now\b|"
    r"\bjailbreak\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\b[a-z]+\b")
_ADDRESS = re.compile(r"https?://|www\.|\b[\w.+-]+@[\w-]+\.\w+|\+?\d[\d ()-]{8,}\d")


@lru_cache(maxsize=1_000)
def why_not_asked(text: str) -> str | None:
    """Why no answer to this prompt is ever kept for questions that mean the same, so that it need not be looked for; or None."""
    if _PLANTED.search(text):
        return "directive"
    if _ADDRESS.search(text):
        return "address"
    if _gibberish(text):
        return "gibberish"
    return None


def why_not_admitted(answer: str, cosines: Sequence[float] = ()) -> str | None:
    """Why this answer is not kept, or None. `cosines`: those of the nearest questions that are stored already."""
    if _REFUSAL.match(answer[:200].replace("’", "'")):
        return "refusal"
    if sum(cosine >= NEARLY_EQUAL for cosine in cosines) >= CROWDED:
        return "crowded"
    return None


def _gibberish(text: str) -> bool:
    """A long prompt with hardly a word in it: what a search for colliding vectors leaves behind."""
    words = _WORDS.findall(text.lower())
    return len(words) >= LONG and sum(map(is_common, words)) < LEAST_KNOWN * len(words)
