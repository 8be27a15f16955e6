"""Traps: prompts that differ from a given one in a single thing that changes what is asked.

Every change here is one that asks for another answer. What might leave the meaning as it was is not made: the number of a
list's item, "isn't it" for "is it", the ends of a distance, idioms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from bench.cache.data import normalised
from bench.cache.names import Names, names_in
from pipeline.cache.guards import words as W  # noqa: N812  as the guards call it

NUMBERS_EACH = 2  # substitutes for a number


class Trap(NamedTuple):
    """`text` asks something else than `original`; `kind` says in what it differs, `change` how."""

    original: str
    text: str
    kind: str
    change: str


def traps(text: str, names: Names) -> list[Trap]:
    """All traps of a prompt, each text once. The same prompt gives the same ones."""
    rng = Random(text)
    found: dict[str, Trap] = {}
    for kind, make in KINDS.items():
        for changed, change in make(text, names, rng):
            same = normalised(changed) == normalised(text)
            if not same and changed not in found:
                found[changed] = Trap(text, changed, kind, change)
    return list(found.values())


Changes = Iterator[tuple[str, str]]


def _put(text: str, match: re.Match[str], new: str, group: int | str = 0) -> tuple[str, str]:
    return text[: match.start(group)] + new + text[match.end(group) :], f"{match.group(group)} -> {new}"


def _cased(new: str, like: str) -> str:
    return new.capitalize() if like[:1].isupper() else new


# --- numbers ---

_DIGITS = re.compile(r"(?<![\w.,/:#-])\d{1,3}(?:,\d{3})+(?![\w,]|\.\d)|(?<![\w.,/:#-])\d+(?:\.\d+)?(?![\w/:-]|[.,]\d)")
_ITEM = re.compile(r"(?:^|\n)\s*$")
_SPOKEN = [word for word, number in W.CARDINALS.items() if number > 1]
_NTH = [word for word, number in W.ORDINALS.items() if 3 <= number <= 12]
_IN_WORDS = re.compile(
    rf"\b(?:{'|'.join(_SPOKEN)}|{'|'.join(_NTH)})\b(?! (?:hundred|thousand|million|billion|of a kind))", re.IGNORECASE
)


def _numbers(text: str, names: Names, rng: Random) -> Changes:
    for match in _DIGITS.finditer(text):
        item = _ITEM.search(text[: match.start()]) and text[match.end() : match.end() + 1] in (".", ")")
        if not item and not _YEAR.fullmatch(match.group()):
            for new in _other_numbers(match.group(), rng):
                yield _put(text, match, new)
    for match in _IN_WORDS.finditer(text):
        word = match.group().lower()
        among = _SPOKEN if word in _SPOKEN else _NTH
        yield _put(text, match, _cased(rng.choice([other for other in among if other != word]), match.group()))


def _other_numbers(digits: str, rng: Random) -> list[str]:
    """A little more, and a few times as much, written in the same way."""
    value = float(digits.replace(",", ""))
    decimals = len(digits.partition(".")[2])
    more = [value + rng.choice((1, 2, 3)), value * rng.choice((2, 3, 10)) + (value == 0) * 7]
    written = [f"{new:,.{decimals}f}" if "," in digits else f"{new:.{decimals}f}" for new in more]
    return list(dict.fromkeys(new for new in written if new != digits))[:NUMBERS_EACH]


# --- dates ---

_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_YEARS = re.compile(r"(?<![\w$€£.,/:-])(?:1[89]|20)\d\d(?![\w/:%-]|[.,]\d)")
_MONTH_NAMES = [name.capitalize() for name in dict.fromkeys(W.MONTHS.values())]
_DAY_NAMES = [name.capitalize() for name in dict.fromkeys(W.DAYS.values()) if name.endswith("day") and name != "weekday"]
_MONTH = re.compile(
    rf"\b(?:{'|'.join(name for name in _MONTH_NAMES if name not in ('May', 'March', 'August'))})\b", re.IGNORECASE
)
_MONTH_WRITTEN_BIG = re.compile(r"(?<=\b(?:in|of|by) )(?:May|March|August)\b")
_DAY = re.compile(rf"(?<!Black )(?<!Good )\b(?:{'|'.join(_DAY_NAMES)})\b", re.IGNORECASE)


def _dates(text: str, names: Names, rng: Random) -> Changes:
    for match in _YEARS.finditer(text):
        year = int(match.group())
        yield _put(text, match, str(year + rng.choice((-7, -3, -2, -1, 1, 2, 3))))
    for pattern, among in ((_MONTH, _MONTH_NAMES), (_MONTH_WRITTEN_BIG, _MONTH_NAMES), (_DAY, _DAY_NAMES)):
        for match in pattern.finditer(text):
            new = rng.choice([name for name in among if name.lower() != match.group().lower()])
            yield _put(text, match, new if match.group()[0].isupper() else new.lower())


# --- names ---


def _names(text: str, names: Names, rng: Random) -> Changes:
    for name in dict.fromkeys(match.group() for match in names_in(text)):
        for other in names.others(name, text, rng):
            # Everywhere: a prompt with one of two mentions changed would make no sense.
            yield re.sub(rf"\b{re.escape(name)}\b", other, text), f"{name} -> {other}"


# --- negation ---

_ASKING = "how|why|what|which|when|where|who"
_QUESTION = re.compile(rf"\b(?:{_ASKING}|whose)\b", re.IGNORECASE)
_DOING = "do|does|did|should|can|could|would|will|must"
_PEOPLE = "i|you|we|they|he|she|it|one|people|women|men|girls|guys|someone|students|companies"
_ASKED_HOW = re.compile(rf"\b(?:{_ASKING})(?: \w+)? (?:{_DOING}) (?:{_PEOPLE})\b(?! not\b)(?= \w)", re.IGNORECASE)
_RELATIVE = re.compile(rf"\b(?:that|which|who|there|it|he|she|they) (?:is|are|was|were|{_DOING})\b(?! not\b)(?= \w)")
_ORDERS = (
    "write|list|explain|describe|give|tell|show|create|generate|make|find|name|translate|summarize|compare|calculate|identify|suggest|"
    "design|edit|turn|set|call|send|add|delete|remove|schedule|order|play|cancel|change|transfer|book"
)
_ORDER = re.compile(rf"^(?:please )?(?P<verb>{_ORDERS})\b(?= )", re.IGNORECASE)
_WITH = re.compile(r"(?<!wrong )(?<=\w )with(?= (?:a|an|any|some) \w)")
_WITHOUT = re.compile(r"\bwithout\b")
_VERBS = ("do", "does", "did", "is", "are", "was", "were", "should", "would", "could", "have", "has")
_NEGATED = {f"{verb}{end}": verb for verb in _VERBS for end in ("n't", "nt")}
_NEGATED |= {"can't": "can", "cannot": "can", "cant": "can", "won't": "will"}
# "If you don't mind" and "why don't you" are no negations.
_CONTRACTED = re.compile(
    rf"\b(?!(?<=why )don'?t (?:we|you)\b)(?:{'|'.join(_NEGATED)})\b(?! (?:mind|know|care|worry|forget)\b)", re.IGNORECASE
)
_NOT = re.compile(r"(?<!why )(?<!or )(?<!if )(?<!than )\bnot (?!only\b|just\b|sure\b|to mention\b)", re.IGNORECASE)
_NEVER = re.compile(r"\bnever (?!mind\b)", re.IGNORECASE)
_POLAR = re.compile(r"^\W*(?:(?:is|are|was|were|do|does|did|can|could|should|would|will|have|has)(?:n't)?)\b", re.IGNORECASE)


def _negation(text: str, names: Names, rng: Random) -> Changes:
    text = text.replace("’", "'")
    yield from _negated(text)
    yield from _affirmed(text)


def _negated(text: str) -> Changes:
    for pattern in (_ASKED_HOW, _RELATIVE):
        for match in pattern.finditer(text):
            if _asked(text, match):
                yield text[: match.end()] + " not" + text[match.end() :], f"{match.group()} -> {match.group()} not"
    order = _ORDER.match(text)
    if order:
        yield _put(text, order, f"do not {order['verb'].lower()}", "verb")
    for match in _WITH.finditer(text):
        yield _put(text, match, "without")


def _affirmed(text: str) -> Changes:
    for match in _WITHOUT.finditer(text):
        yield _put(text, match, "with")
    for match in _CONTRACTED.finditer(text):
        if _asked(text, match):
            yield _put(text, match, _cased(_NEGATED[match.group().lower()], match.group()))
    for pattern in (_NOT, _NEVER):
        for match in pattern.finditer(text):
            if _asked(text, match):
                yield _put(text, match, "")


def _asked(text: str, match: re.Match[str]) -> bool:
    """Whether this belongs to what is asked or ordered, rather than to the story before it, and not to a question for yes or
    no, which asks the same with "not".
    """
    start = max((text.rfind(mark, 0, match.start()) for mark in ".?!\n"), default=-1) + 1
    ends = [end for mark in ".?!\n" if (end := text.find(mark, match.start())) >= 0]
    last = text[min(ends)] if ends else "?"
    before = text[start : match.start()].strip()
    if _POLAR.match(text[start:]) and last == "?":
        return False
    return not before or bool(_ORDER.match(f"{before} ") or _QUESTION.search(text[start : match.end()]))


# --- units ---

# By dimension, in the singular and the plural; the short forms are exchanged among themselves.
_UNITS = (
    (
        "millimeter centimeter meter kilometer inch foot yard mile",
        "millimeters centimeters meters kilometers inches feet yards miles",
    ),
    ("milligram gram kilogram ounce pound ton", "milligrams grams kilograms ounces pounds tons"),
    ("liter gallon cup pint tablespoon teaspoon", "liters gallons cups pints tablespoons teaspoons"),
    ("minute hour day week month year", "minutes hours days weeks months years"),
    ("dollar euro yen rupee", "dollars euros yen rupees"),
    ("byte kilobyte megabyte gigabyte terabyte", "bytes kilobytes megabytes gigabytes terabytes"),
)
_SHORT = ("mm cm km", "mg kg lbs oz", "kb mb gb tb")
_SCALES = ("celsius fahrenheit kelvin",)
_BEFORE_PLURAL = ("\\d ", "how many ", "in ", "few ", "two ", "three ", "four ", "five ", "six ", "ten ", "to ")
_BEFORE_SINGULAR = ("per ", "every ", "each ", "1 ", "one ", "in an ", "in a ", "for an ", "for a ")


def _patterns() -> Iterator[tuple[re.Pattern[str], list[str]]]:
    for singular, plural in _UNITS:
        for words, before in ((singular.split(), _BEFORE_SINGULAR), (plural.split(), _BEFORE_PLURAL)):
            behind = "|".join(rf"(?<=\b{word})" for word in before)
            yield re.compile(rf"(?:{behind})(?:{'|'.join(words)})\b(?!-|'| one\b)", re.IGNORECASE), words
    for short in _SHORT:
        yield re.compile(rf"(?:(?<=\d)|(?<=\d ))(?:{short.replace(' ', '|')})\b", re.IGNORECASE), short.split()
    for scale in _SCALES:
        yield re.compile(rf"\b(?:{scale.replace(' ', '|')})\b", re.IGNORECASE), scale.split()


_UNIT_PATTERNS = list(_patterns())


def _units(text: str, names: Names, rng: Random) -> Changes:
    present = {W.UNITS[word][0] for word in re.findall(r"[a-z]+", text.lower()) if word in W.UNITS}
    for pattern, words in _UNIT_PATTERNS:
        others = [word for word in words if W.UNITS[word][0] not in present]
        for match in pattern.finditer(text):
            if others:
                yield _put(text, match, _cased(rng.choice(others), match.group()))


# --- direction ---

_THING = r"(?:(?:the|a|an|my) )?(?:[A-Z][\w.+#-]*(?: [A-Z][\w.+#-]*)*|[a-z][\w.+#-]*)"
_THEN = r"(?=[?.!,;]|$| (?:in|for|with|by|on|and|or|using|if|when|without|through|via|before|after|as|is|are|at)\b)"
_FROM_TO = re.compile(rf"\b(?P<cue>from) (?P<one>{_THING}) (?:in|on)?to (?P<other>{_THING}){_THEN}")
_TO_FROM = re.compile(rf"\b(?P<cue>to) (?P<one>{_THING}) from (?P<other>{_THING}){_THEN}")
_CHANGE = "[Cc]onvert|[Tt]ranslate|[Tt]ransform|[Cc]hange|[Tt]urn|[Ee]xchange|[Tt]ransfer"
_INTO = re.compile(rf"\b(?P<cue>{_CHANGE}) (?P<one>{_THING}) (?:in|on)?to (?P<other>{_THING}){_THEN}")
_TIMES = re.compile(rf"\b(?P<one>\w+ing) (?:before|after) (?P<other>\w+ing){_THEN}")
_SYMMETRIC = re.compile(
    r"\b(?:distance|far|between|differ\w*|range|ranging|all|everything|anywhere|long|apart|compar\w*|miles|numbers?)\b",
    re.IGNORECASE,
)
_IDLE = re.compile(
    "scratch|start|finish|end|time|beginning|day|place|top|bottom|head|toe|now|then|here|there|one|another|each|person|home|back|life|"
    "work|point|be|do|get|have|go|make|take|it|me|you|him|her|us|them|that|this|what|who|where|which|how|a|an|the"
)
_IDIOMS = "the day |look |looks |looking |named |care |run |going |and |or |soon |shortly |right |sought "
_BEFORE = re.compile(
    "".join(f"(?<!{idiom})" for idiom in _IDIOMS.split("|"))
    + r"\b(?P<word>before|after)\b(?!-|noon| all\b| effects?\b| and\b| or\b|shave|life|wards|math|hand)"
)


def _direction(text: str, names: Names, rng: Random) -> Changes:
    if not _SYMMETRIC.search(text):
        for pattern in (_FROM_TO, _TO_FROM, _INTO):
            yield from _swapped(text, pattern)
    yield from _swapped(text, _TIMES)
    for match in _BEFORE.finditer(text):
        yield _put(text, match, "after" if match["word"] == "before" else "before", "word")


def _swapped(text: str, pattern: re.Pattern[str]) -> Changes:
    for match in pattern.finditer(text):
        one, other = match["one"], match["other"]
        if one.lower() != other.lower() and not _idle(one) and not _idle(other):
            between = text[match.end("one") : match.start("other")]
            yield text[: match.start("one")] + other + between + one + text[match.end("other") :], f"{one} <-> {other}"


def _idle(thing: str) -> bool:
    """Whether this names nothing that could change places."""
    last = thing.lower().split()[-1]
    return bool(_IDLE.fullmatch(last)) or last in W.STOPWORDS or thing.isdigit()


KINDS: dict[str, Callable[[str, Names, Random], Changes]] = {
    "numbers": _numbers,
    "dates": _dates,
    "names": _names,
    "negation": _negation,
    "units": _units,
    "direction": _direction,
}
