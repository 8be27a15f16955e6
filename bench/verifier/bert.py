"""The encoder in PyTorch, for training only: MiniLM's layers are learned, its embeddings stay as they are.

BERT: Devlin et al., arXiv 1810.04805. MiniLM: arXiv 2002.10957.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.semantics.weights import PARTS

LAYERS, WIDTH, HEADS = 6, 384, 12
NORMS = ("attention.output", "output")


class CrossEncoder(nn.Module):
    """A logit that two prompts mean the same, from `[CLS] one [SEP] other [SEP]`. `layers`: the first so many are used."""

    def __init__(self, weights: dict[str, np.ndarray], *, layers: int = LAYERS, dropout: float = 0.1) -> None:
        super().__init__()
        get = {name: torch.tensor(value) for name, value in weights.items()}
        self.words, self.places, self.types = (
            get[f"embeddings.{n}_embeddings.weight"] for n in ("word", "position", "token_type")
        )
        self.embedding_norm = get["embeddings.LayerNorm.weight"], get["embeddings.LayerNorm.bias"]
        self.layers = layers
        self.linears, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for layer in range(layers):
            prefix = f"encoder.layer.{layer}"
            for part in PARTS:
                weight = get[f"{prefix}.{part}.weight"].T.contiguous()
                linear = nn.Linear(weight.shape[1], weight.shape[0])
                linear.weight.data, linear.bias.data = weight, get[f"{prefix}.{part}.bias"]
                self.linears[_module(layer, part)] = linear
            for part in NORMS:
                norm = nn.LayerNorm(WIDTH, eps=1e-12)
                norm.weight.data, norm.bias.data = (
                    get[f"{prefix}.{part}.LayerNorm.weight"],
                    get[f"{prefix}.{part}.LayerNorm.bias"],
                )
                self.norms[_module(layer, part)] = norm
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * WIDTH, 1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """ids, types, mask: [batch, length]; the logits: [batch]."""
        summed = self.words[ids] + self.places[: ids.shape[1]] + self.types[types]
        x = functional.layer_norm(summed, (WIDTH,), *self.embedding_norm, eps=1e-12)
        attend = mask[:, None, None, :].bool()
        for layer in range(self.layers):
            heads = self._attended(layer, x, attend)
            x = self.norms[_module(layer, "attention.output")](
                x + self.dropout(self._linear(layer, "attention.output.dense", heads))
            )
            inner = functional.gelu(self._linear(layer, "intermediate.dense", x))
            x = self.norms[_module(layer, "output")](x + self.dropout(self._linear(layer, "output.dense", inner)))
        weight = mask[:, :, None].float()
        pooled = torch.cat([x[:, 0], (x * weight).sum(1) / weight.sum(1)], dim=1)
        return self.head(self.dropout(pooled)).squeeze(1)

    def learned(self) -> dict[str, np.ndarray]:
        """All that was learned in the layers, as 32-bit floats: matrices [in, out], biases, norms, by BERT's names."""
        found = {}
        for name, linear in self.linears.items():
            plain = name.replace("/", ".")
            found[f"{plain}.weight"], found[f"{plain}.bias"] = linear.weight.detach().numpy().T, linear.bias.detach().numpy()
        for name, norm in self.norms.items():
            plain = f"{name.replace('/', '.')}.LayerNorm"
            found[f"{plain}.weight"], found[f"{plain}.bias"] = norm.weight.detach().numpy(), norm.bias.detach().numpy()
        return found

    def load(self, saved: dict[str, np.ndarray]) -> None:
        """Take over what was learned before, as train.py saves it."""
        self.head.weight.data, self.head.bias.data = torch.tensor(saved["head.weight"])[None], torch.tensor(saved["head.bias"])
        for name, linear in self.linears.items():
            plain = name.replace("/", ".")
            weight = saved[f"{plain}.weight"].astype(np.float32) * saved[f"{plain}.weight.scale"]
            linear.weight.data, linear.bias.data = torch.tensor(weight.T.copy()), torch.tensor(saved[f"{plain}.bias"])
        for name, norm in self.norms.items():
            plain = f"{name.replace('/', '.')}.LayerNorm"
            norm.weight.data, norm.bias.data = torch.tensor(saved[f"{plain}.weight"]), torch.tensor(saved[f"{plain}.bias"])

    def _attended(self, layer: int, x: Tensor, attend: Tensor) -> Tensor:
        q, k, v = (
            self._linear(layer, f"attention.self.{part}", x).view(*x.shape[:2], HEADS, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=attend).transpose(1, 2).reshape(x.shape)

    def _linear(self, layer: int, part: str, x: Tensor) -> Tensor:
        found: Tensor = self.linears[_module(layer, part)](x)
        return found


def _module(layer: int, part: str) -> str:
    """PyTorch wants names without dots."""
    return f"{layer}.{part}".replace(".", "/")
