"""Real token counts, with the o200k_base vocabulary of the current OpenAI models."""

from __future__ import annotations

import importlib
import threading
import warnings
from typing import Any


class TokenCounter:
    """Counts tokens. The vocabulary costs over 100 MB of memory, so it is loaded by the first count, once."""

    def __init__(self, encoding: str = "o200k_base") -> None:
        self._name = encoding
        self._lock = threading.Lock()
        self._encoding: Any = None

    @property
    def loaded(self) -> bool:
        return self._encoding is not None

    def count(self, text: str) -> int:
        """Tokens in `text`; names of special tokens in it count as ordinary text."""
        return len(self._load().encode_ordinary(text)) if text else 0

    def _load(self) -> Any:
        if self._encoding is None:
            with self._lock:
                if self._encoding is None:
                    self._encoding = _read_vocabulary(self._name)
        return self._encoding


def _read_vocabulary(name: str) -> Any:
    with warnings.catch_warnings():
        # bpe-openai 0.1.4 opens its data files with a function that Python 3.11 calls deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("bpe_openai").get_encoding(name)


_shared = TokenCounter()


def count_tokens(text: str) -> int:
    """Tokens in `text`, by the one vocabulary that all of this process shares. Thread-safe."""
    return _shared.count(text)
