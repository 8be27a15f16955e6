"""The values of statements: where they end, and whether they can be what they are said to be."""

from __future__ import annotations

import re

from pipeline.cache.guards.reading import is_common
from pipeline.cache.guards.words import DATES, LANGUAGES, PLACES
from pipeline.memory.own import HOLE
from pipeline.memory.slots import words_of
from pipeline.memory.words import OTHER_PEOPLE, PASSING, VAGUE

TIME_ZONE = (
    r"(?:(?-i:UTC|GMT|CES?T|E[SD]T|C[SD]T|M[SD]T|P[SD]T|IST|JST|BST|AES?T|EES?T|WES?T|MSK|SGT|HKT)(?:[+-]\d{1,2}(?::\d\d)?)?|"
    r"\w+ (?:standard |daylight )?time)"
)
LONGEST = 16  # words of a value
LONGEST_NAME = 4
_SPAN = r"(?:days?|weeks?|months?|years?|decades?|ages|hours?)"
_MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|fall|winter|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|week|month|year|weekend|christmas|easter|\d{4})"
)
_CONTRAST = re.compile(
    r",?\s+(?:instead of|rather than|(?<!more )(?<!less )(?<!other )(?<!better )than|and not|but not|not|in place of|no "
    r"longer|no more|as opposed to)\s+(?:an? |the |in )?(?P<old>.+)$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"[\s,]+(?:now|right now|currently|at the moment|these days|nowadays|any ?more|any longer|again|too|as well|actually|by "
    r"the way|btw|please|pls|thanks(?: a lot)?|thank you|though|instead|for now|today|mostly|mainly|usually|primarily|"
    r"exclusively|only|always|myself|hands down|nice to meet (?:you|ya)|from (?:now|today|here) on(?:wards?)?|going forward|"
    r"from here on|in (?:the )?future|for good|so far|in general|no later|no exceptions|either|indeed|ok|okay|right|of course|"
    r"obviously|everywhere|all the time|every day|recently|"
    rf"lately|already|soon|originally|yesterday|for (?:me|us)|with (?:me|us|you)|if (?:that|it) (?:helps|matters|is ok)|since "
    rf"(?:last |this |the )?{_MONTHS}|for (?:about |over |almost |nearly |more than )?(?:an? |the last |the past )?(?:few |"
    rf"couple of |\w+ )?{_SPAN}(?: now)?|(?:last|this|earlier this|in|next) {_MONTHS}(?: \d{{4}})?|for (?:everything|all "
    rf"(?:of )?(?:it|that)|most things|"
    r"(?:my|our) (?:work|data|projects?))|more than anything|at (?:the )?latest|(?:a )?(?:few|couple of|\w+) "
    rf"{_SPAN} ago)$",
    re.IGNORECASE,
)
_DATED_TAIL = re.compile(
    r"[\s,]+(?:now|please|pls|thanks|actually|though|no later|at (?:the )?latest|instead|then|sharp)$", re.IGNORECASE
)
_CUT = re.compile(
    rf"{HOLE}|[(\[{{|<>=]|\s(?:because|so that|since|but|when|whenever|while|if|unless|until(?! \d)|though|although|who|which|"
    rf"where|"
    r"and (?:i|i'm|we|my|our|it|he|she|they|still|now|usually)|as (?:my|our|the|an?)|so)\s|(?-i:,\s(?![A-Z0-9])|"
    r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\bProf)\.\s)|\?|!",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:(?:now|currently|actually|just|still|basically|probably|really|simply|mostly|called|named|either)\s+)+", re.IGNORECASE
)
_ARTICLE = re.compile(r"^(?:(?:an?|the|my|our)\s+)+", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_][\w'’.-]*")
_PARTICLES = frozenset(
    {"de", "da", "di", "du", "del", "van", "von", "der", "den", "la", "le", "el", "al", "bin", "ibn", "of", "y", "e"}
)


def parted(value: str, *, dated: bool = False) -> tuple[str, str]:
    """A value without what follows it, and what it is said not to be any more: 'Go, not Python' is Go, and was Python.

    `dated`: the value is a time, so that 'next Friday' stays.
    """
    old = ""
    contrast = _CONTRAST.search(value)
    if contrast and contrast.start():
        value, old = value[: contrast.start()], trimmed(contrast["old"], dated=dated)
    return trimmed(value, dated=dated), old


def trimmed(value: str, *, dated: bool = False) -> str:
    """A value without openings and adverbials around it."""
    cut = _CUT.search(f"{value} ")
    value = _LEADING.sub("", value[: cut.start()] if cut else value).strip(" ,.;:!?\"'*_-~")
    tail = _DATED_TAIL if dated else _TAIL
    for _ in range(4):
        shorter = tail.sub("", value)
        if shorter == value:
            break
        value = shorter
    value = value.strip(" ,.;:!?\"'*_")
    return value if len(value.split()) <= LONGEST else ""


def is_thing(value: str) -> bool:
    """Whether a value is something at all: 'it', 'that one' and 'stuck' are not."""
    words = content_of(value)
    return bool(words) and words[0] not in VAGUE and not (len(words) == 1 and words[0] in PASSING)


def content_of(value: str) -> list[str]:
    """The words of a value without articles before them."""
    return words_of(_ARTICLE.sub("", value))


def unarticled(value: str) -> str:
    """A value without articles before it."""
    return _ARTICLE.sub("", value)


def is_person_name(value: str, *, sure: bool) -> bool:
    """Whether this can be somebody's name. `sure`: the words around it say that it is one, so it need not look like one."""
    words = value.split()
    if not 1 <= len(words) <= LONGEST_NAME or not all(_NAME.fullmatch(word) for word in words):
        return False
    low = [word.lower().strip(".") for word in words]
    if low[0] in VAGUE or low[0] in OTHER_PEOPLE or (not sure and _is_known(low[0])):
        return False
    capital = all(word[0].isupper() or word.lower() in _PARTICLES for word in words)
    return capital if not sure else capital or not any(is_common(word) for word in low)


def is_proper(value: str) -> bool:
    """Whether a value looks like the name of a place, a firm or a product: a capital or a digit at its first word."""
    words = [word for word in value.split() if word.lower() not in ("the", "a", "an")]
    return bool(words) and (words[0][0].isupper() or words[0][0].isdigit() or not is_common(words[0].lower().strip(".,")))


def _is_known(word: str) -> bool:
    """After a mere "I'm", a language, a nationality and a day are not taken for names."""
    return word in LANGUAGES or word in PLACES or word in DATES
