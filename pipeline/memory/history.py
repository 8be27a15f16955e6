"""A long history, shortened so that a provider's prefix cache goes on working.

Whenever what stands verbatim has grown beyond a limit, the older turns of it become a block: a short digest that is never
changed again. A block is a function of its own turns alone, and where blocks end is a function of what came before, so the
messages of one request begin as those of the request before did, except in the moment when a new block is made.

A block keeps who said what: the user's sentences in a message of the user, the assistant's in one of the assistant. Put into an
instruction, text of a tool or of a model would gain authority that it never had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from pipeline.memory.extractive import Spoken
from pipeline.memory.messages import Message, is_only_text, static_prefix, text_of
from pipeline.memory.select import Count

MARK = "[Earlier in this conversation, shortened] "

Digest = Callable[[Spoken, int, tuple[str, ...]], Spoken]  # of messages in a row: in so many tokens, without these values
Noted = Callable[[str], tuple[str, ...]]  # values in a user's message that notes keep up to date


class Shape(msgspec.Struct, frozen=True):
    """When and how a history is shortened.

    `high`: tokens that may stand verbatim before a block is made; `keep`: turns that always stay verbatim, the running one
    counted; `share`: of its turns' tokens, that a block may have.
    """

    high: int = 400
    keep: int = 3
    share: float = 0.12


CHEAP = 0.4  # of the price, below which a provider's kept prefix is worth more than a short prompt


def shape_for(cached_price: float) -> Shape:
    """The shape that pays at a provider which takes this share of the price for tokens of a kept prefix; 1 where it keeps none.

    Where they are cheap, each new block costs more than it saves, until the history is long (bench/less/memory.py measures it).
    """
    return Shape() if cached_price >= CHEAP else Shape(high=3_000)


class Turn(msgspec.Struct, frozen=True):
    """A message of the user and what follows it, up to the next. `tokens` counts all of it."""

    messages: tuple[Message, ...]
    tokens: int

    @property
    def is_plain(self) -> bool:
        return all(is_only_text(message) for message in self.messages)


class Shortened(msgspec.Struct, frozen=True):
    """The messages; which of the user's texts still stand in them word for word; and how many blocks there are."""

    messages: list[Message]
    verbatim: list[str]
    blocks: int


def shorten(messages: Sequence[Message], count: Count, shape: Shape, digest: Digest, noted: Noted) -> Shortened:
    """The messages with older turns replaced by blocks, where they are long enough. Those passed in are not changed."""
    start = static_prefix(messages)
    turns = _turns(messages[start:], count)
    blocks = dict(block_spans([turn.tokens for turn in turns], [turn.is_plain for turn in turns], shape))
    kept: list[Message] = list(messages[:start])
    verbatim: list[str] = []
    barred: dict[str, None] = {}
    place = 0
    while place < len(turns):
        end = blocks.get(place)
        if end is None:
            kept += turns[place].messages
            verbatim += (text_of(message) for message in turns[place].messages if message.get("role") == "user")
            end = place + 1
        else:
            barred |= dict.fromkeys(value for turn in turns[:end] for value in _values(turn, noted))
            kept += _block(turns[place:end], shape, digest, tuple(barred))
        place = end
    return Shortened(kept, verbatim, len(blocks))


def block_spans(tokens: Sequence[int], plain: Sequence[bool], shape: Shape) -> list[tuple[int, int]]:
    """Which turns become blocks, as (first, end). Those of the first turns never change when more turns come.

    A turn with anything but text, such as calls of tools, is no part of a block and stays as it is.
    """
    spans: list[tuple[int, int]] = []
    start = standing = 0
    for place, size in enumerate(tokens):
        standing += size
        end = place + 1 - shape.keep
        if standing > shape.high and end > start:
            spans += _runs(plain, start, end)
            standing = sum(tokens[end : place + 1])
            start = end
    return spans


def _runs(plain: Sequence[bool], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of plain turns between two places."""
    first = start
    for place in range(start, end + 1):
        if place == end or not plain[place]:
            if place > first:
                yield first, place
            first = place + 1


def _turns(messages: Sequence[Message], count: Count) -> list[Turn]:
    """The turns of a history. What stands before the first message of the user is a turn by itself."""
    groups: list[list[Message]] = []
    for message in messages:
        if message.get("role") == "user" or not groups:
            groups.append([])
        groups[-1].append(message)
    return [Turn(tuple(group), sum(count(text_of(message)) for message in group)) for group in groups]


def _values(turn: Turn, noted: Noted) -> Iterator[str]:
    for message in turn.messages:
        if message.get("role") == "user":
            yield from noted(text_of(message))


def _block(turns: Sequence[Turn], shape: Shape, digest: Digest, barred: tuple[str, ...]) -> list[Message]:
    spoken = tuple((str(message.get("role")), text_of(message)) for turn in turns for message in turn.messages)
    room = max(1, int(shape.share * sum(turn.tokens for turn in turns)))
    said = list(digest(spoken, room, barred))
    if said and said[0][0] == "assistant":
        said.insert(0, ("user", ""))  # some models want the user to begin
    return [{"role": role, "content": (MARK + text).strip()} for role, text in said]
