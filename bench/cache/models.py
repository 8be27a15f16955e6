"""The embedder and the verifier, with what they said kept on disk: five seeds ask them the same things again and again.

What is kept lies in a folder of the user's, never in the repository, under the digest of the model's files: another model
asks anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cache.guards.courtesy import bare

KEPT = Path.home() / ".cache" / "leo-bench"
AT_ONCE = 500  # answers between two commits
EMBEDDER = ("weights.json", "embedder.onnx", "vocab.txt")
VERIFIER = ("weights.json", "verifier.onnx", "verifier.npz", "vocab.txt")


class Models:
    """Loads each model when it is first asked for something that is not known."""

    def __init__(self, folder: Path = KEPT) -> None:
        self._vectors = Kept(folder / f"embedder-{digest(EMBEDDER)}.sqlite")
        self._logits = Kept(folder / f"verifier-{digest(VERIFIER)}.sqlite")

    @cached_property
    def embedder(self) -> Any:
        """The gateway's own embedder, as it is."""
        from pipeline.semantics.embedder import Remembering
        from pipeline.semantics.minilm import MiniLm

        return Remembering(MiniLm())

    @cached_property
    def verifier(self) -> Any:
        """The gateway's own verifier, as it is."""
        from pipeline.semantics.verifier import Verifier

        return Verifier()

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors [texts, dimensions], float32. Raises ValueError for a text that is too long."""
        return np.array([self._vector(text) for text in texts], np.float32)

    def readable(self, texts: Sequence[str]) -> list[str]:
        """Those texts that the embedder takes."""
        return [text for text in texts if self._takes(text)]

    def logits(self, prompt: str, others: Sequence[str]) -> np.ndarray:
        """The verifier's, as pipeline.semantics.verifier.Verifier has them."""
        return np.array([self._logit(prompt, other) for other in others], np.float32)

    def close(self) -> None:
        self._vectors.close()
        self._logits.close()

    def _takes(self, text: str) -> bool:
        try:
            self._vector(text)
        except ValueError:
            return False
        return True

    def _vector(self, text: str) -> np.ndarray:
        text = bare(text)
        kept = self._vectors.get(text)
        if kept is not None:
            return np.frombuffer(kept, np.float32)
        vector = np.asarray(self.embedder.embed(text), np.float32)
        self._vectors.put(text, vector.tobytes())
        return vector

    def _logit(self, prompt: str, other: str) -> float:
        key = f"{prompt}\0{other}"
        kept = self._logits.get(key)
        if kept is not None:
            return float(np.frombuffer(kept, np.float32)[0])
        logit = self.verifier.logits(prompt, [other])
        self._logits.put(key, np.float32(logit[0]).tobytes())
        return float(logit[0])


class Kept:
    """Answers by question, in a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, timeout=60)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._fresh: dict[bytes, bytes] = {}

    def get(self, text: str) -> bytes | None:
        key = _key(text)
        if key in self._fresh:
            return self._fresh[key]
        row = self._file.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, text: str, value: bytes) -> None:
        self._fresh[_key(text)] = value
        if len(self._fresh) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        with self._file:
            self._file.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", self._fresh.items())
        self._fresh.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()


def digest(names: Sequence[str]) -> str:
    """Of files of pipeline.semantics."""
    found = hashlib.blake2b(digest_size=8)
    for name in names:
        found.update(files("pipeline.semantics").joinpath(name).read_bytes())
    return found.hexdigest()


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
