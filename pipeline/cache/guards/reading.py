"""What the guards know of a prompt: its numbers, units, dates, negations, names and the rest of its few closed classes.

A prompt is read once and the reading kept beside it: comparing two readings is set arithmetic.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

import msgspec
import snowballstemmer

from pipeline.cache.guards import words as known
from pipeline.cache.guards.numerals import CLOCK, NUMBER, Numerals

_TOKEN = re.compile(
    r"https?://[^\s<>\"']+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w/])(?:~|\.{1,2})?/[\w.-]+(?:/[\w.-]+)*"
    r"|(?<![\w)\].-])[-−](?=\d)"  # a minus, not a dash
    r"|\d+(?:[.,:]\d+)*[a-zA-Z]*"
    r"|[¼-¾⅐-⅞]"
    r"|\w+(?:[-'.]\w+)*(?:\+\+|\#)?"
    r"|[$€£¥₹%]|°\s?[CcFf]\b"
    r"|[.?!]"
)
_DIGITS = re.compile(r"\d+")
_IDENTIFIER = re.compile(r"\w*_\w+|\w+\.\w{1,5}(?:\.\w+)*|[a-z]+[A-Z]\w*|[A-Za-z]+\d\w*")
_APOSTROPHES = str.maketrans("‘’ʼ＇′", "'''''")
_PARTICLES = frozenset({"on", "off", "up", "down", "in", "out"})
_PHRASAL = known.several(
    "turn turned turning switch switched switching log logged logging sign signed signing power toggle put take scale roll "
    "check checked checking opt opted plug zoom scroll clock"
)


class Reading(msgspec.Struct, frozen=True):
    """One prompt as the guards see it. `words` is all of it in lower case; `content` are the stems of what is no grammar."""

    words: tuple[str, ...]
    content: tuple[str, ...]
    numbers: tuple[str, ...]  # sorted, as values
    units: frozenset[tuple[str, str]]
    measures: frozenset[tuple[str, str, str]]  # (number, unit, dimension)
    dates: frozenset[str]
    has_one: bool  # 'one' or 'first', which may be a number
    negations: int
    softened: bool  # it has words that may carry a negation in another way
    names: frozenset[str]
    acronyms: frozenset[str]  # those of the names that are written in capitals
    places: frozenset[str]  # countries and the like, whatever is said of them, also in lower case
    codes: frozenset[str]  # addresses, paths, identifiers
    formats: frozenset[str]
    audiences: frozenset[str]
    languages: frozenset[str]
    roles: frozenset[tuple[str, str]]  # (preposition, the stem behind it)
    counts: frozenset[tuple[str, str]]  # (number, the stem behind it)
    phrases: frozenset[str]  # 'turn off', with what stands between left out

    @property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)


def read(text: str) -> Reading:
    """A reading of a prompt. Costs about 20 microseconds for a question."""
    return _Reader(text).reading()


_of_thread = threading.local()  # a stemmer keeps the word it works on in itself


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    stemmer = getattr(_of_thread, "stemmer", None)
    if stemmer is None:
        stemmer = _of_thread.stemmer = snowballstemmer.stemmer("english")
    return str(stemmer.stemWord(word))


def is_common(word: str) -> bool:
    """Whether a word in lower case is one of the language's, rather than a name."""
    return word in _common()


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    words = files("pipeline.cache.guards").joinpath("common.txt").read_text(encoding="utf-8").split()
    return frozenset(words) | {stem(word) for word in words}


