"""The part `pairs`: near misses and paraphrases that were written for the purpose, before anything is learned and after."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import msgspec
import numpy as np

from bench.cache.models import Models
from bench.cache.stats import interval, wilson
from bench.cache.ways import AUDITED, JUDGE_TRUST, Entry, cold, judged, labelled
from pipeline.cache.guards.never import never
from pipeline.cache.semantic.learn import FEWEST, Seen, learn
from pipeline.cache.semantic.match import CANDIDATES, Candidate, Matcher
from pipeline.cache.semantic.policy import Policy
from pipeline.cache.semantic.threshold import NEVER

HELD_OUT = Path(__file__).with_name("heldout-light.jsonl")  # reworded as a colleague would
REWORDED = Path(__file__).with_name("heldout.jsonl")  # reworded with as few of the same words as possible
BUDGET = 0.01
TOLERATED = 0.02  # of the traps may be served
ROUNDS = 6
CURVE = 200  # points


class Written(msgspec.Struct, frozen=True):
    """A stored prompt, another wording of it, and a near miss."""

    stored: str
    paraphrase: str
    trap: str
    kind: str = ""


class Offer(msgspec.Struct, frozen=True):
    """A text that is asked, and what is known of it: its own stored prompt, the nearest ones, whether it is a trap."""

    text: str
    own: int
    trap: bool
    places: list[int]
    cosines: list[float]
    refused: bool


def read_pairs(path: Path = HELD_OUT) -> list[Written]:
    return [msgspec.convert(json.loads(line), Written) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(models: Models, path: Path, seeds: Sequence[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Everything is stored at once; then each paraphrase and each trap is asked."""
    found = read_pairs(path)
    tell(f"pairs: {len(found)} of {path.name}")
    offers = offered(found, models)
    matcher, policy = Matcher(models), cold(BUDGET)
    best = [_best(offer, [Entry(pair.stored) for pair in found], matcher, policy, NEVER) for offer in offers]
    scores = np.array([one.score if one is not None else 0.0 for one in best])
    right = np.array([_right(offer, one) for offer, one in zip(offers, best, strict=True)])
    cosines = np.array([offer.cosines[0] for offer in offers])
    nearest = np.array([not offer.trap and offer.places[0] == offer.own for offer in offers])
    trap = np.array([offer.trap for offer in offers])
    served = scores >= policy.threshold.value
    kinds = [found[offer.own].kind for offer in offers]
    rounds = [_rounds(found, offers, matcher, seed) for seed in seeds]
    return {
        "file": path.name,
        "pairs": len(found),
        "threshold": policy.threshold.value,
        "never": int(sum(offer.refused for offer in offers)),
        "cold": {
            "traps": int((served & trap).sum()),
            "traps_upper": wilson(int((served & trap).sum()), len(found))[1],
            "paraphrases": int((served & right).sum()),
            "wrong_prompt": int((served & ~trap & ~right).sum()),
        },
        "curve": curve(scores, trap, right),
        "at_tolerated": at_most(scores, trap, right, TOLERATED),
        "cosine": {"curve": curve(cosines, trap, nearest), "at_tolerated": at_most(cosines, trap, nearest, TOLERATED)},
        "served_traps": [
            {"kind": kind, "asked": offer.text, "stored": found[offer.places[one.place]].stored, "score": round(one.score, 4)}
            for offer, one, kind, hit in zip(offers, best, kinds, served, strict=True)
            if hit and offer.trap and one is not None
        ],
        "rounds": [_over_seeds([run[number] for run in rounds]) for number in range(ROUNDS)],
        "judge_calls": mean(sum(round_["judged"] for round_ in run) for run in rounds),
    }


def offered(found: Sequence[Written], models: Models) -> list[Offer]:
    """All paraphrases and traps beside the prompts that are nearest of those that the cache would store."""
    stored = models.vectors([pair.stored for pair in found])
    unkept = [number for number, pair in enumerate(found) if never(pair.stored) is not None]
    offers = []
    for number, pair in enumerate(found):
        for text, trap in ((pair.paraphrase, False), (pair.trap, True)):
            cosines = stored @ models.vectors([text])[0]
            cosines[unkept] = -1.0
            places = np.argsort(-cosines)[:CANDIDATES]
            offers.append(Offer(text, number, trap, places.tolist(), cosines[places].tolist(), never(text) is not None))
    return offers


