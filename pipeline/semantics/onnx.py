"""Running the encoder: ONNX Runtime, one thread a call; it lets go of the interpreter lock while it computes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import onnxruntime

from pipeline.semantics import weights


class Graph:
    """One of the graphs beside this file, filled with weights. `name` without its ending."""

    def __init__(self, name: str, initializers: dict[str, np.ndarray]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a second thread makes short texts slower
        options.log_severity_level = 3
        graph = files("pipeline.semantics").joinpath(f"{name}.onnx").read_bytes()
        # ONNX Runtime keeps pointers to these until the session is made.
        values = {
            key: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value)) for key, value in initializers.items()
        }
        options.add_external_initializers(list(values), list(values.values()))
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise weights.ModelError(f"ONNX Runtime does not take the graph {name}.onnx: {error}") from error

    def run(self, rows: Sequence[Sequence[int]], types: Sequence[Sequence[int]]) -> np.ndarray:
        """The graph's output for rows of token ids, padded here to one length: [rows, width of the output]."""
        width = max(map(len, rows))
        ids, kinds, mask = (np.zeros((len(rows), width), np.int64) for _ in range(3))
        for number, (row, kind) in enumerate(zip(rows, types, strict=True)):
            ids[number, : len(row)], kinds[number, : len(row)], mask[number, : len(row)] = row, kind, 1
        (found,) = self._session.run(None, {"ids": ids, "types_in": kinds, "mask": mask})
        return np.asarray(found)
