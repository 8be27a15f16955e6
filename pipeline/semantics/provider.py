"""A provider's embeddings, by `/v1/embeddings`, instead of the model that runs in this process."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from pipeline.errors import UpstreamError

LONGEST = 8000  # characters; every provider's model takes so much

Ask = Callable[[bytes], bytes]  # the body of an embeddings request to the body of its answer; raises GatewayError


class _Row(msgspec.Struct):
    embedding: list[float]


class _Reply(msgspec.Struct):
    data: list[_Row]


class ProviderEmbedder:
    """`model` as the model table names it. Its vectors' length is learned from the first one, when it is made.

    Raises GatewayError when the provider does not answer, UpstreamError for an answer that is no embedding.
    """

    def __init__(self, model: str, ask: Ask) -> None:
        self.name = f"{model}@provider"
        self._model = model
        self._ask = ask
        self.dimensions = len(self._embed("What is this?"))

    def embed(self, text: str) -> np.ndarray:
        vector = self._embed(text)
        if len(vector) != self.dimensions:
            raise UpstreamError(
                f"{self._model} gave a vector of {len(vector)} numbers, and before of {self.dimensions}.", status=502
            )
        return vector

    def _embed(self, text: str) -> np.ndarray:
        if len(text) > LONGEST:
            raise ValueError(f"{len(text)} characters are more than the embedder reads ({LONGEST})")
        reply = self._ask(msgspec.json.encode({"model": self._model, "input": text, "encoding_format": "float"}))
        try:
            vector = np.asarray(msgspec.json.decode(reply, type=_Reply).data[0].embedding, np.float32)
        except (msgspec.DecodeError, IndexError) as error:
            raise UpstreamError(f"{self._model} did not answer with an embedding.", status=502) from error
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise UpstreamError(f"{self._model} gave a vector without a direction.", status=502)
        return np.asarray(vector / length)
