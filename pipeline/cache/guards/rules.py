"""The guards: vetoes on a pair of prompts. Each looks at one thing that a near miss changes and a vector hardly shows.

A guard never says that two prompts mean the same; it says that they do not, and why. They work on the text, so no search
for colliding vectors gets past them. Method: the lexical vetoes of Kmemo (github.com/NaCode-Studios/Kmemo, spec/guards).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher

from pipeline.cache.guards import words as known
from pipeline.cache.guards.reading import Reading, is_common, may_soften, stem

# Formats that nobody asks for by accident. The others are also ways to put a question ("list the planets") or plain nouns.
_STRICT_FORMATS = frozenset({"json", "yaml", "xml", "csv", "html", "latex", "poem", "essay"})
NEARLY = 2  # content words that two prompts may differ in and still be the same but for a negation
FEW = 3  # numbers, of which one can still say what each of them counts
EXCHANGED = 3  # different words at most, in prompts that are word for word the same else
LONG = 12  # words, among which one that is a name here and none there is another thing, and not another word for it
LIKE_LETTERS = 0.8  # of two names that may be one, misspelt
ALIKE = 0.4  # of the content words are shared by prompts that differ in a pair of opposites
_AMOUNT = re.compile(r"(\d[\d.,]*)([^\W\d]+)$")
_OPPOSITE: dict[str, frozenset[str]] = {}
for _one, _other in known.OPPOSITES:
    _OPPOSITE[_one] = _OPPOSITE.get(_one, frozenset()) | {_other}
    _OPPOSITE[_other] = _OPPOSITE.get(_other, frozenset()) | {_one}
_ONES = Counter({"1": 9})
_OPPOSITE_PARTICLE = {"on": "off", "off": "on", "up": "down", "down": "up", "in": "out", "out": "in"}


def veto(one: Reading, other: Reading) -> str | None:
    """The name of the guard that rules this pair out, or None. Symmetric."""
    return next((name for name, guard in GUARDS.items() if guard(one, other)), None)


def numbers(one: Reading, other: Reading) -> bool:
    """Each has a number that the other lacks, or they are of other things. The words 'one' and 'first' are numbers where the
    other has another one.
    """
    mine, theirs = Counter(one.numbers) - Counter(other.numbers), Counter(other.numbers) - Counter(one.numbers)
    if (mine and theirs) or _recounted(one, other):
        return True
    return bool((mine - _ONES and other.has_one and not one.has_one) or (theirs - _ONES and one.has_one and not other.has_one))


def codes(one: Reading, other: Reading) -> bool:
    """Each has an address, a path or an identifier that the other lacks, however it is spelt."""
    mine, theirs = one.codes - other.codes, other.codes - one.codes
    return bool(mine and theirs) and not (_spelt(mine, other) or _spelt(theirs, one))


def units(one: Reading, other: Reading) -> bool:
    """Both name a unit that the other lacks, of the same dimension, or the same number has another unit, or the same unit another
    of the same numbers: 15 % of 80 is not 80 % of 15.
    """
    mine, theirs = one.units - other.units, other.units - one.units
    if {dimension for _, dimension in mine} & {dimension for _, dimension in theirs}:
        return True
    measures = one.measures - other.measures, other.measures - one.measures
    if one.numbers == other.numbers and {unit for _, unit, _ in measures[0]} & {unit for _, unit, _ in measures[1]}:
        return True
    measured, remeasured = ({(number, dimension) for number, _, dimension in part} for part in measures)
    return bool(measured & remeasured)


def dates(one: Reading, other: Reading) -> bool:
    return _exchanged(one.dates, other.dates)


def negation(one: Reading, other: Reading) -> bool:
    """One is negated and the other is not, not even in other words, and else they are nearly the same."""
    if one.negations % 2 == other.negations % 2 or len(set(one.content) ^ set(other.content)) > NEARLY:
        return False
    plain, negated = (other, one) if one.negations > other.negations else (one, other)
    return not (plain.softened and _carried(plain, negated))


def opposite(one: Reading, other: Reading) -> bool:
    """Each has the opposite of a word of the other, and else they are alike."""
    paired = [word for word in one.vocabulary | other.vocabulary if word in _OPPOSITE]
    mine = {word for word in paired if one.words.count(word) > other.words.count(word)}
    theirs = {word for word in paired if one.words.count(word) < other.words.count(word)}
    flipped = {word for word in mine if _OPPOSITE[word] & theirs}
    if not flipped and not _switched(one.phrases - other.phrases) & (other.phrases - one.phrases):
        return False
    flipped |= {word for word in theirs if _OPPOSITE[word] & mine}
    left, right = (set(reading.content).difference(map(stem, flipped)) for reading in (one, other))
    return len(left & right) >= ALIKE * len(left | right)


def languages(one: Reading, other: Reading) -> bool:
    return _exchanged(one.languages, other.languages)


def formats(one: Reading, other: Reading) -> bool:
    return _exchanged(one.formats, other.formats) or bool((one.formats ^ other.formats) & _STRICT_FORMATS)


def audience(one: Reading, other: Reading) -> bool:
    return _exchanged(one.audiences, other.audiences)


def names(one: Reading, other: Reading) -> bool:
    """Each has a name that the other does not mention, or a country that it does not, in whatever form."""
    return _exchanged(one.places, other.places) or bool(_unmatched(one, other) and _unmatched(other, one))


def substitution(one: Reading, other: Reading) -> bool:
    """The same words in the same order but for one, which is a name in each, as far as a text without capitals shows."""
    if len(one.content) != len(other.content) or not 2 <= len(one.content) <= 12:
        return False
    changed = [(mine, theirs) for mine, theirs in zip(one.content, other.content, strict=True) if mine != theirs]
    return len(changed) == 1 and not any(is_common(word) for word in changed[0])


def exchange(one: Reading, other: Reading) -> bool:
    """Word for word the same but for a few, one of which is another name, unit or date, or before where the other says after.
    The guards for these compare what is mentioned, and in a long prompt both may be, more than once.
    """
    if len(one.words) != len(other.words):
        return False
    places = [place for place, pair in enumerate(zip(one.words, other.words, strict=True)) if pair[0] != pair[1]]
    changed = {(one.words[place], other.words[place]) for place in places}
    few = len(changed) <= EXCHANGED
    if few and any(_tell_apart(*pair) for pair in changed):
        return True
    if places and Counter(one.words) == Counter(other.words):
        # The difference between A and B is that between B and A; from A to B is not from B to A.
        return _directed(one.words, places) and not _symmetric(one.words, places)
    if few and len(changed) < len(places) and len(one.words) >= LONG and not any(_misspelt(*pair) for pair in changed):
        return True  # the same thing has another name throughout
    return few and any(_rename(*pair, one, other) for pair in changed)


def direction(one: Reading, other: Reading) -> bool:
    """From A to B is not from B to A: the same preposition stands before different things that both prompts mention."""
    shared = set(one.content) & set(other.content)
    mine = {role for role in one.roles - other.roles if role[1] in shared}
    theirs = {role for role in other.roles - one.roles if role[1] in shared}
    return bool({cue for cue, _ in mine} & {cue for cue, _ in theirs})


def order(one: Reading, other: Reading) -> bool:
    """The same words in another order, which is more than a clause moved to the front, or a question put as a sentence."""
    if one.words == other.words or len(one.content) < 3 or Counter(one.words) != Counter(other.words):
        return False
    if one.vocabulary & known.SYMMETRIC:
        return False
    mine, theirs = (tuple(word for word in reading.words if word not in known.AUXILIARIES) for reading in (one, other))
    doubled = mine * 2
    return not any(doubled[start : start + len(theirs)] == theirs for start in range(len(mine)))


GUARDS: dict[str, Callable[[Reading, Reading], bool]] = {
    guard.__name__: guard
    for guard in (
        numbers,
        codes,
        units,
        dates,
        negation,
        opposite,
        languages,
        formats,
        audience,
        names,
        substitution,
        exchange,
        direction,
        order,
    )
}


def _directed(words: tuple[str, ...], places: list[int]) -> bool:
    """Whether words that changed places are what a preposition like 'from' stands before."""
    stretch = words[max(0, places[0] - 1) : places[-1] + 1]
    return not known.DIRECTION.isdisjoint(stretch)


def _symmetric(words: tuple[str, ...], places: list[int]) -> bool:
    """Whether a word like 'and' joins them."""
    return not known.SYMMETRIC.isdisjoint(words[places[0] : places[-1] + 1])


def _rename(mine: str, theirs: str, one: Reading, other: Reading) -> bool:
    """Whether two words that stand in the same place are names, or one of them is, and in no other spelling or short form."""
    named = mine in one.names, theirs in other.names
    if not any(named) or _misspelt(mine, theirs):
        return False
    return all(named) or (len(one.words) >= LONG and not (mine in one.acronyms or theirs in other.acronyms))


def _tell_apart(one: str, other: str) -> bool:
    """Whether two words that stand in the same place are different units, dates or opposite prepositions."""
    amount, unit = _AMOUNT.match(one), _AMOUNT.match(other)
    if amount and unit and amount[1] == unit[1]:
        one, other = amount[2], unit[2]  # 2GB and 2TB
    if one in known.UNITS and other in known.UNITS:
        return known.UNITS[one] != known.UNITS[other]
    if one in known.DATES and other in known.DATES:
        return known.DATES[one] != known.DATES[other]
    return frozenset((one, other)) in known.CONTRARY


def _misspelt(one: str, other: str) -> bool:
    """Whether two words are one, written in two ways."""
    return stem(one) == stem(other) or SequenceMatcher(None, one, other, autojunk=False).ratio() >= LIKE_LETTERS


def _exchanged(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one - other and other - one)


def _spelt(codes: frozenset[str], other: Reading) -> bool:
    """Whether the other prompt has all of these in other spellings: Node.js, nodejs, node js."""
    text = "".join(other.words)
    return all(re.sub(r"[\W_]", "", code) in text for code in codes)


def _unmatched(one: Reading, other: Reading) -> frozenset[str]:
    """Names of `one` that `other` does not mention, in whatever spelling it may have of them."""
    missing = one.names - other.vocabulary
    if not missing:
        return missing
    stems = {stem(known.ALIASES.get(word, word)) for word in other.words}
    missing = frozenset(name for name in missing if stem(known.ALIASES.get(name, name)) not in stems)
    if not missing:
        return missing
    spelt_out = (name for name in missing & one.acronyms if _initials(name, other.words))
    return missing.difference(spelt_out, *(_initials(name, one.words) for name in other.acronyms))


def _recounted(one: Reading, other: Reading) -> bool:
    """Two of this and three of that are not three of this and two of that."""
    if not 2 <= len(one.numbers) == len(other.numbers) <= FEW:
        return False
    mine, theirs = one.counts - other.counts, other.counts - one.counts
    return any(
        thing == same
        for count, thing in mine
        for new, same in theirs
        if count in {number for number, _ in other.counts} and new in {number for number, _ in one.counts}
    )


def _initials(acronym: str, words: tuple[str, ...]) -> frozenset[str]:
    """The words in a row that have these initials, small ones between them left out: USA, United States of America."""
    if not 2 <= len(acronym) <= 6:
        return frozenset()
    for row in (words, [word for word in words if word not in known.STOPWORDS]):
        place = "".join(word[0] for word in row).find(acronym)
        found = row[place : place + len(acronym)] if place >= 0 else ()
        if found and found[0] not in known.STOPWORDS and found[-1] not in known.STOPWORDS:
            return frozenset(found)
    return frozenset()


def _carried(plain: Reading, negated: Reading) -> bool:
    """Whether the one without a negation says in another word what the other negates: 'invalid', 'stop', 'sugarless'."""
    for word in filter(may_soften, plain.vocabulary - negated.vocabulary):
        if word in known.SOFT_NEGATORS:
            return True
        bare = [word.removeprefix(prefix) for prefix in known.PREFIXES if word.startswith(prefix)]
        if word.endswith("less"):
            bare.append(word.removesuffix("less"))
        if any(stem(rest) in negated.content for rest in bare):
            return True
    return False


def _switched(phrases: frozenset[str]) -> set[str]:
    """'turn off' for 'turn on'."""
    parts = (phrase.partition(" ") for phrase in phrases)
    return {f"{verb} {_OPPOSITE_PARTICLE[particle]}" for verb, _, particle in parts}