class _Reader(Numerals):
    def __init__(self, text: str) -> None:
        super().__init__()
        start = True
        for found in _TOKEN.findall(text.translate(_APOSTROPHES)):
            if found in ".?!":
                start = True
                self._end_number()
                continue
            self._take(found, start)
            start = False
        self._end_number()

    def reading(self) -> Reading:
        words = tuple(self.words)
        present = frozenset(words)
        content = tuple(stem(word) for word in words if word not in known.STOPWORDS)
        names = self._names()
        return Reading(
            words=words,
            content=content,
            numbers=tuple(sorted(self.numbers)),
            units=frozenset(self.units),
            measures=frozenset(self.measures),
            dates=self._dates(),
            has_one=not present.isdisjoint(("first", "once", "single")) or ("one" in present and self._has_one()),
            negations=self._negations(),
            softened=any(word in known.SOFT_NEGATORS or may_soften(word) for word in present),
            names=names,
            acronyms=frozenset(raw.lower() for raw in self.raw if raw.isupper() and raw.lower() in names) if names else names,
            places=self._places(),
            codes=frozenset(self.codes),
            formats=frozenset(known.FORMATS[word] for word in present if word in known.FORMATS),
            audiences=frozenset(known.AUDIENCES[word] for word in present if word in known.AUDIENCES),
            languages=frozenset(
                known.PROGRAMMING.get(word, word) for word in present if word in known.LANGUAGES or word in known.PROGRAMMING
            ),
            roles=self._roles(),
            counts=self._counts(),
            phrases=self._phrases(),
        )

    def _take(self, found: str, start: bool) -> None:
        if found.islower() and found.isalpha() and found.isascii() and found not in CLOCK:
            self._take_part(found, found, start)  # nearly all of them
        elif found in "-−":
            self._end_number()
            self._minus = True
        elif found[0].isdecimal() and "@" not in found:
            self._take_number(found)
        elif found in known.SYMBOL_UNITS or found[0] == "°":
            self._minus = self._minus and found != "%"  # -10% is a fall by 10%
            unit = known.SYMBOL_UNITS[found[0] + found[1:].strip().lower()]
            named = known.UNITS.get(unit, (unit, "share"))
            if found == "%":
                self._measured(named)  # it stands behind its number
            else:
                self.units.add(named)
        elif len(found) == 1 and found.isnumeric() and not found.isalpha():
            self._take_fraction(found)
        else:
            self._take_word(found, start)

    def _take_word(self, token: str, start: bool) -> None:
        token = token.removesuffix("'s")
        plain = token.lower().replace("'", "")
        if plain in CLOCK:
            self._take_clock(CLOCK[plain], token, start)
            return
        if "@" in token or token[0] in "/~." or token.startswith(("http://", "https://")):
            # What ends the sentence is no part of an address.
            self.codes.add(token.lower().rstrip(".,;:!?)"))
            self._end_number()
            self._word(plain, token, start)
            return
        if plain not in known.PROGRAMMING:
            if _IDENTIFIER.fullmatch(token):
                self.codes.add(token.lower())
            elif not token.isascii():
                self.numbers += _DIGITS.findall(token)  # not every script has spaces
        if "-" not in plain or plain in known.PROGRAMMING or plain in known.FORMATS or plain in known.AUDIENCES:
            if plain[:5] == "five-":
                self._spoken_number("five", "five")  # years old
            self._take_part(plain, token, start)
            return
        for part, raw in zip(plain.split("-"), token.split("-"), strict=False):
            if NUMBER.fullmatch(part):
                self._take_number(raw)  # COVID-19
            else:
                self._take_part(part, raw, start)

    # --- the rest ---

    def _negations(self) -> int:
        """Without 'or not', which asks the same, 'no more than' and the minus of a number."""
        count = 0
        for place, word in enumerate(self.words):
            if word in known.NEGATORS:
                following, then = (*self.words[place + 1 : place + 3], " ", " ")[:2]
                count += not (
                    (place and self.words[place - 1] == "or" and word in ("no", "not", "without"))
                    or (word == "no" and then == "than")
                    or (word == "minus" and (following[0].isdecimal() or following in known.CARDINALS))
                )
        return count

    def _names(self) -> frozenset[str]:
        """Words with a capital where grammar asks for none. A title in capitals has none: everything in it is written so."""
        capital = [raw[:1].isupper() for raw in self.raw]
        inner = [big for big, first in zip(capital, self.initial, strict=True) if not first]
        shouted = len(inner) > 3 and sum(inner) > 0.7 * len(inner)
        found = set()
        for word, raw, big, first in zip(self.words, self.raw, capital, self.initial, strict=True):
            if not big or word in known.STOPWORDS or word in known.UNITS:
                continue
            acronym = len(raw) > 1 and raw.isupper() and not shouted
            if acronym or not (first or shouted) or not is_common(word):
                found.add(word)
        return frozenset(found)

    def _places(self) -> frozenset[str]:
        return frozenset(
            known.PLACES[word]
            for word, raw in zip(self.words, self.raw, strict=True)
            if word in known.PLACES
            and (word in known.PLAIN_PLACES or raw.isupper() or (raw[0].isupper() and word not in known.VAGUE_PLACES))
        )

    def _dates(self) -> frozenset[str]:
        found = set()
        for place, word in enumerate(self.words):
            name = known.DATES.get(word)
            if name and (word not in known.AMBIGUOUS_MONTHS or self._is_month(place)):
                found.add(name)
        return frozenset(found)

    def _is_month(self, place: int) -> bool:
        before, after = self.words[place - 1 : place], self.words[place + 1 : place + 2]
        return (
            (self.raw[place][:1].isupper() and not self.initial[place])
            or any(beside[0][0].isdecimal() for beside in (before, after) if beside)
            or (bool(before) and before[0] in known.BEFORE_MONTHS)
        )

    def _roles(self) -> frozenset[tuple[str, str]]:
        found, cue, many = set(), "", False
        replacing = not known.REPLACING.isdisjoint(self.words)
        for word in self.words:
            if word in known.DIRECTION or (replacing and word in ("with", "for")):
                cue = word
            elif word == "many":
                many = True
            elif word not in known.STOPWORDS and word not in ("degree", "degrees"):
                if many and word in known.UNITS:
                    cue = "to"  # "how many feet are in a mile" turns miles to feet
                if cue:
                    found.add((cue, stem(word)))
                cue, many = "", False
        return frozenset(found)

    def _counts(self) -> frozenset[tuple[str, str]]:
        found = set()
        for count, word in pairwise(self.words):
            if (count[0].isdecimal() or count in known.CARDINALS) and word not in known.STOPWORDS and not word[0].isdecimal():
                found.add((str(known.CARDINALS.get(count, count)), stem(word)))
        return frozenset(found)

    def _phrases(self) -> frozenset[str]:
        found = set()
        for index, word in enumerate(self.words):
            if word in _PHRASAL:
                particle = next((other for other in self.words[index + 1 : index + 5] if other in _PARTICLES), None)
                if particle:
                    found.add(f"{stem(word)} {particle}")
        return frozenset(found)


def may_soften(word: str) -> bool:
    """Whether a word may carry a negation in another way."""
    return word in known.SOFT_NEGATORS or (len(word) > 4 and (word.startswith(known.PREFIXES) or word.endswith("less")))
