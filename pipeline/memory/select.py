"""Which notes go with a question, when not all can.

Relevance is a cosine where an embedder is passed in, else the overlap of words. The order of what is chosen does not depend on
the question, so that the block stays the same as long as the choice does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from pipeline.memory.decay import is_over, score
from pipeline.memory.items import EVERYWHERE, Item, Slot
from pipeline.memory.slots import key

Count = Callable[[str], int]  # tokens of a text
Similarity = Callable[[str, Sequence[str]], Sequence[float]]  # cosines of a question with each of the texts
Render = Callable[[Sequence[Item]], str]

SHORTLIST = 64  # notes that are compared by meaning: those which are best by the rest


class Budget(msgspec.Struct, frozen=True):
    """How many tokens the block of notes may have: `tokens`, and at most this `share` of the prompt, but in any case `least`."""

    tokens: int = 150
    share: float = 0.1
    least: int = 0

    def of(self, prompt_tokens: int) -> int:
        return min(self.tokens, max(self.least, int(self.share * prompt_tokens)))


class Chosen(msgspec.Struct, frozen=True):
    """A note that goes with a question, and how much it has to do with it."""

    item: Item
    relevance: float


def select(
    items: Iterable[Item],
    question: str,
    now: float,
    room: int,
    count: Count,
    render: Render,
    similarity: Similarity | None = None,
) -> list[Chosen]:
    """The most valuable notes whose block, as `render` makes it, has at most `room` tokens; in the order of their making."""
    live = [item for item in effective(items) if item.superseded is None and not is_over(item, now)]
    if room <= 0 or not live:
        return []
    ranked = _ranked(live, question, now, similarity)
    chosen: list[Chosen] = []
    for candidate in ranked:
        wider = _in_order([*chosen, candidate])
        if count(render([each.item for each in wider])) <= room:
            chosen = wider
    return chosen


def effective(items: Iterable[Item]) -> list[Item]:
    """One note a slot: what holds in this conversation comes before what holds everywhere, and the newer before the older."""
    best: dict[Slot, Item] = {}
    for item in sorted(items, key=lambda item: (item.conversation != EVERYWHERE, item.created, item.id)):
        best[item.slot] = item
    return list(best.values())


def overlap(question: str, text: str) -> float:
    """The share of a note's words that are in the question, from 0 to 1; what to go by where there are no embeddings."""
    asked, told = set(key(question).split()), set(key(text).split())
    return len(asked & told) / len(told) ** 0.5 / max(1, len(asked)) ** 0.5 if asked and told else 0.0


def _ranked(items: Sequence[Item], question: str, now: float, similarity: Similarity | None) -> list[Chosen]:
    by_words = [Chosen(item, overlap(question, f"{item.slot.subject} {item.slot.relation} {item.text}")) for item in items]
    ranked = sorted(by_words, key=lambda each: _rank(each, now))
    if similarity is None or not question:
        return ranked
    short = ranked[:SHORTLIST]
    cosines = similarity(question, [each.item.text for each in short])
    by_meaning = [Chosen(each.item, max(each.relevance, float(cosine))) for each, cosine in zip(short, cosines, strict=True)]
    return sorted(by_meaning, key=lambda each: _rank(each, now))


def _rank(each: Chosen, now: float) -> tuple[float, float, str]:
    return -score(each.item, now, each.relevance), -each.item.created, each.item.id


def _in_order(chosen: Iterable[Chosen]) -> list[Chosen]:
    return sorted(chosen, key=lambda each: (each.item.created, each.item.id))
