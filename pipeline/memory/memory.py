"""The micro-memory as the gateway uses it: what goes with a request, and what is learned from one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from pipeline.memory.decay import expiry
from pipeline.memory.extract import extract
from pipeline.memory.extractive import Spoken, digest_spoken
from pipeline.memory.history import Shape, shorten
from pipeline.memory.inject import digest, inject, render
from pipeline.memory.items import EVERYWHERE, MOST_TOKENS, Item, Owner, digest_of
from pipeline.memory.messages import Message, last_user, text_of
from pipeline.memory.ops import Drop, Op, Put, Swap
from pipeline.memory.resolve import resolve
from pipeline.memory.select import Budget, Chosen, Count, Similarity, select
from pipeline.memory.shelf import Edit, Shelf
from pipeline.memory.standalone import standalone

REMEMBERED = 2_048  # texts and blocks whose reading is kept: a history comes again with each turn
SLICE = 50_000  # characters that are counted at once; a cut makes a token more
RELEVANT, NEAR = 0.2, 0.7  # a note was used if it has this much to do with the question, and nearly as much as the best


class Recalled(msgspec.Struct, frozen=True):
    """What goes with a request.

    `messages` take the place of the caller's. `digest` belongs in every key of the answer; where it is not empty, the answer is
    the owner's alone. `standalone` is the last question without its history, or None for the reason `why`. Tokens are those of
    the texts.
    """

    items: tuple[Item, ...]
    messages: list[Message]
    digest: str
    standalone: str | None
    why: str
    tokens_before: int
    tokens_after: int
    blocks: int


class Memory:
    """`count` counts tokens, `now` gives unix seconds, `ids` new ids of notes, `similarity` cosines, where there is an embedder.

    Thread-safe. Raises StoreUnavailable where the shelf does.
    """

    def __init__(
        self,
        shelf: Shelf,
        count: Count,
        now: Callable[[], float],
        ids: Callable[[], str],
        *,
        budget: Budget | None = None,
        shape: Shape | None = None,
        similarity: Similarity | None = None,
    ) -> None:
        self._shelf = shelf
        self._count = in_slices(count)
        self._now = now
        self._ids = ids
        self._budget = budget or Budget()
        self._shape = shape or Shape()
        self._similarity = similarity
        self._noted = lru_cache(maxsize=REMEMBERED)(noted)
        self._digested = lru_cache(maxsize=REMEMBERED)(self._digest)

    def recall(self, owner: Owner, conversation: str, messages: Sequence[Message]) -> Recalled:
        """The request with what matters of a long history, and with the notes that matter for its question."""
        before = self._tokens(messages)
        short = shorten(messages, self._count, self._shape, self._digested, self._noted)
        alone = standalone(messages)
        said = {digest_of(text) for text in short.verbatim}
        # What stands in the request anyway need not be said twice.
        able = [item for item in self._shelf.standing(owner) if item.conversation in (EVERYWHERE, conversation)]
        able = [item for item in able if item.source not in said]
        question = alone.question or _question(messages)
        room = self._budget.of(before)
        chosen = select(able, question, self._now(), room, self._count, render, self._similarity)
        self._shelf.used(owner, _relevant(chosen))
        items = tuple(each.item for each in chosen)
        new = inject(short.messages, items)
        return Recalled(items, new, digest(items), alone.question, alone.reason, before, self._tokens(new), short.blocks)

    def learn(
        self, owner: Owner, conversation: str, messages: Sequence[Message], *, at: float | None = None, delivery: str = ""
    ) -> Edit | None:
        """Learn from the last message of the user; what changed. None where the same message was learned from before.

        `at` is when the message came (unix seconds), so that one which is late takes nothing back that was said after it.
        `delivery` names the request; without it, the same messages in the same conversation are one delivery.
        """
        place = last_user(messages)
        if place is None:
            return Edit()
        said = [text_of(message) for message in messages[: place + 1] if message.get("role") == "user"]
        ops = [op for op in extract(said[-1], said[:-1]) if self._fits(op)]
        if not ops:
            return Edit()
        moment = self._now() if at is None else at
        told = _Told(owner, conversation, digest_of(said[-1]), digest_of(said[-2]) if len(said) > 1 else "", moment)
        name = delivery or digest_of("messages", conversation, *(text_of(message) for message in messages[: place + 1]))
        return self._shelf.edit(owner, name, lambda standing: self._decide(ops, standing, told))

    def _decide(self, ops: Sequence[Op], standing: Sequence[Item], told: _Told) -> Edit:
        newer = {(item.conversation, item.slot) for item in standing if item.created > told.at}
        change = resolve(ops, [item for item in standing if item.created <= told.at], told.conversation, told.previous)
        put = tuple(self._item(put, where, told) for put, where in change.put if (where, put.slot) not in newer)
        return Edit(put, change.confirmed, change.replaced, change.forgotten)

    def _item(self, put: Put, conversation: str, told: _Told) -> Item:
        return Item(
            id=self._ids(),
            tenant=told.owner.tenant,
            principal=told.owner.principal,
            conversation=conversation,
            slot=put.slot,
            text=put.text,
            kind=put.kind,
            importance=put.importance,
            created=told.at,
            last=told.at,
            expires=expiry(put.kind, told.at),
            source=told.source,
        )

    def _fits(self, op: Op) -> bool:
        return not isinstance(op, Put) or self._count(op.text) <= MOST_TOKENS

    def _digest(self, spoken: Spoken, room: int, barred: tuple[str, ...]) -> Spoken:
        return digest_spoken(spoken, room, self._count, barred)

    def _tokens(self, messages: Sequence[Message]) -> int:
        return sum(self._count(text_of(message)) for message in messages)


class _Told(msgspec.Struct, frozen=True):
    """Who said something, where and when; `source` is the digest of what was said, `previous` of what was said before it."""

    owner: Owner
    conversation: str
    source: str
    previous: str
    at: float


def _relevant(chosen: Sequence[Chosen]) -> list[Item]:
    """The notes that the question was about, rather than those for which there was room."""
    best = max((each.relevance for each in chosen), default=0.0)
    return [each.item for each in chosen if each.relevance >= max(RELEVANT, NEAR * best)]


def in_slices(count: Count) -> Count:
    """The counter for texts of any length: a tokenizer may refuse what is too long for it."""
    return lambda text: sum(count(text[start : start + SLICE]) for start in range(0, len(text), SLICE))


def noted(text: str) -> tuple[str, ...]:
    """The values in a message that notes keep up to date, old ones included."""
    values: list[str] = []
    for op in extract(text):
        if isinstance(op, Put):
            values += [op.value, op.old]
        elif isinstance(op, Swap):
            values += [op.new, op.old]
        elif isinstance(op, Drop):
            values.append(op.words)
    return tuple(dict.fromkeys(value for value in values if value))


def _question(messages: Sequence[Message]) -> str:
    place = last_user(messages)
    return text_of(messages[place]) if place is not None else ""
