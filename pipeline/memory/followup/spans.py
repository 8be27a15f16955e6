"""The pieces of a question that a follow-up may exchange, and of what kind they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pipeline.cache.guards.reading import is_common
from pipeline.cache.guards.words import DATES, LANGUAGES, ORDINALS, PLACES, PROGRAMMING, STOPWORDS, UNITS, VAGUE_PLACES, several

PREPOSITIONS = several(
    "in on for of from to with without by at under over about into during per since before after between until as than "
    "against via using"
)
_PREPOSITION = "|".join(sorted(PREPOSITIONS, key=len, reverse=True))
_DETERMINER = r"(?:a|an|the|my|your|some|any)"
_QUOTED = re.compile(r"\"[^\"\n]{1,80}\"|“[^”\n]{1,80}”|'[^'\n]{2,80}'(?!\w)")
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z]\w{2,}\b")
_NUMBER = re.compile(r"(?<![\w.])[$€£]?\d[\d.,]*(?: ?%|(?: [a-z]{2,}(?=\W|$))?)")
_PROPER = re.compile(r"(?<![\w'])(?:the |The )?[A-Z][\w.'-]*(?:(?: of| the| de| of the)? [A-Z\d][\w.'-]*)*")
_AFTER_PREPOSITION = re.compile(
    rf"\b(?:{_PREPOSITION}) (?P<n>(?:{_DETERMINER} )?(?:[a-z][a-z'-]* ){{0,2}}[a-z][a-z'-]*?)(?= (?:{_PREPOSITION})\b|[?.!,;]|$)"
)
_INDEFINITE = re.compile(
    rf"\b(?P<n>an? (?:[a-z][a-z'-]* ){{0,2}}?[a-z][a-z'-]*)(?= (?:{_PREPOSITION}|works?|is|are|does|do|has|have|last|lasts|"
    rf"cost|costs|mean|means)\b|[?.!,;]|$)"
)
_PLURAL = re.compile(r"\b[a-z]{3,}(?<![sui])s\b")
_NAMED = re.compile(r"\s[A-Z][\w-]* $")  # "Model 3" is a name
_WORD = re.compile(r"[\w%+#.'-]+")
_BEFORE_PLACES = several("New South North Saudi Costa Sri United Czech Great Northern Southern")
_I = ("I", "I'm", "I'd", "I've", "I'll")
_NO_UNITS = several("in on of for to from by at with and or as is are was the")


class Span(msgspec.Struct, frozen=True):
    """A piece of a text. `prep` is the preposition before it; `kind` is what may take its place."""

    start: int
    end: int
    text: str
    kind: str
    prep: str = ""


def spans(text: str) -> list[Span]:
    """The pieces of a question, none within another; what is surest of its kind comes before what is less so."""
    found: list[Span] = []
    for start, end, kind in _candidates(text):
        if all(end <= other.start or start >= other.end for other in found):
            found.append(Span(start, end, text[start:end], kind, _preposition(text, start)))
    return sorted(found, key=lambda span: span.start)


def kind_of(text: str, *, led: bool = True) -> str:
    """The kind of a piece by itself, as in a follow-up; empty where it is of none.

    `led`: something stood before it, so a capital at its beginning says that it is a name.
    """
    article = re.match(r"(?:A|An|The|Some) (?=[a-z])", text)
    text = text[0].lower() + text[1:] if article else text
    found = next(
        (span for span in spans(f". {text}" if not led else f"- {text}") if span.end >= len(text.rstrip("?.! ")) + 2), None
    )
    if found is not None and found.start == 2:
        return found.kind
    words = text.lower().split()
    if not all(word.replace("-", "").isalpha() for word in words) or (text[:1].isupper() and len(words) > 1):
        return ""
    if len(words) == 1:
        return "" if words[0] in STOPWORDS else "plural" if _PLURAL.fullmatch(words[0]) else "bare"
    return "definite" if words[0] in ("the", "some") else "bare" if len(words) <= 3 else ""


def _candidates(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what may be a piece; of two that overlap, the first is taken."""
    yield from ((*found.span(), "quoted") for found in _QUOTED.finditer(text))
    yield from _names(text)
    yield from _numbers(text)
    yield from _known_words(text)
    yield from ((*found.span("n"), "common") for found in _AFTER_PREPOSITION.finditer(text))
    yield from ((*found.span("n"), "indefinite") for found in _INDEFINITE.finditer(text))
    yield from ((*found.span(), "plural") for found in _PLURAL.finditer(text) if found.group() not in STOPWORDS)


