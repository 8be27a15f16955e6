"""A stream of questions made of several: how many calls it takes, with the gateway's own composer over a cache that is a dict.

Against one direct call for each request, and against asking the parts one after the other and putting them together by a model.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from typing import Any

from bench.cache.data import Data
from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.runs import RunRequest
from pipeline.admission.treatment import EXACT, PartDone
from pipeline.cache.semantic.found import Asker, Found
from pipeline.chain import Asked, OnDelta, State
from pipeline.composite.compose import Composer
from pipeline.composite.known import Known
from pipeline.composite.whole import Asking, whole
from pipeline.decompose.plan import Part, Plan
from pipeline.optimise.count import Counter
from pipeline.request.plan import Apart
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.pricing import Price
from pipeline.upstream.sim.parts import questions_in
from pipeline.upstream.tokens import count_tokens

RATES = (0.0, 0.36, 0.7, 0.9)
REQUESTS = 400
PRICE = Price(input=150_000, output=600_000)
APART = Apart("", False, False)


def measure(data: Data, seeds: Sequence[int], requests: int = REQUESTS) -> dict[str, Any]:
    questions = list(dict.fromkeys(row["a"] for row in data.rows("qqp_test") if row["a"].endswith("?") and len(row["a"]) < 120))
    return {f"{rate:g}": _over([_seed(questions, rate, seed, requests) for seed in seeds]) for rate in RATES}


def _seed(questions: Sequence[str], rate: float, seed: int, requests: int) -> dict[str, float]:
    drawn = random.Random(f"{seed} {rate}")
    upstream = _Upstream()
    shelf = _Shelf(drawn, rate)
    composer = Composer(shelf, _Never(), upstream, Counter(), lambda model: PRICE)  # type: ignore[arg-type]
    sequential = direct_cost = cost = merged = whole_calls = 0.0
    for _ in range(requests):
        texts = drawn.sample(questions, drawn.randint(2, 4))
        sequential += len(texts) + 1
        request = _request(" ".join(texts))
        found = whole(request, APART)
        assert not isinstance(found, str)
        before = upstream.cost
        state = State(key=request.content_key, run_id="run", request=request)
        plan = Plan(tuple(Part(text, label=text) for text in texts), "questions")
        made = composer.compose(state, _Work(), found, plan)
        price = _cost(request.body, "".join(_say(text) for text in texts))
        direct_cost += price
        if made.answer is None:
            whole_calls += 1
            cost += price
        else:
            cost += upstream.cost - before
            said = json.loads(made.answer.body)["choices"][0]["message"]["content"]
            places = [said.find(_say(text)) for text in texts]
            merged += -1 not in places and places == sorted(places)
    answered = requests - whole_calls
    return {
        "fewer calls than direct": 1 - (upstream.calls + whole_calls) / requests,
        "fewer calls than sequential": 1 - (upstream.calls + whole_calls) / sequential,
        "cheaper than direct": 1 - cost / direct_cost,
        "whole and in order": merged / answered if answered else 1.0,
        "part hit rate": shelf.hits / max(1, shelf.looked),
    }


def _over(found: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Mean, least and most over the seeds."""
    return {name: [sum(one[name] for one in found) / len(found), *_bounds([one[name] for one in found])] for name in found[0]}


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _say(question: str) -> str:
    return f"The answer to {question.lower()!r} takes some sixty words, as most answers do. " * 3


def _cost(body: bytes, said: str) -> float:
    return count_tokens(body.decode()) * PRICE.input + count_tokens(said) * PRICE.output


def _request(text: str) -> RunRequest:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    return RunRequest("t", "chat/completions", "m", body, False, "k" * 40, True, True, False, apart=APART)


class _Work:
    def __init__(self) -> None:
        self.cancel, self.deadline = CancelToken(), time.monotonic() + 60

    def deltas(self, chunks: list[bytes]) -> None: ...

    def owe(self, rider: Any) -> None: ...


class _Never:
    def note(self, content_keys: list[str]) -> bool:
        return False


class _Shelf:
    """Has the answer to a part with this chance."""

    def __init__(self, drawn: random.Random, rate: float) -> None:
        self._drawn, self._rate = drawn, rate
        self.looked = self.hits = 0

    def find(self, asker: Asker, asking: Asking, parts: int) -> tuple[Known | None, Found | None]:
        self.looked += 1
        if self._drawn.random() >= self._rate:
            return None, None
        self.hits += 1
        text = _say(asking.text)
        return Known(_answer(text, 0), text, PartDone(EXACT, asking.content_key)), None


class _Upstream:
    def __init__(self) -> None:
        self.calls, self.cost = 0, 0.0

    def __call__(self, state: State, work: Any, body: bytes, on_delta: OnDelta | None, *, purpose: str = "") -> Asked:
        self.calls += 1
        text = json.loads(body)["messages"][-1]["content"]
        asked = questions_in(text)
        said = "\n".join(json.dumps({"id": one.id, "answer": _say(one.question)}) for one in asked) if asked else _say(text)
        price = round(_cost(body, said))
        self.cost += price
        return Asked(_answer(said, price), 1)


def _answer(text: str, cost: int) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Answer("t", json.dumps({"choices": [choice]}).encode(), Tokens(1, 1, 2), cost, "m", "u", True, 1.0, 1.0)


def table(figures: dict[str, Any]) -> str:
    names = list(next(iter(figures.values())))
    lines = [f"| part hit rate | {' | '.join(names[:-1])} |", "|---" * len(names) + "|"]
    for rate, row in figures.items():
        cells = (f"{row[name][0]:.1%} ({row[name][1]:.1%} to {row[name][2]:.1%})" for name in names[:-1])
        lines.append(f"| {rate} | {' | '.join(cells)} |")
    return "\n".join(lines)
