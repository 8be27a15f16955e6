"""Neutral text before a question, so that a request is as long as the trace says.

It is filler: words that say nothing, chosen by a seed. Where the trace tells which requests share a prefix (Mooncake), the
filler is a conversation whose turns are shared in the same way.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

import msgspec

from bench.replay.traces import Arrival
from pipeline.upstream.sim.text import SENTENCE, WORDS

PLACES = ("system", "prompt", "none")
MIN_TOKENS = 16  # a context is never shorter: two requests that differ in nothing else must differ in it
MAX_BLOCKS = 12  # the trace names no more blocks of a prefix


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str


class Context(msgspec.Struct, frozen=True):
    """What comes before the question: messages, and a beginning of the question's own message."""

    messages: tuple[Message, ...] = ()
    prefix: str = ""


class Contexts:
    """Makes contexts of at most `max_tokens` and keeps them. `place` is where filler stands: one of PLACES."""

    def __init__(self, seed: int, max_tokens: int, place: str) -> None:
        self.made: list[Context] = []
        self._seed = seed
        self._max = max_tokens
        self._place = place
        self._of_blocks: dict[tuple[int, ...], int] = {}

    def of(self, arrival: Arrival) -> int:
        """The number of the arrival's context: a shared one where the trace says so, else a new one."""
        if self._place == "none":
            return self._keep(Context()) if not self.made else 0
        if not arrival.blocks:
            return self._keep(self._filler(arrival.in_tokens))
        if arrival.blocks not in self._of_blocks:
            self._of_blocks[arrival.blocks] = self._keep(self._conversation(arrival.blocks))
        return self._of_blocks[arrival.blocks]

    def _keep(self, context: Context) -> int:
        self.made.append(context)
        return len(self.made) - 1

    def _filler(self, tokens: int) -> Context:
        text = filler(f"{self._seed}:context:{len(self.made)}", max(MIN_TOKENS, min(tokens, self._max)))
        return Context(prefix=f"{text}\n\n") if self._place == "prompt" else Context((Message("system", text),))

    def _conversation(self, blocks: tuple[int, ...]) -> Context:
        """The first block is the system prompt, each further one a question and its answer."""
        size = max(MIN_TOKENS, self._max // MAX_BLOCKS)
        messages = [Message("system", self._block(blocks[0], size))]
        for block in blocks[1:]:
            asked = size // 4
            messages += [Message("user", self._block(block, asked)), Message("assistant", self._block(-block, size - asked))]
        return Context(tuple(messages))

    def _block(self, block: int, tokens: int) -> str:
        return filler(f"{self._seed}:block:{block}", tokens)


@lru_cache(4096)
def filler(seed: str, tokens: int) -> str:
    """Text of exactly `tokens` tokens (o200k_base) that depends on nothing but the seed."""
    return "".join(pieces(seed, tokens))


def pieces(seed: str, tokens: int) -> list[str]:
    """The same as pieces of one token each."""
    words = Random(seed).choices(WORDS, k=tokens)
    found = ["." if index % SENTENCE == SENTENCE - 1 else f" {word}" for index, word in enumerate(words)]
    if found:
        found[0] = found[0].strip()
    return found
