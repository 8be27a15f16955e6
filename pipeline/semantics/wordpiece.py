"""BERT's tokenizer: basic tokenisation, lower case, accents off, then the longest known pieces of each word.

From Devlin et al., arXiv 1810.04805, and google-research/bert's tokenization.py, of which this is the English, uncased
half. `vocab.txt` is that of bert-base-uncased (Apache-2.0), which all-MiniLM-L6-v2 uses unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

UNKNOWN, START, END = 100, 101, 102
_GONE = ("Mn", "Cc", "Cf")  # accents and control characters
LONGEST_WORD = 100  # letters; a longer one is unknown
KEPT_WORDS = 50_000
# What stands by itself: Unicode's punctuation, and everything in ASCII that is neither letter nor digit.
_MARKS = re.escape("".join(c for c in map(chr, range(0x110000)) if unicodedata.category(c)[0] == "P") + "$+<=>^`|~")
_SPLIT = re.compile(rf"[{_MARKS}]|[^\s{_MARKS}]+")
_CJK = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f])")


class WordPiece:
    """Token ids of texts. `vocabulary` maps pieces to ids; a piece inside of a word begins with '##'."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self._vocabulary = vocabulary
        self._word = lru_cache(maxsize=KEPT_WORDS)(self._pieces)

    @classmethod
    def load(cls) -> WordPiece:
        lines = files("pipeline.semantics").joinpath("vocab.txt").read_text(encoding="utf-8").splitlines()
        return cls({piece: number for number, piece in enumerate(lines)})

    def ids(self, text: str) -> list[int]:
        """Ids of a text's pieces, without the marks of its start and end."""
        letters = unicodedata.normalize("NFD", text.lower().replace("\ufffd", ""))
        text = "".join(c for c in letters if unicodedata.category(c) not in _GONE or c in "\t\n\r")
        return [piece for word in _SPLIT.findall(_CJK.sub(r" \1 ", text)) for piece in self._word(word)]

    def pair(self, one: list[int], other: list[int], longest: int) -> tuple[list[int], list[int]]:
        """`[CLS] one [SEP] other [SEP]` and the token types, cut to `longest`: the longer of the two loses its end."""
        room = longest - 3
        if len(one) + len(other) > room:
            half = room // 2
            one = one[: max(half, room - len(other))]
            other = other[: room - len(one)]
        return [START, *one, END, *other, END], [0] * (len(one) + 2) + [1] * (len(other) + 1)

    def _pieces(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return (UNKNOWN,)
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self._vocabulary.get(prefix + word[start:end])
                if piece is not None:
                    found.append(piece)
                    start = end
                    break
            else:
                return (UNKNOWN,)
        return tuple(found)
