"""Streams of requests whose right answers are known: who asks what, in which order, and which texts have one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from random import Random

import msgspec

from bench.cache.classes import Classes
from bench.cache.data import Data, normalised
from bench.verifier.pairs import groups
from bench.verifier.sources import VALIDATION

ZIPF = 1.0
QQP = ("qqp_train", "qqp_test")


class Stream(msgspec.Struct, frozen=True):
    """`requests` are places in `texts`, which has each text once; texts of one class have one answer."""

    texts: list[str]
    classes: list[str]
    requests: list[int]

    @property
    def ceiling(self) -> float:
        """The share of requests whose answer was given to an earlier one."""
        return 1 - len({self.classes[place] for place in self.requests}) / len(self.requests)

    @property
    def repeats(self) -> float:
        """The share of requests whose very text was asked before."""
        return 1 - len(set(self.requests)) / len(self.requests)


def paraphrases(data: Data, count: int, seed: int) -> Stream:
    """Whole classes of Quora's questions as they come, each text once, in any order."""
    rng = Random(f"paraphrases {seed}")
    return _once(_some(Classes(data.pairs(*QQP)).groups(), count, rng), rng)


def zipf(data: Data, count: int, seed: int) -> Stream:
    """Questions of Quora that come back by Zipf's law, in any of their wordings."""
    rng = Random(f"zipf {seed}")
    found = Classes(data.pairs(*QQP)).groups()
    rng.shuffle(found)
    drawn = rng.choices(found, [rank**-ZIPF for rank in range(1, len(found) + 1)], k=count)
    return _of([(rng.choice(group), group[0]) for group in drawn])


def paws(data: Data, count: int, seed: int) -> Stream:
    """Adversarial pairs of PAWS, as many texts of them as of questions of Quora that nobody asked in other words."""
    rng = Random(f"paws {seed}")
    pairs = data.pairs("paws_qqp_train")
    classes = Classes([*data.pairs(*QQP), *pairs])
    rng.shuffle(pairs)
    near = list(dict.fromkeys(chain.from_iterable((one, other) for one, other, _ in pairs)))[: count // 2]
    known = {text for one, other, _ in pairs for text in (one, other)}
    single = [group[0] for group in classes.groups() if len(group) == 1 and group[0] not in known]
    texts = near + rng.sample(single, min(len(near), len(single)))
    rng.shuffle(texts)
    return _of((text, classes.of(text)) for text in texts)


def clinc(data: Data, count: int, seed: int) -> Stream:
    """Short requests to an assistant. Only the same words count as the same question."""
    rng = Random(f"clinc {seed}")
    texts = data.prompts("clinc150")
    return _of((text, normalised(text)) for text in rng.sample(texts, min(count, len(texts))))


def written(data: Data, count: int, seed: int) -> Stream:
    """The project's own groups that the verifier was not trained on: prompts, paraphrases, near misses."""
    rng = Random(f"written {seed}")
    found = []
    for group in [group for number, group in enumerate(groups()) if not number % VALIDATION]:
        found += [(text, group["base"]) for text in (group["base"], *group["same"])]
        found += [(text, text) for _, text in group["other"]]
    rng.shuffle(found)
    return _of(found[:count])


STREAMS: dict[str, Callable[[Data, int, int], Stream]] = {
    "paraphrases": paraphrases,
    "zipf": zipf,
    "paws": paws,
    "clinc": clinc,
    "written": written,
}


def _some(found: list[list[str]], count: int, rng: Random) -> list[list[str]]:
    """Classes in any order until they have so many texts."""
    rng.shuffle(found)
    chosen, texts = [], 0
    for group in found:
        if texts >= count:
            break
        chosen.append(group)
        texts += len(group)
    return chosen


def _once(found: list[list[str]], rng: Random) -> Stream:
    asked = [(text, group[0]) for group in found for text in group]
    rng.shuffle(asked)
    return _of(asked)


def _of(asked: Iterable[tuple[str, str]]) -> Stream:
    """A stream of (text, its class)."""
    places: dict[str, int] = {}
    classes, requests = [], []
    for text, name in asked:
        if text not in places:
            places[text] = len(places)
            classes.append(name)
        requests.append(places[text])
    return Stream(list(places), classes, requests)
