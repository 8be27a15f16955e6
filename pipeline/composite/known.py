"""What is known of a part already: its stored answer, by its key or by its meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import redis

from pipeline.admission.answer import Answer
from pipeline.admission.runs import redis_errors
from pipeline.admission.treatment import EXACT, SEMANTIC, PartDone
from pipeline.cache.exact import ExactCache
from pipeline.cache.semantic.found import Asker, Found
from pipeline.composite.whole import Asking

if TYPE_CHECKING:
    from pipeline.cache.semantic.cache import SemanticCache  # which needs numpy


class Known(msgspec.Struct, frozen=True):
    """A part's answer, its text, and where it came from."""

    answer: Answer
    text: str
    done: PartDone


def spoken(answer: Answer) -> str | None:
    """The text of an answer that is nothing but text, and came to its end."""
    choices = msgspec.json.decode(answer.body).get("choices") or [{}]
    message = choices[0].get("message") or {}
    text = message.get("content")
    plain = isinstance(text, str) and text.strip() and not message.get("tool_calls") and not message.get("refusal")
    return text if plain and choices[0].get("finish_reason") == "stop" else None


class Finder:
    """Looks parts up. `meaning` gives None while there is no semantic cache."""

    def __init__(self, cache: ExactCache, meaning: Callable[[], SemanticCache | None]) -> None:
        self._cache = cache
        self._meaning = meaning

    def find(self, asker: Asker, asking: Asking, parts: int) -> tuple[Known | None, Found | None]:
        """The stored answer to one of so many `parts`, and what the comparison by meaning came to, if there was one."""
        stored = self._cache.get(asking.content_key)
        text = spoken(stored) if stored else None
        if stored and text:
            return Known(stored, text, PartDone(EXACT, asking.content_key)), None
        cache = self._meaning() if asking.question else None
        if cache is None or asking.question is None:
            return None, None
        found = cache.look(asker, asking.question, parts)
        text = spoken(found.answer) if found.answer else None
        if found.answer and text:
            return Known(found.answer, text, PartDone(SEMANTIC, found.meaning.entry_id, found.meaning.score)), found
        return None, found


class Recurring:
    """Which parts have been asked before without their answers being kept: those are worth asking so that they are kept.

    Redis keys:

        leo:{K}:part    string  1; the part with content key K was a part of a question within the last `ttl` seconds
    """

    def __init__(self, client: redis.Redis, ttl: float) -> None:
        self._redis = client
        self._ttl = ttl

    def note(self, content_keys: list[str]) -> bool:
        """Note that these were asked; whether one of them had been before."""
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for key in content_keys:
                pipe.set(f"leo:{{{key}}}:part", b"1", nx=True, px=round(self._ttl * 1000))
            return not all(pipe.execute())
