"""What a text holds that must survive when it is shortened: numbers, negations, names, quotes and the like, counted.

A feature belongs to a few words that stand together, so the features of a text are those of its sentences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.cache.guards.reading import is_common
from pipeline.cache.guards.words import (
    CARDINALS,
    DAYS,
    FORMATS,
    MONTHS,
    MULTIPLES,
    ORDINALS,
    SCALES,
    SEASONS,
    STOPWORDS,
    UNITS,
    several,
)
from pipeline.optimise.protected import fences, quoted
from pipeline.optimise.verbs import VERBS

_TOKEN = re.compile(
    r"(?P<address>\b[A-Za-z][\w+.-]{0,20}://[^\s<>\"')\]]+|\bwww\.[^\s<>\"')\]]+|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|(?<![\w.])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.-]*+)++|(?<!\w)--?[A-Za-z][\w-]*+=?)"
    r"|(?P<number>[$€£¥₹#]?[-−+]?\d+(?:[.,:/x×^-]\d+)*(?:[%‰°]\s?[CF]?\b|[%‰°]|\w+)?|[¼-¾⅐-⅞²³])"
    r"|(?P<code>[A-Za-z]{0,64}[_$@#\\][\w$@#\\.:-]*+|\w+(?:[.:]{1,2}\w+)+(?:\(\))?|\w+\(\)|[a-z]+[A-Z]\w*|\w*[A-Za-z]\d\w*"
    r"|C\+\+|[CF]\#)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<mark>\?+)"
    r"|(?P<end>[.!:…]+(?=\s|\Z)|\n\s*(?=\n|[-*•]))"
    r"|(?P<sign>[<>=≤≥≠±√∑∫∞%$€£¥₹]+)"
)
NEGATIONS = several(
    "not no never none nothing nobody nowhere neither nor without except excepting excluding exclude excluded excludes "
    "unless cannot "
    "cant dont wont isnt arent doesnt didnt shouldnt mustnt wouldnt avoid avoids avoiding refrain omit omitting skip "
    "hardly barely "
    "instead neglect forbid forbidden prohibited ban stop prevent lacking minus fail false wrong"
)
QUANTITIES = several(
    "only solely merely strictly exactly precisely approximately roughly least most maximum minimum max min more less "
    "fewer fewest "
    "greater smaller longer shorter larger higher lower all every each both either any several few entire whole than "
    "same different "
    "within limit limited between almost nearly equal equally other another else enough too"
)
MODALS = several(
    "must should shall ought always required require requires mandatory ensure guarantee essential compulsory "
    "obligatory prohibited "
    "allowed permitted may cannot"
)
OBLIGES = several("need needs needed have has had supposed allowed required going")  # before "to"
BEFORE_NUMBERS = several("over under above below up about around until till by before after since past")
QUESTIONS = several("what why how when where who whom whose which")
_FORMS = several(
    "table tables list lists bullet bullets bulleted numbered paragraph paragraphs sentence sentences word words "
    "character characters "
    "step steps heading headings title column columns row rows page pages line lines code snippet diagram chart "
    "markdown json yaml xml "
    "csv html latex essay poem haiku sonnet letter email script outline template tweet headline language english french "
    "german spanish"
)
FORMS = _FORMS | frozenset(FORMATS)
NUMERALS = frozenset((*CARDINALS, *ORDINALS, *SCALES, *MULTIPLES)) - several("i v x")  # Roman ones that are words or letters
DATES = frozenset((*MONTHS, *DAYS, *SEASONS, "today", "tomorrow", "yesterday", "tonight")) - {"may"}  # a verb, counted as one
_GREETINGS = several("hello hi hey hiya howdy greetings thanks thx cheers sorry pardon dear kindly please thank apologies")


def is_word(word: str) -> bool:
    """Whether a word in lower case is one of the language's, rather than a name."""
    return word in _GREETINGS or word in STOPWORDS or word in VERBS or is_common(word)


class Features:
    """The features of one text by kind, and the words that may be names. `raw` counts all words as they are written."""

    def __init__(self, text: str) -> None:
        self.kinds: dict[str, Counter[str]] = {}
        self.names: Counter[str] = Counter()  # with a capital within a sentence
        self.openers: Counter[str] = Counter()  # that begin a sentence, and are no common words
        self.raw: Counter[str] = Counter()
        self._initial = True
        self._number = ""  # the one before, for its unit
        self._before = ""  # the word before
        for match in _TOKEN.finditer(self._without_quotes(text)):
            self._take(match.lastgroup or "", match[0])
        self._end_number()

    def times(self, word: str) -> int:
        """How often a word is there, with a capital or without: where a sentence is cut, another word begins it."""
        return self.raw[word] + self.raw[word.lower()]

    def _without_quotes(self, text: str) -> str:
        parts: list[str] = []
        place = 0
        for block in fences(text):
            parts += [*self._paragraphs(text[place : block.whole[0]]), "\n"]
            self._count("code_block", text[slice(*block.whole)].strip())
            place = block.whole[1]
        return "".join([*parts, *self._paragraphs(text[place:])])

    def _paragraphs(self, text: str) -> Iterable[str]:
        for paragraph in re.split(r"(?<=\n)[ \t]*\n", text):
            yield from self._unquoted(paragraph)

    def _unquoted(self, paragraph: str) -> Iterator[str]:
        place = 0
        for start, end in quoted(paragraph):
            self._count("quote", paragraph[start:end].strip())
            yield paragraph[place:start] + " "
            place = end
        yield paragraph[place:] + "\n\n"

    def _take(self, kind: str, token: str) -> None:
        initial, self._initial = self._initial, kind in ("end", "mark")
        if kind == "word":
            self._word(token.replace("’", "'"), initial)
            return
        self._end_number()
        if kind == "number":
            self._count("quantity", self._before if self._before in BEFORE_NUMBERS else "")
            self._number = token
        elif kind == "mark":
            self._count("question", "?")
        elif kind != "end":
            self._count(kind, token)
        self._before = ""

    def _end_number(self) -> None:
        self._count("number", self._number)
        self._number = ""

    def _word(self, token: str, initial: bool) -> None:
        word = token.lower()
        self.raw[token] += 1
        if self._number:
            self._number += f" {UNITS[word][0]}" if word in UNITS else ""
            self._end_number()
        if token[0].isupper() and word.split("'")[0] != "i":
            if not initial:
                self.names[token] += 1
            elif not is_word(word.split("'")[0]):
                self.openers[token] += 1
        self._class(word)
        self._before = word

    def _class(self, word: str) -> None:
        if word in NUMERALS:
            self._count("quantity", self._before if self._before in BEFORE_NUMBERS else "")
            self._count("number", word)
        elif word in NEGATIONS or word.endswith("n't"):
            self._count("negation", word)
        elif word in DATES:
            self._count("date", word)
        elif word in QUANTITIES:
            self._count("quantity", word)
        elif word in QUESTIONS:
            self._count("question", word)
        elif word in FORMS:
            self._count("format", FORMATS.get(word, word))
        if word in MODALS:
            self._count("modal", word)
        elif word == "to" and self._before in OBLIGES:
            self._count("modal", f"{self._before} to")

    def _count(self, kind: str, token: str) -> None:
        if token:
            self.kinds.setdefault(kind, Counter())[token] += 1
