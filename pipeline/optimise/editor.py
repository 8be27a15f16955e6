"""Rewrites the sentences of one text, each checked by the linter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from typing import NamedTuple

from pipeline.optimise import announcements, linter, requests, wishes
from pipeline.optimise.announcements import announced
from pipeline.optimise.courtesies import OF_ASKING, OF_THANKS, announces, thanks, without_head, without_tail
from pipeline.optimise.english import lowered, sentences, words
from pipeline.optimise.fillers import unfilled
from pipeline.optimise.longways import short_ways
from pipeline.optimise.prose import Prose
from pipeline.optimise.protected import quoted
from pipeline.optimise.requests import bare_request, without_please
from pipeline.optimise.verbs import VERBS
from pipeline.optimise.wishes import done, given, helped, known

MOST_ROUNDS = 4
LONGEST = 1_000  # characters of a sentence; what is longer is none
_WRAPPED = re.compile(r"[ \t]*\n[ \t]*")


class Rule(NamedTuple):
    """A rewriting of sentences, tried where one of its words stands: most sentences have none, and cost next to nothing."""

    apply: Callable[[str], str]
    triggers: frozenset[str]


_ANNOUNCED = Rule(announced, announcements.TRIGGERS)
_REQUEST = Rule(bare_request, requests.TRIGGERS)
_WISHES = (
    Rule(done, wishes.DONE),
    Rule(helped, wishes.HELPED),
    Rule(given, wishes.GIVEN),
    Rule(known, wishes.KNOWN),
)
_PLEASE = Rule(without_please, requests.POLITE)
_ALWAYS = (_REQUEST,)  # also where words are the subject
_BESIDE = (_ANNOUNCED, _REQUEST, _PLEASE)  # a letter, which may thank and greet itself
_BEFORE = (_ANNOUNCED, _REQUEST, *_WISHES, _PLEASE)


Settled = set[tuple[str, str]]  # sentences that stay as they are, with how they were looked at


class Editor:
    """Rewrites the sentences of `text`, whose prose has been found. What the linter missed is in `violated`.

    `settled` is kept from one round to the next, and saves looking twice at what was found to stay.
    """

    def __init__(self, text: str, prose: Prose, settled: Settled) -> None:
        self._text = text
        self._prose = prose
        self._settled = settled
        self.violated: list[str] = []

    def paragraph(self, start: int, end: int) -> str:
        """One paragraph. Sentences that the linter objects to stay as they are; empty, where nothing is left."""
        text = self._text[start:end]
        parts: list[str] = []
        kept = quoted(text)
        place = 0
        for sentence in sentences(text):
            inside = any(left < place < right or left < place + len(sentence) < right for left, right in kept)
            parts.append(sentence if inside else self._checked(sentence, start + place))
            place += len(sentence)
        body = "".join(parts).rstrip()
        return body + text[len(text.rstrip()) :] if body else ""

    @cached_property
    def _asks(self) -> bool:
        """Whether something is asked for in a sentence that does more than announce it."""
        every = (sentence for span in self._prose.paragraphs for sentence in sentences(self._text[slice(*span)]))
        return any(not announces(lowered(sentence)) and _is_request(sentence.strip()) for sentence in every)

    def _checked(self, sentence: str, place: int) -> str:
        body = sentence.rstrip()
        if len(body) > LONGEST:
            return sentence
        flat = _WRAPPED.sub(" ", body) if "\n" in body else body
        way = self._way(place, place + len(flat))
        shorter = self._shortest(flat, way)
        if shorter == flat:
            return sentence
        violations = linter.check(body, shorter)
        self.violated += violations
        if violations:
            return sentence
        return shorter + sentence[len(body) :] if shorter else ""

    def _way(self, start: int, end: int) -> str:
        """How a sentence is looked at, by where it stands."""
        if self._prose.mentions:
            return "mentions"
        if start > self._prose.strict:
            return "closing" if start >= self._prose.closing else "beside"
        return "free" if end <= self._prose.strict else "before"

    def _shortest(self, sentence: str, way: str) -> str:
        """The sentence rewritten until nothing changes any more; empty, where it says nothing."""
        for _ in range(MOST_ROUNDS):
            if (sentence, way) in self._settled:
                return sentence
            shorter = self._rewritten(sentence, way)
            if shorter == sentence:
                self._settled.add((sentence, way))
                return sentence
            sentence = shorter
        return sentence

    def _rewritten(self, sentence: str, way: str) -> str:
        present = words(lowered(sentence))
        if way == "mentions":
            return _applied(_ALWAYS, sentence, present)
        if way in ("beside", "closing"):
            if way == "closing" and thanks(lowered(sentence)):
                return ""
            return short_ways(_applied(_BESIDE, sentence, present), present)
        sentence = self._uncourteous(unfilled(sentence, present), present, way)
        return short_ways(_applied(_BEFORE, sentence, present), present) if sentence else ""

    def _uncourteous(self, sentence: str, present: Set[str], way: str) -> str:
        """The sentence without courtesies around it, or nothing if it is one."""
        of_thanks, of_asking = not OF_THANKS.isdisjoint(present), not OF_ASKING.isdisjoint(present)
        if not (of_thanks or of_asking):
            return sentence
        low = lowered(sentence)
        if (of_thanks and thanks(low)) or (of_asking and announces(low) and self._asks):
            return ""
        sentence = without_head(sentence, self._asks)
        return without_tail(sentence, self._asks) if way == "free" else sentence


def _applied(rules: Sequence[Rule], sentence: str, present: Set[str]) -> str:
    """The sentence after the rules whose words were in it at first, so that what a rule leaves out has no rule look twice."""
    for rule in rules:
        if not rule.triggers.isdisjoint(present):
            sentence = rule.apply(sentence)
    return sentence


def _is_request(sentence: str) -> bool:
    first = sentence.partition(" ")[0].lower().strip(",.:;")
    if "?" in sentence or first in VERBS or first == "please":
        return True
    return _applied((_REQUEST, *_WISHES), sentence, words(lowered(sentence))) != sentence
