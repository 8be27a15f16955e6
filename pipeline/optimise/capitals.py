"""How what is left of a sentence begins when its beginning has gone."""

from __future__ import annotations

import re

from pipeline.cache.guards.reading import is_common
from pipeline.cache.guards.words import STOPWORDS, several
from pipeline.optimise.phrases import COURTEOUS
from pipeline.optimise.verbs import VERBS

_FIRST = re.compile(r"\W*([^\W\d_]+(?:['’][a-z]+)?)(?![\w/@.]\w|_|\()")


def begin(kept: str, before: str, rest: str, *, is_word: bool = False) -> str:
    """`kept` and then `rest`, which gets the capital that the sentence `before` began with.

    Only a word of the language gets it, which `is_word` says it is: `npm` and `iPhone` are written as they are.
    """
    if kept.strip() or not before.lstrip("\"“'(")[:1].isupper():
        return kept + rest
    return kept + capital(rest, is_word=is_word)


def capital(text: str, *, is_word: bool = False) -> str:
    """The text with a capital, if it begins with a word in lower case."""
    first = _FIRST.match(text)
    if first is None or not first[1].islower() or not (is_word or _is_word(first[1])):
        return text
    return text[: first.start(1)] + text[first.start(1)].upper() + text[first.start(1) + 1 :]


_SMALL = several("none nothing nobody each every both either neither also then there here this that these those")


def _is_word(word: str) -> bool:
    """Whether a word in lower case is one of the language's, rather than the name of a program."""
    return word in _SMALL or word in STOPWORDS or word in VERBS or word in COURTEOUS or is_common(word)
