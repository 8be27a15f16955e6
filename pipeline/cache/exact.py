"""The exact cache: stored answers by content key, and the catalogue by which people find them.

Redis keys:

    leo:{K}:a              string  the answer of content key K (written by admission/scripts/finish.lua too)
    leo:entries:TENANT     zset    content keys of a tenant's stored answers; the score is when each ends (unix s)
    leo:texts:TENANT:D     zset    the same, of the answers whose text has digest D
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import redis

from pipeline.admission import answer as answers
from pipeline.admission.answer import Answer
from pipeline.admission.keys import answer_key
from pipeline.admission.runs import redis_errors
from pipeline.request.key import derive

# KEYS the catalogues; ARGV 1 content key  2 now  3 when the answer ends (unix s)  4 how long a catalogue stays (s)
_CATALOGUE = """
for _, catalogue in ipairs(KEYS) do
  redis.call('ZADD', catalogue, ARGV[3], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', catalogue, '-inf', ARGV[2])
  redis.call('EXPIRE', catalogue, ARGV[4])
end
"""


class ExactCache:
    """`ttl` in seconds; `now` gives unix seconds. Raises StoreUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, ttl: float, now: Callable[[], float]) -> None:
        self._redis = client
        self._ttl = ttl
        self._now = now

    def get(self, key: str, max_age: float | None = None) -> Answer | None:
        """The stored answer of a content key, unless it is older than `max_age` seconds."""
        with redis_errors():
            data = self._redis.get(answer_key(key))
        found = answers.unpack(data) if isinstance(data, bytes) else None
        return found if found and (max_age is None or self._now() - found.stored_at <= max_age) else None

    def put(self, key: str, answer: Answer, pipe: Any = None) -> None:
        """Store an answer; with `pipe`, when that Redis pipeline is executed."""
        with redis_errors():
            (pipe or self._redis).set(answer_key(key), answers.pack(answer), px=round(self._ttl * 1000))

    def catalogue(self, key: str, answer: Answer, pipe: Any = None) -> None:
        """Note a stored answer where its tenant can count it, and find it by its text; with `pipe`, as in `put`."""
        catalogues, now = (_entries(answer.tenant), _texts(answer.tenant, answer_text(answer))), self._now()
        with redis_errors():
            # Sent as text, not by its digest: so it cannot be unknown in the middle of a pipeline.
            (pipe or self._redis).eval(_CATALOGUE, 2, *catalogues, key, now, now + self._ttl, round(self._ttl) + 1)

    def count(self, tenant: str) -> int:
        """How many answers of a tenant are stored now."""
        with redis_errors():
            return int(self._redis.zcount(_entries(tenant), self._now(), "+inf"))

    def find(self, tenant: str, text: str) -> list[str]:
        """Content keys of the tenant's stored answers with exactly this text."""
        with redis_errors():
            found = self._redis.zrangebyscore(_texts(tenant, text), self._now(), "+inf")
        return sorted(key.decode() for key in found)  # type: ignore[union-attr]

    def forget(self, tenant: str, key: str) -> bool:
        """Delete a tenant's stored answer; False when it has none under this key."""
        found = self.get(key)
        if found is None or found.tenant != tenant:
            return False
        with redis_errors():
            self._redis.delete(answer_key(key))
            self._redis.zrem(_entries(tenant), key)
            self._redis.zrem(_texts(tenant, answer_text(found)), key)
        return True


def answer_text(answer: Answer) -> str:
    """The text of the first choice, or the whole body where there is none (embeddings, tool calls)."""
    body = msgspec.json.decode(answer.body)
    choices = body.get("choices") or [{}]
    text = (choices[0].get("message") or {}).get("content")
    return text if isinstance(text, str) else answer.body.decode()


def _entries(tenant: str) -> str:
    return f"leo:entries:{tenant}"


def _texts(tenant: str, text: str) -> str:
    return f"leo:texts:{tenant}:{derive(text)}"
