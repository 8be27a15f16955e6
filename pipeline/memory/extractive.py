"""An extractive digest of some turns: the sentences that carry most, word for word and in their order.

A sentence counts by how many of its words the turns share (SumBasic, Nenkova and Vanderwende 2005), and by what must not be lost:
numbers, names, negations, and what somebody must or may. Nothing is written anew, so nothing can be got wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pipeline.cache.guards.words import NEGATORS
from pipeline.memory.clauses import sentences
from pipeline.memory.select import Count
from pipeline.memory.slots import key

Spoken = tuple[tuple[str, str], ...]  # (role, text) of messages in a row

LONGEST = 20_000  # characters of a message that are read
_MODAL = re.compile(
    r"\b(?:must|should|shall|need|cannot|can't|only|always|never|except|unless|decided?|agreed?|because|important)\b", re.I
)
_NUMBER = re.compile(r"\d")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z]\w+")
_FENCE = re.compile(r"^ *(```|~~~).*?(?:^ *\1|\Z)", re.MULTILINE | re.DOTALL)
QUESTION = 0.6  # of the weight of a statement: what was asked is mostly told by the answer


class _Sentence(msgspec.Struct, frozen=True):
    place: int
    role: str
    text: str
    words: tuple[str, ...]


def digest_spoken(spoken: Spoken, room: int, count: Count, barred: Iterable[str]) -> Spoken:
    """What the user and the assistant said, shortened to at most `room` tokens together.

    A sentence with one of the `barred` values is left out: a note says it, and is kept up to date.
    """
    values = _any_of(barred)
    found = list(_read(spoken, values))
    kept = _chosen(found, room, count)
    said = ((role, " ".join(each.text for each in kept if each.role == role)) for role in ("user", "assistant"))
    return tuple((role, text) for role, text in said if text)


def _any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    parts = sorted({re.escape(value) for value in values if value}, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE) if parts else None


def _read(spoken: Spoken, barred: re.Pattern[str] | None) -> Iterable[_Sentence]:
    place = 0
    for role, text in spoken:
        for sentence in sentences(_FENCE.sub("\n", text[:LONGEST])):
            words = tuple(dict.fromkeys(key(sentence).split()))
            if len(words) >= 2 and not (barred and barred.search(sentence)):
                yield _Sentence(place, role, sentence, words)
                place += 1


def _chosen(spoken: Sequence[_Sentence], room: int, count: Count) -> list[_Sentence]:
    """The best sentences that fit. A word of a chosen sentence counts less from then on, so the next one brings something new."""
    weights: Counter[str] = Counter(word for each in spoken for word in each.words)
    sizes = {each.place: count(each.text) + 1 for each in spoken}
    chosen: list[_Sentence] = []
    left, rest = room, list(spoken)
    while rest := [each for each in rest if sizes[each.place] <= left]:
        best = max(rest, key=lambda each: (_value(each, weights), -each.place))
        rest.remove(best)
        chosen.append(best)
        left -= sizes[best.place]
        for word in best.words:
            weights[word] //= 2
    return sorted(chosen, key=lambda each: each.place)


def _value(sentence: _Sentence, weights: Counter[str]) -> float:
    shared: float = sum(weights[word] for word in sentence.words) / len(sentence.words) ** 0.7
    weight = 1.0 + 0.5 * bool(_NUMBER.search(sentence.text)) + 0.3 * bool(_NAME.search(sentence.text))
    weight += 0.4 * bool(_MODAL.search(sentence.text) or not NEGATORS.isdisjoint(sentence.words))
    return shared * weight * (QUESTION if sentence.text.endswith("?") else 1.0)