def _names(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _PROPER.finditer(text):
        start = _start_of_name(found, text)
        if start < found.end():
            yield start, found.end(), _kind_of_name(text[start : found.end()])


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _CODE.finditer(text):
        if found.group().lower() not in PROGRAMMING:
            yield *found.span(), "code"
    for found in _NUMBER.finditer(text):
        if not _NAMED.search(text[: found.start()]):
            yield *_number(found), _kind_of_number(found.group())


def _known_words(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _WORD.finditer(text):
        word = found.group().rstrip(".'")
        kind = _kind_of_word(word)
        if kind:
            yield found.start(), found.start() + len(word), kind


def _number(found: re.Match[str]) -> tuple[int, int]:
    """Where a number with its unit stands; a word behind it that is no unit is left out."""
    unit = found.group().partition(" ")[2]
    plain = not unit or unit in UNITS or unit == "%" or (unit.endswith("s") and unit not in _NO_UNITS)
    return found.start(), found.end() if plain else found.start() + found.group().index(" ")


def _kind_of_number(text: str) -> str:
    digits = text.split(maxsplit=1)[0]
    if text.endswith("%"):
        return "percentage"
    return "year" if re.fullmatch(r"1\d{3}|20\d\d|21\d\d", digits) else "number"


def _kind_of_word(written: str) -> str:
    """The closed class of a word, empty where it is of none."""
    word = written.lower()
    capital = written[:1].isupper()
    if word in PROGRAMMING or written in ("C", "Go", "R"):
        return "programming"
    if word in LANGUAGES and capital:
        return "language"
    if word in PLACES and word not in VAGUE_PLACES and capital:
        return "place"
    if word in DATES and (capital or word not in ("may", "march", "fall")):
        return "date"
    return "ordinal" if word in ORDINALS else ""


def _kind_of_name(name: str) -> str:
    """What a name with capitals is: 'New Zealand' is a place, 'The Starry Night' has nothing to do with nights."""
    words = [word for word in name.split() if word.lower() != "the"]
    kinds = [_kind_of_word(word.rstrip(".'")) for word in words]
    if len(words) == 1 or (kinds[-1] == "place" and words[0] in _BEFORE_PLACES):
        return kinds[-1] or ("code" if _CODE.fullmatch(words[-1]) else "proper")
    return "proper"


def _start_of_name(found: re.Match[str], text: str) -> int:
    """Where a name begins. The first word of a sentence has its capital for another reason, if it is a common word."""
    before = text[: found.start()].rstrip()
    first, _, rest = found.group().partition(" ")
    if not before or before[-1] in ".?!":
        if first.lower() == "the" and rest[:1].isupper():
            return found.start()
        if first.lower() in STOPWORDS or (not rest and not _kind_of_word(first)) or (rest and _is_opening(first)):
            named = (rest[:1].isupper() or rest[:4] == "the ") and rest.split()[0] not in _I
            return found.start() + len(first) + 1 if named else found.end()
    return found.end() if first in _I else found.start()


def _is_opening(word: str) -> bool:
    """Whether a word with which a sentence begins is a verb or the like: 'Compare Paris', 'Translate'."""
    return is_common(word.lower())


def _preposition(text: str, start: int) -> str:
    before = re.findall(r"[\w']+", text[max(0, start - 30) : start])
    while before and before[-1].lower() in ("a", "an", "the", "my", "your"):
        before.pop()
    return before[-1].lower() if before and before[-1].lower() in PREPOSITIONS else ""
