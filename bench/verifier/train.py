"""Train the verifier: `python -m bench.verifier.train`. Needs PyTorch, which the gateway itself does not (see README.md).

Output: what the verifier adds to the encoder's weights, `pipeline/semantics/verifier.npz`. Calibration: calibrate.py.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from bench.verifier import pairs
from bench.verifier.bert import CrossEncoder
from bench.verifier.sources import training_pairs, validation_pairs
from pipeline.semantics.weights import quantise, read_weights
from pipeline.semantics.wordpiece import WordPiece

LONGEST = 96  # tokens of a pair
VALIDATED = 2000  # pairs, whenever progress is looked at
KEPT = frozenset({"paws", "stranger", "harmful change"})
OTHERS = 0.5  # share of the near misses in an epoch
LOOK = 300  # steps from one look to the next


class Batches:
    """Pairs in batches of about the same length, in random order and in either direction."""

    def __init__(self, items: list[pairs.Pair], tokenizer: WordPiece, tokens: int, rng: random.Random) -> None:
        self._rng, self._tokens, self._tokenizer = rng, tokens, tokenizer
        self._items = items
        self._ids: dict[str, list[int]] = {}

    def _of(self, text: str) -> list[int]:
        if text not in self._ids:
            self._ids[text] = self._tokenizer.ids(text)[:LONGEST]
        return self._ids[text]

    def __iter__(self):
        items = thinned(self._items, self._rng)
        self._rng.shuffle(items)
        chunks = [items[start : start + 4096] for start in range(0, len(items), 4096)]
        batches = [
            batch
            for chunk in chunks
            for batch in self._cut(sorted(chunk, key=lambda p: len(self._of(p.one)) + len(self._of(p.other))))
        ]
        self._rng.shuffle(batches)
        for batch in batches:
            yield self.tensors(batch, flip=True)

    def _cut(self, items: list[pairs.Pair]):
        batch: list[pairs.Pair] = []
        for item in items:
            length = len(self._of(item.one)) + len(self._of(item.other)) + 3
            if batch and (len(batch) + 1) * length > self._tokens:
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def tensors(self, batch: list[pairs.Pair], flip: bool = False):
        rows, types = [], []
        for pair in batch:
            one, other = self._of(pair.one), self._of(pair.other)
            if flip and self._rng.random() < 0.5:
                one, other = other, one
            row, kind = self._tokenizer.pair(one, other, LONGEST)
            rows.append(row)
            types.append(kind)
        width = max(map(len, rows))
        pad = lambda seqs: torch.tensor([s + [0] * (width - len(s)) for s in seqs])  # noqa: E731
        mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
        return pad(rows), pad(types), mask, torch.tensor([float(pair.same) for pair in batch])


def thinned(items: list[pairs.Pair], rng: random.Random) -> list[pairs.Pair]:
    """All pairs that are the same, and others anew in each epoch: a group has four times as many of them as an epoch needs."""
    return [item for item in items if item.same or item.kind in KEPT or rng.random() < OTHERS]


@torch.no_grad()
def scores(model: CrossEncoder, items: list[pairs.Pair], batches: Batches) -> np.ndarray:
    model.eval()
    order = sorted(range(len(items)), key=lambda n: len(items[n].one) + len(items[n].other))
    found = np.zeros(len(items))
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        ids, types, mask, _ = batches.tensors([items[n] for n in part])
        with torch.autocast("cpu", torch.bfloat16):
            found[part] = torch.sigmoid(model(ids, types, mask).float()).numpy()
    return found


def auc(score: np.ndarray, label: np.ndarray) -> float:
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    positive = label.sum()
    return float((ranks[label].sum() - positive * (positive + 1) / 2) / (positive * (len(label) - positive)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--tokens", type=int, default=1536, help="of a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="go on from such a file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0, help="use so many pairs only, for a trial")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    rng = random.Random(given.seed)
    tokenizer = WordPiece.load()
    train, valid = training_pairs(rng), random.Random(0).sample(validation_pairs(), VALIDATED)
    if given.limit:
        train = rng.sample(train, given.limit)
    print(f"{len(train)} pairs to train on ({sum(p.same for p in train)} the same), {len(valid)} to validate", flush=True)
    model = CrossEncoder(read_weights(), layers=given.layers)
    if given.start:
        model.load(dict(np.load(given.start)))
    groups = [
        {"params": [p for n, p in model.named_parameters() if not n.startswith("head")], "weight_decay": 0.01},
        {"params": model.head.parameters(), "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=given.rate)
    batches, checks = Batches(train, tokenizer, given.tokens, rng), Batches(valid, tokenizer, given.tokens, rng)
    total = int(len(list(iter(batches))) * given.epochs)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=given.rate, total_steps=total + 1, pct_start=0.06)
    labels = np.array([pair.same for pair in valid])
    step, started, losses = 0, time.time(), []
    while step < total:
        for ids, types, mask, wanted in batches:
            model.train()
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(ids, types, mask).float()
            loss = functional.binary_cross_entropy_with_logits(logits, wanted * 0.97 + 0.015)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            step += 1
            if step % LOOK == 0 or step == total:
                found = scores(model, valid, checks)
                kept = recall_at(found, labels, 0.02)
                print(
                    f"step {step}/{total} loss {np.mean(losses[-LOOK:]):.4f} valid auc {auc(found, labels):.4f} "
                    f"kept at 2% wrong {kept:.3f} minutes {(time.time() - started) / 60:.1f}",
                    flush=True,
                )
                save(model, given.out, vars(given))
            if step >= total:
                break


def recall_at(score: np.ndarray, label: np.ndarray, share: float) -> float:
    """The share of the same pairs above the score that `share` of the others reach."""
    return float((score[label] > np.quantile(score[~label], 1 - share)).mean())


def save(model: CrossEncoder, out: Path, made_with: dict[str, object]) -> None:
    arrays: dict[str, np.ndarray] = {
        "head.weight": model.head.weight.detach().numpy()[0].astype(np.float32),
        "head.bias": model.head.bias.detach().numpy().astype(np.float32),
        "layers": np.array(model.layers),
    }
    for name, value in model.learned().items():
        if value.ndim == 2:
            arrays[name], arrays[f"{name}.scale"] = quantise(value)
        else:
            arrays[name] = value
    np.savez_compressed(out, **arrays)
    out.with_suffix(".json").write_text(json.dumps({k: str(v) for k, v in made_with.items()}, indent=1))


if __name__ == "__main__":
    main()
