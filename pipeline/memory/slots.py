"""Which slot a statement belongs to: however it is put, what is said of one thing is in one place."""

from __future__ import annotations

import re

from pipeline.cache.guards.reading import stem
from pipeline.cache.guards.words import AUDIENCES, LANGUAGES, STOPWORDS
from pipeline.memory.items import Slot
from pipeline.memory.words import ANSWERS, CLOCKS, COMMON_TOOLS, MANNERS, SYNONYMS, TOOLS, UNITS

USER = "user"
_WORD = re.compile(r"[^\W_]+(?:[-'.+#!][^\W_]+)*(?:\+\+|#)?")
_BRITISH = re.compile(r"(?<=\w{2})our(?=s?$)")
_OF_SEVERAL_WORDS = re.compile(r"\b(?:vs code|visual studio code|github actions|gitlab ci)\b", re.IGNORECASE)
_LIMIT = re.compile(
    r"\b(?:under|below|at most|within|no (?:more|longer) than|max(?:imum)?|up to|about|around|less than|fewer than|in) "
    r"(?:\d+|one|two|three|five|ten) (?:words?|sentences?|lines?|paragraphs?|bullet points)\b",
    re.IGNORECASE,
)
_OF_TWO = {"time zone": "timezone", "operating system": "os"}
_OF_TWO_WORDS = re.compile("|".join(_OF_TWO), re.IGNORECASE)
_EMPTY = STOPWORDS | frozenset(
    {"current", "new", "actual", "main", "favourite", "favorite", "fav", "own", "little", "old", "now"}
)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; of "the dog's" the dog."""
    return [word.removesuffix("'s") for word in _WORD.findall(text.lower())]


def key(text: str) -> str:
    """One name for what is called alike: lower case, stems, one spelling, one of several synonyms. For comparing."""
    words = [SYNONYMS.get(word, word) for word in _joined(text)]
    return " ".join(stem(_BRITISH.sub("or", word)) for word in _kept(words))


def canon(text: str) -> str:
    """As `key`, but in whole words: the name of what a slot is about, as it is shown."""
    words = [SYNONYMS.get(word, SYNONYMS.get(_singular(word), _singular(word))) for word in _joined(text)]
    return " ".join(_BRITISH.sub("or", word) for word in _kept(words))


def _joined(text: str) -> list[str]:
    return words_of(_OF_TWO_WORDS.sub(lambda found: _OF_TWO[found.group().lower()], text))


def _kept(words: list[str]) -> list[str]:
    return [word for word in words if word not in _EMPTY] or words


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "sui" else word


def of_user(relation: str) -> Slot:
    return Slot(USER, relation)


def tool_slot(value: str) -> tuple[Slot, str] | None:
    """The slot of a tool, and how its kind is called: Go is a programming language. None where the kind is not known."""
    kind = next((TOOLS[word.lower()] for word in _tool_words(value) if _is_tool(word)), None)
    return (of_user(kind), kind) if kind else None


def _is_tool(word: str) -> bool:
    """Whether a word names a tool. One that is a common word as well does so only with a capital: fish, and Fish."""
    low = word.lower()
    return low in TOOLS and (word != low or low not in COMMON_TOOLS)


def _tool_words(value: str) -> list[str]:
    return [
        word.removesuffix("'s")
        for word in _WORD.findall(_OF_SEVERAL_WORDS.sub(lambda found: found.group().replace(" ", "-"), value))
    ]


def manner_slot(wish: str) -> tuple[Slot, str] | None:
    """The slot of a wish about answers: their length, tone, units, language. None where it is about none of these."""
    words = words_of(wish)
    for word in words:
        if word in LANGUAGES:
            return of_user("language of answers"), "answers in"
        if word in UNITS:
            return of_user("units"), "units"
        if word in CLOCKS:
            return of_user("clock"), "clock"
    dimension = "length" if _LIMIT.search(wish) else next((MANNERS[word] for word in words if word in MANNERS), None)
    if dimension is None and any(word in AUDIENCES for word in words):
        dimension = "level"
    return (of_user(f"{dimension} of answers"), f"{dimension} of answers") if dimension else None


def is_about_answers(noun: str) -> bool:
    return any(word in ANSWERS for word in words_of(noun))
