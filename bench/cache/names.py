"""The names in prompts, and which may stand in for which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from random import Random

from pipeline.cache.guards import words as W  # noqa: N812  as the guards call it
from pipeline.cache.guards.reading import is_common, stem

EACH = 2  # substitutes for a name


class Names:
    """Names by kind, out of many prompts: what may stand in for a name of the same kind."""

    def __init__(self, prompts: Iterable[str]) -> None:
        found: dict[str, dict[str, None]] = {}
        for prompt in prompts:
            for match in names_in(prompt):
                found.setdefault(kind_of(match.group()), {})[match.group()] = None
        self._by_kind = {kind: list(names) for kind, names in found.items()}

    def others(self, name: str, text: str, rng: Random) -> list[str]:
        """Some names of the kind of this one that `text` does not mention in any form."""
        known = {stem(word.lower()) for word in re.findall(r"\w+", text)} | {_place(name)}
        mine = {word.lower() for word in re.findall(r"\w+", name)}
        some = self._by_kind.get(kind_of(name), [])
        drawn = rng.sample(some, min(len(some), 20))
        return [other for other in drawn if _foreign(other, name, known, mine)][:EACH]


def _foreign(other: str, name: str, known: set[str], mine: set[str]) -> bool:
    words = {word.lower() for word in re.findall(r"\w+", other)}
    if words & mine or {stem(word) for word in words} & known or _place(other) in known:
        return False
    return _initials(other) != name.lower() and _initials(name) != other.lower()


def _place(name: str) -> str:
    return stem(W.PLACES.get(name.lower(), name.lower()))


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.lower().split())


_NAME = re.compile(r"(?<![\w.'-])[A-Z][a-zA-Z]+(?: [A-Z][a-zA-Z]+)*(?![\w'-]|\.\w)")
_SENTENCE_END = re.compile(r"(?:^|[.?!:;\n\"“(]\s*|[-•*]\s+)$")


def names_in(text: str) -> Iterator[re.Match[str]]:
    """Capitalised words inside of a sentence that are no words of the language, dates, or a title's."""
    words = re.findall(r"[A-Za-z]+", text)
    if sum(word[0].isupper() for word in words) > 0.5 * len(words):
        return
    for match in _NAME.finditer(text):
        if not _SENTENCE_END.search(text[: match.start()]) and all(_is_name(word) for word in match.group().split()):
            yield match


def _is_name(word: str) -> bool:
    lowered = word.lower()
    dated = lowered in W.MONTHS or lowered in W.DAYS or lowered in W.SEASONS
    unit = lowered in W.UNITS or lowered in W.ROMAN or lowered in W.DAYTIMES
    known = lowered in W.PLACES or lowered in W.LANGUAGES or lowered in W.PROGRAMMING
    return not (dated or unit or lowered in W.STOPWORDS) and (known or not is_common(lowered)) and len(word) > 2


_COUNTRIES = {W.PLACES[word] for word in W.PLACES} & set(W.PLACES)


def kind_of(name: str) -> str:
    """What a name may be exchanged with."""
    lowered = name.lower()
    for kind, known in (
        ("language", W.LANGUAGES),
        ("technology", W.PROGRAMMING),
        ("country", _COUNTRIES),
        ("of a country", W.PLACES),
    ):
        if lowered in known:
            return kind
    if " " in name:
        return f"{min(3, len(name.split()))} words"
    return "acronym" if name.isupper() else "word"
