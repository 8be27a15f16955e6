"""The part `traps`: what of the mechanical near misses would be served, out of a cache with its original and out of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from random import Random
from typing import Any

import numpy as np

from bench.cache.data import Data, MissingDataError
from bench.cache.ladder import learning
from bench.cache.models import Models
from bench.cache.names import Names
from bench.cache.play import Prepared
from bench.cache.stats import wilson
from bench.cache.streams import QQP, paraphrases
from bench.cache.traps import Trap, traps
from bench.cache.ways import Entry, Learning, cold
from bench.verifier.pairs import groups
from bench.verifier.sources import VALIDATION
from pipeline.cache.guards.never import never
from pipeline.cache.semantic.match import CANDIDATES, Candidate, Matcher
from pipeline.cache.semantic.policy import Policy

SETS = ("gsm8k_test", "clinc150", "mt_bench", "self_instruct_human")
QUESTIONS = 6_000  # of Quora
BUDGET = 0.01
BLOCK = 1_000
NEVER, FAR, BELOW, SERVED = "never looked up", "too far", "score too low", "served"
EXAMPLES = 200  # of what was served the answer to another prompt than its own, in the results


def measure(data: Data, models: Models, share: int, requests: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """`share`: every so many prompts. What of the data is missing is left out."""
    by_set, missing = _prompts(data)
    originals, made = _made(models, by_set, share)
    tell(f"traps: {len(made):,} of {len(originals):,} prompts")
    policies = {"cold": cold(BUDGET)}
    learned = _learned(data, models, requests, seed, tell)
    if learned is not None:
        policies["learned"] = learned
    offered = _Offered(models, originals, made)
    return {
        "prompts": len(originals),
        "sets": {name: len(texts[::share]) for name, texts in by_set.items()},
        "missing": missing,
        "traps": len(made),
        "kinds": dict(Counter(trap.kind for trap in made)),
        "never": sum(never(trap.text) is not None for trap in made),
        "offered": {name: _both(offered, policy, name, tell) for name, policy in policies.items()},
    }


def _made(models: Models, by_set: dict[str, list[str]], share: int) -> tuple[list[str], list[Trap]]:
    """The prompts that the cache would store, and all traps of them; none is a prompt itself."""
    names = Names(chain.from_iterable(by_set.values()))
    chosen = dict.fromkeys(text for texts in by_set.values() for text in texts[::share] if never(text) is None)
    originals = models.readable(list(chosen))
    made = [trap for text in originals for trap in traps(text, names) if trap.text not in chosen]
    readable = set(models.readable([trap.text for trap in made]))
    return originals, [trap for trap in made if trap.text in readable]


def _prompts(data: Data) -> tuple[dict[str, list[str]], list[str]]:
    """Prompts by set, and what is missing. The written groups are those that nothing was trained on."""
    found, missing = {}, []
    for name in SETS:
        try:
            found[name] = data.prompts(name)
        except MissingDataError as error:
            missing.append(str(error))
    try:
        questions = list(dict.fromkeys(text for one, other, _ in data.pairs(*QQP) for text in (one, other)))
        found["qqp"] = Random("traps").sample(questions, min(QUESTIONS, len(questions)))
    except MissingDataError as error:
        missing.append(str(error))
    written = [group for number, group in enumerate(groups()) if not number % VALIDATION]
    found["written"] = [text for group in written for text in (group["base"], *group["same"])]
    return found, missing


def _learned(data: Data, models: Models, requests: int, seed: int, tell: Callable[[str], None]) -> Policy | None:
    """The policy at the end of the stream of paraphrases; None where its data is missing."""
    try:
        stream = paraphrases(data, requests, seed)
    except MissingDataError:
        return None
    tell("traps: learning on the stream of paraphrases")
    of = Prepared.of(stream, models.vectors(stream.texts))
    way = learning(Matcher(models), BUDGET)(of, seed)
    of.play(way)
    assert isinstance(way, Learning)
    return way.policy


class _Offered:
    """Traps, with the stored prompts that are near to each."""

    def __init__(self, models: Models, originals: list[str], made: list[Trap]) -> None:
        self.traps = made
        self._matcher = Matcher(models)
        self._entries = [Entry(text) for text in originals]
        place = {text: number for number, text in enumerate(originals)}
        self._own = np.array([place[trap.original] for trap in made], np.int64)
        stored, asked = models.vectors(originals), models.vectors([trap.text for trap in made])
        self._own_cosines = np.einsum("ij,ij->i", asked, stored[self._own])
        self._near = np.concatenate([_nearest(asked[start : start + BLOCK], stored) for start in range(0, len(asked), BLOCK)])
        self._cosines = np.einsum("ij,ikj->ik", asked, stored[self._near])

    def to_its_own(self, number: int, policy: Policy) -> tuple[str, Candidate | None, str]:
        """What becomes of a trap in a cache with its original alone: outcome, best candidate, the stored prompt."""
        return self._outcome(number, policy, [int(self._own[number])], [float(self._own_cosines[number])])

    def to_all(self, number: int, policy: Policy) -> tuple[str, Candidate | None, str]:
        return self._outcome(number, policy, self._near[number].tolist(), self._cosines[number].tolist())

    def _outcome(self, number: int, policy: Policy, places: list[int], cosines: list[float]) -> tuple[str, Candidate | None, str]:
        text = self.traps[number].text
        if never(text) is not None:
            return NEVER, None, ""
        entries = [self._entries[place] for place in places]
        found = self._matcher.match(text, entries, cosines, policy.scorer, policy.threshold.value)
        if not found:
            return FAR, None, ""
        best = found[0]
        stored = entries[best.place].text
        if best.features is None:
            return f"guard: {best.veto}", best, stored
        return SERVED if best.score >= policy.threshold.value else BELOW, best, stored


def _nearest(asked: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Places of the nearest stored ones [asked, CANDIDATES], nearest first."""
    cosines = asked @ stored.T
    count = min(CANDIDATES, cosines.shape[1])
    places = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(cosines, places, axis=1), axis=1)
    return np.take_along_axis(places, order, axis=1)


def _both(offered: _Offered, policy: Policy, name: str, tell: Callable[[str], None]) -> dict[str, Any]:
    tell(f"traps: offered, {name} threshold {policy.threshold.value:.3f}")
    ways = {"its own original": offered.to_its_own, "all originals": offered.to_all}
    return {"threshold": policy.threshold.value, **{where: _offer(offered.traps, look, policy) for where, look in ways.items()}}


def _offer(
    made: Sequence[Trap], look: Callable[[int, Policy], tuple[str, Candidate | None, str]], policy: Policy
) -> dict[str, Any]:
    """How many are served their own original's answer, which is wrong, and how many another's, which may be right."""
    outcomes: dict[str, Counter[str]] = {}
    served: list[dict[str, Any]] = []
    for number, trap in enumerate(made):
        outcome, best, stored = look(number, policy)
        outcomes.setdefault(trap.kind, Counter())[outcome] += 1
        if outcome == SERVED and best is not None:
            example = {"kind": trap.kind, "change": trap.change, "asked": trap.text, "stored": stored}
            served.append(
                example | {"cosine": round(best.cosine, 4), "score": round(best.score, 4), "own": stored == trap.original}
            )
    own, other = ([example for example in served if example["own"] is mine] for mine in (True, False))
    return {
        "own": len(own),
        "own_upper": wilson(len(own), len(made))[1],
        "other": len(other),
        "outcomes": {kind: dict(counts.most_common()) for kind, counts in outcomes.items()},
        "examples": own + Random(1).sample(other, min(EXAMPLES, len(other))),
    }
