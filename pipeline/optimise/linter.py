"""What must survive when a prompt is shortened: the gate of every tier that leaves out words.

Counted on both sides are numbers with their units, dates, negations, quantities, obligations, names, addresses and
identifiers, quotes, code, formats and questions. Whatever is missing, or was not there before, is a violation, and the
original is sent. Courtesies hold such words as well ("if you don't mind"): those phrases, few and fixed, do not count.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from pipeline.cache.guards.words import UNITS, several
from pipeline.optimise.english import lowered
from pipeline.optimise.features import (
    BEFORE_NUMBERS,
    DATES,
    FORMS,
    MODALS,
    NEGATIONS,
    NUMERALS,
    OBLIGES,
    QUANTITIES,
    QUESTIONS,
    Features,
    is_word,
)

_HARD = frozenset({"quote", "code_block", "code", "address"})  # never part of a courtesy
_CONTRACTED = several(
    "don't doesn't didn't isn't aren't wasn't weren't won't wouldn't can't couldn't shouldn't mustn't haven't hasn't "
    "hadn't needn't ain't "
    "mightn't shan't"
)
_SENSITIVE = (
    _CONTRACTED | NEGATIONS | QUANTITIES | MODALS | QUESTIONS | FORMS | NUMERALS | DATES | BEFORE_NUMBERS | frozenset(UNITS)
)
_OBLIGATION = re.compile(r"\b(?:need|needs|needed|have|has|had|supposed|allowed|required|going) to\b")
_QUOTING = '"“”„«»「」‘`~\\'
_OPENS = re.compile(r"(?<![\w'’])'")
_PUNCTUATION = ",.;:!()…–—"
LONGEST_WORD = 24  # characters of what is remembered
_BESIDE = OBLIGES | BEFORE_NUMBERS | NUMERALS | frozenset(UNITS) | {"to"}  # words that count together with one beside them
_PLAIN = frozenset({"", "I"})
_OWN = re.compile(r"(?:I|[A-Za-z]['’]|[a-z]+['’])[a-z]*|")

_NOTE = r"(?:mention|say|add|admit|confess|stress|clarify|tell you|point out|note)"
_NOTED = r"(?:noted|mentioned|said|pointed out|added|remembered|stressed|emphasi[sz]ed)"
_NOTING = r"(?:note|noting|mention|mentioning|know|keep in mind|bear in mind|point out|pointing out|remember|remembering)"
_AID = (
    r"(?:help|assistance|advice|support|input|guidance|suggestions?|tips?|pointers?|insights?|information|feedback"
    r"|inconvenience"
    r"|attention|thoughts|ideas?|recommendations?|questions?)"
)
_HELPS = r"(?:help|assist|question|favou?r|something|hand)"
# Words of the classes that are counted, where they are part of a courtesy.
_COURTESIES = re.compile(
    r"\b(?:if (?:that|this|it)(?:'s| is)(?: all)? (?:ok|okay|alright|right|fine)(?: with you)?|(?:if )?at all possible"
    r"|(?:if|hope|trust) you (?:do not|don't|would not|wouldn't) mind(?: me asking)?"
    r"|if (?:it|that)(?:'s| is| isn't|isn't| is not|'s not) (?:not )?too much (?:trouble|to ask|of a bother|bother|hassle)"
    r"|do(?: not|n't) hesitate|needless to say|(?:it )?goes without saying|no (?:worries|rush|hurry|pressure)(?: at all)?"
    r"|(?:i|we)(?: do(?: not|n't)| don't) (?:want|mean|wish) to (?:bother|disturb|trouble|impose)"
    r"|not (?:disturbing|bothering|interrupting)|not (?:too|so) distant|whether or not|in other words|in case of"
    r"|first of all|first and foremost|first off|all the best|hi all|hello all|after all|all right"
    r"|all (?:of )?(?:your|the|this|that) (?:help|support|time|kindness|effort|efforts|assistance|patience)"
    r"|(?:hope|trust)(?: that)? (?:all|everything) is"
    rf"|any (?:kind of |sort of |and all |further |other |additional |possible )?{_AID}|any and all {_AID}|any chance"
    rf"|any way you|any time"
    r"|more than (?:happy|glad|willing|welcome|grateful)"
    r"|most (?:appreciated|grateful|welcome|kind|appreciative|thankful|obliged|helpful)|kind enough|good enough"
    r"|too (?:kind|much (?:trouble|to ask))|(?:have|got|spare|take|find)(?: \w+)? (?:a |one )?(?:quick |spare |free )?"
    r"(?:second|sec|minute|moment)s?(?: of your time)?|a million thanks|thanks a million|(?:many|a thousand) thanks"
    r"|one (?:more )?thing"
    rf"|(?:i|we)(?: \w+)? (?:should|must|have to|need to|ought to)(?: \w+){{0,2}} {_NOTE}"
    rf"|(?:should|must|may|might)(?: also| perhaps)? be {_NOTED}|as (?:you|i)(?: \w+){{0,4}} (?:know|imagine|guess"
    rf"|aware|mentioned|said|noted|tell)"
    rf"|it (?:is|'s) (?:\w+ )?(?:essential|important|worth|crucial|necessary) (?:to )?{_NOTING}"
    r"|(?:i|we)(?: \w+)? need to (?:know|find out|understand|hear|learn|ask)|(?:may|might) (?:i|we)\b|if i may"
    r"|(?:are you|doing(?: \w+)?|writing(?: to you)?|reaching out(?: to you)?|contacting you|with you|for you|help"
    r"|question|bother you)"
    r" today|what (?:i|we)(?: [a-z']+){1,8}? (?:is|would be)"
    r"|which would (?:really |be (?:\w+ )?(?:appreciated|great|helpful|wonderful|nice|lovely|good))"
    r"|dear (?:sir|madam)(?: or (?:sir|madam))?"
    rf"|(?:can|could|would|will|may|might) (?:you|i|we)\b(?: \w+){{0,8}} {_HELPS}"
    r"(?: (?:me|us|out|with|this|you|something|a|the|following|of|to|answer|my)){0,8} ?\?)(?!\w)"
)


def check(original: str, new: str) -> tuple[str, ...]:
    """The names of what is not the same in both, sorted: `address`, `code`, `code_block`, `date`, `format`, `modal`, `name`,
    `negation`, `number`, `quantity`, `question`, `quote`, `sign`. Empty: nothing is missing and nothing was added.
    """
    if original == new:
        return ()
    marked = _is_marked(original) or _is_marked(new)
    if not marked and _is_harmless(original, new):
        return ()
    bare, rest = _without_courtesies(original), _without_courtesies(new)
    if not marked and _is_harmless(bare, rest):
        return ()
    found = _differences(bare, rest)
    if marked:
        found |= _differences(original, new) & _HARD  # a quoted courtesy is no courtesy
    return tuple(sorted(found))


def added(original: str, new: str) -> tuple[str, ...]:
    """The names of what `new` has and `original` has not, or not as often: the gate for extracts, which leave out sentences
    but may not say anything of their own. Quotes do not count, since a sentence in them may be left out.
    """
    one, other = Features(original), Features(new)
    found = {kind for kind, counted in other.kinds.items() if counted - one.kinds.get(kind, Counter())}
    if _lacks_names(other, one):
        found.add("name")
    return tuple(sorted(found - {"quote", "code_block"}))


def _differences(one: str, other: str) -> set[str]:
    mine, theirs = Features(one), Features(other)
    found = {kind for kind in mine.kinds.keys() | theirs.kinds.keys() if mine.kinds.get(kind) != theirs.kinds.get(kind)}
    if _lacks_names(mine, theirs) or _lacks_names(theirs, mine):
        found.add("name")
    return found


def _lacks_names(one: Features, other: Features) -> bool:
    """Whether the other text lacks a name of the first. A name that comes to stand first in a sentence is still there."""
    if any(other.raw[name] < times for name, times in one.names.items()):
        return True
    return any(other.times(word) < times for word, times in one.openers.items())


def _is_marked(text: str) -> bool:
    """Whether there are quotes or code."""
    return any(mark in text for mark in _QUOTING) or ("'" in text and _OPENS.search(text) is not None)


def _is_harmless(original: str, new: str) -> bool:
    """Whether both clearly hold the same of what is counted. Right when it says so, and quick; it knows no quotes."""
    cut = len(original) - len(new)
    if cut > 1 and original[cut:].lower() == new.lower() and original[cut - 1] == " ":
        # Its beginning went: only that has to be looked at, and the words where it was cut.
        beside = (*original[:cut].split()[-1:], *new.split(None, 1)[:1])
        if all(word.isalpha() and word.lower() not in _BESIDE for word in beside):
            return _held(original[:cut]) == []
    return _held(original) == _held(new)


def _held(text: str) -> list[str]:
    """What of a text may count: words that do, whatever is no plain word in lower case, obligations. In alphabetical order."""
    tokens = text.split()
    found = [token for token in map(_counted, tokens) if token]
    if found and found[0] == tokens[0] and tokens[0].istitle() and is_word(tokens[0].lower()):
        del found[0]  # a capital at the beginning
    if found and not OBLIGES.isdisjoint(found):
        found = [token for token in found if token not in OBLIGES] + _OBLIGATION.findall(lowered(text))
    return sorted(found)


def _counted(token: str) -> str:
    return _counted_word(token) if len(token) <= LONGEST_WORD else token


@lru_cache(maxsize=20_000)
def _counted_word(token: str) -> str:
    """What of a token may count; empty for a plain word. Texts are made of the same words again and again."""
    word = token.strip(_PUNCTUATION)
    low = lowered(word)
    if low in _SENSITIVE or low in OBLIGES:
        return low
    return "" if word in _PLAIN or (word.islower() and word.isalpha()) or _OWN.fullmatch(word) else word


def _without_courtesies(text: str) -> str:
    parts: list[str] = []
    place = 0
    for match in _COURTESIES.finditer(lowered(text)):
        parts += [text[place : match.start()], " "]
        place = match.end()
    return "".join([*parts, text[place:]])
