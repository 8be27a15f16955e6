"""How often the beginnings of prompts come again, and how much of them the provider really had in its cache."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import msgspec

from pipeline.optimise.economics import OPENAI, Form, Reused, Terms

LIFETIME_S = 300.0  # OpenAI forgets a prefix after 5 to 10 minutes in which it did not come
MOST = 16_384  # prefixes of all models; 4 MB
MOST_READS = 1_000  # that are expected of one, at most
FORGETS = 0.99  # the weight of what is known of a model, after each observation: about the last hundred count
MOST_MODELS = 512


def digests(blocks: Iterable[bytes]) -> tuple[bytes, ...]:
    """The digest of each beginning of a prompt, given as blocks in the order in which they are sent, each as it came in."""
    digest, found = b"", []
    for block in blocks:
        digest = hashlib.blake2b(digest + hashlib.blake2b(block, digest_size=16).digest(), digest_size=16).digest()
        found.append(digest)
    return tuple(found)


class _Prefix:
    """`times` it came within one life, the last time `at`, sent on in this `form`."""

    __slots__ = ("at", "form", "times")

    def __init__(self) -> None:
        self.times = 0
        self.at = float("-inf")
        self.form: Form = ""


class _Model(msgspec.Struct):
    """Weighted counts: prefixes that came, those that came again, and tokens that could have been and were cached."""

    new: float = 0.0
    again: float = 0.0
    cacheable: float = 0.0
    cached: float = 0.0


class Reuse:
    """Of one process. Thread-safe; the prefixes that came last are kept. `clock` gives monotonic seconds."""

    def __init__(self, *, lifetime: float = LIFETIME_S, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime
        self._most = most
        self._clock = clock
        self._prefixes: OrderedDict[tuple[str, bytes], _Prefix] = OrderedDict()
        self._models: OrderedDict[str, _Model] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, model: str, prefix: bytes) -> Reused:
        """How this prefix is expected to come again: as often as it has (Lindy's law), a new one as others of its model do."""
        with self._lock:
            known, told = self._prefixes.get((model, prefix)), self._models.get(model, _Model())
            alive = known is not None and self._clock() - known.at <= self._lifetime
            reads = known.times if known and alive else round(told.again / told.new) if told.new else 0
            percent = round(100 * told.cached / told.cacheable) if told.cacheable else 100
            return Reused(min(reads, MOST_READS), known.form if known and alive else "", min(percent, 100))

    def saw(self, model: str, prefix: bytes, form: Form) -> None:
        """Note a prefix that is sent on in this form. `prefix` is always the digest of what the caller sent."""
        with self._lock:
            known = self._prefixes.setdefault((model, prefix), _Prefix())
            self._prefixes.move_to_end((model, prefix))
            told = self._model(model)
            now = self._clock()
            alive = now - known.at <= self._lifetime
            told.new, told.again = FORGETS * told.new + (not alive), FORGETS * told.again + alive
            known.times = known.times + 1 if alive else 1
            known.at, known.form = now, form
            while len(self._prefixes) > self._most:
                self._prefixes.popitem(last=False)

    def answered(self, model: str, warm_tokens: int, cached_tokens: int, terms: Terms = OPENAI) -> None:
        """Note the upstream's `cached_tokens` for a prompt whose first `warm_tokens` it should have had."""
        cacheable = terms.cacheable(warm_tokens)
        if not cacheable:
            return
        with self._lock:
            told = self._model(model)
            told.cacheable = FORGETS * told.cacheable + cacheable
            told.cached = FORGETS * told.cached + min(cached_tokens, cacheable)

    def _model(self, name: str) -> _Model:
        told = self._models.setdefault(name, _Model())
        self._models.move_to_end(name)
        while len(self._models) > MOST_MODELS:
            self._models.popitem(last=False)
        return told
