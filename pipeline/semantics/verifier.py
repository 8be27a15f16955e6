"""The verifier: a cross-encoder that reads two prompts together and says whether one answer would do for both.

It is MiniLM's encoder with layers trained on pairs that were written for it (bench/verifier/README.md). A
vector of each prompt by itself cannot tell "without sugar" from "with sugar"; reading both together can.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from pipeline.semantics import weights
from pipeline.semantics.onnx import Graph
from pipeline.semantics.wordpiece import WordPiece

LONGEST = 256  # tokens of both prompts


class Verifier:
    """Raises weights.ModelError when its files do not fit. About 2 ms for a pair of questions."""

    def __init__(self, tokenizer: WordPiece | None = None, changes: str | None = None) -> None:
        self._tokenizer = tokenizer or WordPiece.load()
        path = changes or files("pipeline.semantics").joinpath("verifier.npz")
        with np.load(str(path)) as saved:
            arrays = {name: saved[name] for name in saved.files}
        given = weights.initializers(arrays, int(arrays["layers"]))
        given["head"] = arrays["head.weight"].reshape(-1, 1)
        given["head.bias"] = arrays["head.bias"].reshape(1)
        self._graph = Graph("verifier", given)

    def logits(self, prompt: str, others: Sequence[str]) -> np.ndarray:
        """Logits that each of the others means the same: [len(others)], float32; in either order about the same."""
        if not others:
            return np.zeros(0, np.float32)
        ids = self._tokenizer.ids(prompt)
        pairs = [self._tokenizer.pair(ids, self._tokenizer.ids(other), LONGEST) for other in others]
        found: np.ndarray = self._graph.run([row for row, _ in pairs], [kinds for _, kinds in pairs])[:, 0]
        return found