def _best(offer: Offer, entries: Sequence[Entry], matcher: Matcher, policy: Policy, enough: float) -> Candidate | None:
    """The best candidate that was read; None also for a prompt that the cache does not look up."""
    if offer.refused:
        return None
    found = matcher.match(offer.text, [entries[place] for place in offer.places], offer.cosines, policy.scorer, enough)
    return found[0] if found and found[0].features is not None else None


def _right(offer: Offer, best: Candidate | None) -> bool:
    """Whether serving this candidate would be right."""
    return best is not None and not offer.trap and offer.places[best.place] == offer.own


# --- thresholds ---


def shares(scores: np.ndarray, trap: np.ndarray, right: np.ndarray, level: float) -> tuple[float, float]:
    """The share of traps and the share of paraphrases that are served from a score on."""
    served = scores >= level
    return float((served & trap).sum() / max(1, trap.sum())), float((served & right).sum() / max(1, (~trap).sum()))


def curve(scores: np.ndarray, trap: np.ndarray, right: np.ndarray) -> list[tuple[float, float, float]]:
    """(threshold, share of traps, share of paraphrases), from strict to lax."""
    levels = np.quantile(scores, np.linspace(1, 0, CURVE))
    return [(float(level), *shares(scores, trap, right, level)) for level in dict.fromkeys(levels.tolist())]


def at_most(scores: np.ndarray, trap: np.ndarray, right: np.ndarray, tolerated: float) -> dict[str, float]:
    """The best threshold in hindsight that serves no more than this share of the traps."""
    best = {"threshold": NEVER, "traps": 0.0, "paraphrases": 0.0}
    for level in sorted(set(scores.tolist()), reverse=True):
        traps, paraphrases = shares(scores, trap, right, level)
        if traps > tolerated:
            break
        best = {"threshold": level, "traps": traps, "paraphrases": paraphrases}
    return best


# --- with a judge and feedback ---


def _rounds(found: Sequence[Written], offers: Sequence[Offer], matcher: Matcher, seed: int) -> list[dict[str, float]]:
    """The same texts again and again in any order, with learning after each 100.

    Nothing is added to the cache: with what was missed in it, all of the second round would be exact hits.
    """
    rng = Random(f"rounds {seed}")
    entries, policy, seen = [Entry(pair.stored) for pair in found], cold(BUDGET), []
    results = []
    for _ in range(ROUNDS):
        counts = {"traps": 0, "paraphrases": 0, "judged": 0, "feedback": 0, "audited": 0}
        for offer in rng.sample(offers, len(offers)):
            seen.append(_ask(offer, entries, matcher, policy, rng, counts))
            if len(seen) % FEWEST == 0:
                policy = learn(cold(BUDGET), seen)
        results.append(
            {
                "traps": counts["traps"] / len(found),
                "paraphrases": counts["paraphrases"] / len(found),
                **{name: counts[name] for name in ("judged", "feedback", "audited")},
                "threshold": policy.threshold.value,
            }
        )
    return results


def _ask(offer: Offer, entries: Sequence[Entry], matcher: Matcher, policy: Policy, rng: Random, counts: dict[str, int]) -> Seen:
    best = _best(offer, entries, matcher, policy, policy.threshold.value)
    if best is None:
        return Seen(features=None, served=False)
    served, right = best.score >= policy.threshold.value, _right(offer, best)
    seen = Seen(features=best.features, served=served)
    entry = entries[offer.places[best.place]]
    if served:
        counts["traps"] += offer.trap
        counts["paraphrases"] += right
        if not right:
            counts["feedback"] += 1
            return labelled(msgspec.structs.replace(seen, volunteered=True), entry, False, 1.0, 1.0)
        share = policy.audits(AUDITED)
        if rng.random() < share:
            counts["audited"] += 1
            return labelled(seen, entry, True, share, 1.0)
    elif policy.grey(best.score):
        counts["judged"] += 1
        said = judged(right, best.score, rng)
        return seen if said is None else labelled(seen, entry, said, 1.0, JUDGE_TRUST)
    return seen


def _over_seeds(rounds: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {name: interval([one[name] for one in rounds]) for name in rounds[0]}
