"""A provider's prefix cache: the beginning of a long prompt that came before is not computed again, and costs less.

As OpenAI describes it (platform.openai.com/docs/guides/prompt-caching): tools, response format and messages in this order,
exactly the same, from 1,024 tokens on, in steps of 128, for each account, model and `prompt_cache_key`, until it has not come
for some minutes. Prompts are compared in blocks of characters, which costs a tenth of counting their tokens; only what is found,
or what is left of it, is counted.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from pipeline.upstream.sim.directive import content_text
from pipeline.upstream.sim.plan import MESSAGE_TOKENS, Count

MINIMUM, STEP = 1024, 128  # tokens
BLOCK = 256  # characters, about 64 tokens: a prefix can end behind each, and at the end of each part
MOST = 65_536  # blocks that are remembered: of 16 million characters of prompts


class _Part(NamedTuple):
    """A piece of a prompt. `told` is what is counted of it when it is there as a whole, `fixed` are tokens beside that."""

    text: str
    told: str
    fixed: int = 0


class _Cut(NamedTuple):
    """A place where a prefix can end: behind `characters` of part number `part`. The digest stands for all before it."""

    digest: bytes
    part: int
    characters: int


class PrefixCache:
    """Of one simulator; thread-safe. `clock` gives monotonic seconds."""

    def __init__(self, count: Count, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._most = most
        self._clock = clock
        self._seen: OrderedDict[bytes, float] = OrderedDict()  # when each came last, the oldest first
        self._lock = threading.Lock()

    def cached(self, asked: dict[str, Any], tokens: int, whose: object, lifetime: float) -> int:
        """Of the `tokens` of this prompt, how many are there because they came within `lifetime` seconds; from now on all are.

        Ask for prompts of at least MINIMUM tokens only. `whose` is the account: anything that can be hashed.
        """
        scope = hash((whose, str(asked.get("model")), str(asked.get("prompt_cache_key"))))
        parts = list(_parts(asked))
        cuts = list(_cuts(scope, parts))
        with self._lock:
            now = self._clock()
            known = next((cut for cut in reversed(cuts) if self._seen.get(cut.digest, float("-inf")) >= now - lifetime), None)
            self._remember(cuts, now)
        return stepped(self._tokens_before(known, parts, tokens - MESSAGE_TOKENS)) if known else 0

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()

    def _remember(self, cuts: Sequence[_Cut], now: float) -> None:
        # The longest first: where there is no room for all, the beginnings are what stays.
        for cut in reversed(cuts):
            self._seen[cut.digest] = now
            self._seen.move_to_end(cut.digest)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)

    def _tokens_before(self, cut: _Cut, parts: Sequence[_Part], total: int) -> int:
        """The tokens before a cut, where all parts together have `total`: whichever side is shorter is counted."""
        before, last, after = parts[: cut.part], parts[cut.part], parts[cut.part + 1 :]
        if cut.characters < len(last.text):
            return self._tokens(before) + last.fixed + self._count(last.text[: cut.characters])
        if _length(after) < _length(before) + len(last.text):
            return total - self._tokens(after)
        return self._tokens([*before, last])

    def _tokens(self, parts: Sequence[_Part]) -> int:
        return sum(part.fixed + self._count(part.told) for part in parts)


def stepped(tokens: int) -> int:
    """As many of these tokens as a provider caches."""
    return 0 if tokens < MINIMUM else MINIMUM + (tokens - MINIMUM) // STEP * STEP


def _length(parts: Sequence[_Part]) -> int:
    return sum(len(part.text) for part in parts)


def _parts(asked: dict[str, Any]) -> Iterator[_Part]:
    if asked.get("tools"):
        tools = _rendered(asked["tools"])
        yield _Part(tools, tools)
    if asked.get("response_format"):
        yield _Part(_rendered(asked["response_format"]), "")
    for message in asked["messages"]:
        content = message.get("content")
        rest = {name: value for name, value in message.items() if name != "content"}
        yield _Part(msgspec.json.encode(rest, order="sorted").decode(), str(message.get("role", "")), MESSAGE_TOKENS)
        if content:
            yield _Part(content if isinstance(content, str) else _rendered(content), content_text(content))


def _rendered(value: Any) -> str:
    """As text in which the order of fields counts, and white space between them does not."""
    return msgspec.json.encode(value).decode()


def _cuts(scope: int, parts: Sequence[_Part]) -> Iterator[_Cut]:
    rolling = hashlib.blake2b(digest_size=16, key=scope.to_bytes(8, "big", signed=True))
    for number, part in enumerate(parts):
        for start in range(0, len(part.text), BLOCK):
            block = part.text[start : start + BLOCK]
            rolling.update(block.encode("utf-8", "surrogatepass"))
            yield _Cut(rolling.copy().digest(), number, start + len(block))
        rolling.update(b"\xff")  # in no text, so that two messages are not one with the same words
