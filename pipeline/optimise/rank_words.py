"""The words of a text as they are compared: stems in lower case, spelt-out abbreviations joined, pairs of letters in scripts
that put no spaces between words.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

from pipeline.cache.guards.words import STOPWORDS

LONGEST = 40  # letters of a word; what is longer is data, and stemming it would cost time
# U.S.A., L_C_D_ and L C D are one word each, as speech is written down in all three ways.
_SPELT = re.compile(r"(?<![^\W_])(?:[A-Za-z][._]){2,}(?![^\W_])|(?<!\w)[A-Z](?: [A-Z]){1,5}(?!\w)")
_WORD = re.compile(r"[^\W_]+")
# Thai to Khmer, Japanese, Chinese and Korean.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_JOINED = str.maketrans("", "", "._ ")


def terms(text: str) -> list[str]:
    """What is compared of a text, in its order; words that stand in every text are left out."""
    found: list[str] = []
    for word in _WORD.findall(_SPELT.sub(lambda spelt: f"{spelt[0].translate(_JOINED)} ", text).lower()):
        if word.isascii():
            if word not in STOPWORDS and (len(word) > 1 or word.isdecimal()):
                found.append(stem(word))
        elif _UNSPACED.search(word):
            found += (word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            found.append(stem(word))
    return found


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of an English word; of others, what its rules leave of them, which is the same for the same word."""
    return word if len(word) > LONGEST else str(_stemmer.stemWord(word))


_stemmer = snowballstemmer.stemmer("english")
