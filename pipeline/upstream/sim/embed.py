"""Embeddings that depend on nothing but their input."""

from __future__ import annotations

import base64
import hashlib
import math
from array import array
from collections.abc import Callable
from typing import Any

import msgspec

DIMENSIONS = 1536
MAX_DIMENSIONS = 8192
MAX_INPUTS = 2048


def inputs_of(body: dict[str, Any]) -> list[Any]:
    """The inputs as a list: texts, or arrays of tokens. Raises ValueError when `input` is nothing of the kind."""
    given = body.get("input")
    one_of_tokens = isinstance(given, list) and given and all(isinstance(item, int) for item in given)
    inputs = [given] if isinstance(given, str) or one_of_tokens else given
    fits = isinstance(inputs, list) and 0 < len(inputs) <= MAX_INPUTS
    if not fits or not all(isinstance(item, str | list) and item for item in inputs or ()):
        raise ValueError("'input' must be a text, a list of texts, an array of tokens or a list of such arrays, and not empty.")
    return list(inputs or ())


def dimensions_of(body: dict[str, Any]) -> int:
    """Raises ValueError when `dimensions` is not a number that can be."""
    asked = DIMENSIONS if body.get("dimensions") is None else body["dimensions"]
    if not isinstance(asked, int) or not 1 <= asked <= MAX_DIMENSIONS:
        raise ValueError(f"'dimensions' must be a whole number from 1 to {MAX_DIMENSIONS}.")
    return asked


def unit_vector(item: Any, dimensions: int, seed: int) -> array[float]:
    """A vector of length 1 in 32-bit floats; the same input gives the same vector, another one an unrelated one."""
    material = msgspec.json.encode([seed, item])
    numbers = array("H", hashlib.shake_256(material).digest(2 * dimensions))
    centred = [number - 32767.5 for number in numbers]
    length = math.sqrt(sum(number * number for number in centred))
    return array("f", (number / length for number in centred))


def tokens_of(item: Any, count: Callable[[str], int]) -> int:
    return count(item) if isinstance(item, str) else len(item)


def rendered(vector: array[float], encoding_format: Any) -> str | list[float]:
    """The vector as OpenAI sends it: a list, or base64 of little-endian 32-bit floats."""
    return base64.b64encode(vector.tobytes()).decode() if encoding_format == "base64" else vector.tolist()
