"""From a plan to one answer: as much as is known from the caches, the rest in as few calls as the plan allows.

The whole is asked directly whenever taking it apart would cost a call more. So where nothing is known it costs what it would cost
anyway, but for the lookups.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.treatment import UPSTREAM, Treatment
from pipeline.cache.semantic.found import Asker
from pipeline.chain import Ask, Gained, OnDelta, State, Work
from pipeline.composite.beside import Beside, Take
from pipeline.composite.flow import Flow
from pipeline.composite.gather import Beside as AskBeside
from pipeline.composite.gather import Direct, Gathering
from pipeline.composite.known import Finder, Recurring
from pipeline.composite.money import balance
from pipeline.composite.whole import Asking, Whole
from pipeline.decompose.plan import Plan, levels
from pipeline.ids import completion_id, unix_now
from pipeline.optimise.count import Counter
from pipeline.upstream.pricing import Price, cost_of
from pipeline.upstream.types import Usage


class Composed(msgspec.Struct, frozen=True):
    """The merged answer, or None where the whole is to be asked directly, and in `why` the reason; what was `gained` on the way;
    `saved` in pico-dollars, None when not known; the milliseconds that the gateway itself took.
    """

    gained: tuple[Gained, ...]
    ms: float
    answer: Answer | None = None
    source: str = UPSTREAM
    treatment: Treatment | None = None
    saved: int | None = 0
    why: str = ""


class Composer:
    """`price` is a model's, by the name that the caller used. `calls` is the most that the parts of one question may take
    together, as long as none fails. With `beside` missing parts are asked at the same time: sooner, with a call each.
    """

    def __init__(
        self,
        finder: Finder,
        recurring: Recurring,
        ask: Ask,
        counter: Counter,
        price: Callable[[str], Price | None],
        calls: int = 1,
        beside: Callable[[], Beside | None] = lambda: None,
    ) -> None:
        self._finder = finder
        self._recurring = recurring
        self._ask = ask
        self._counter = counter
        self._price = price
        self._calls = calls
        self._beside = beside

    def compose(self, state: State, work: Work, whole: Whole, plan: Plan) -> Composed:
        """Raises what `Ask` does, where not even the whole could be asked."""
        started, waited = time.monotonic(), 0.0
        model = state.request.model

        @contextmanager
        def waiting() -> Iterator[None]:
            nonlocal waited
            begun = time.monotonic()
            try:
                yield
            finally:
                waited += _since(begun)

        def call(body: bytes, on_delta: OnDelta | None, purpose: str) -> Answer:
            with waiting():
                return self._ask(state, work, body, on_delta, purpose=purpose).answer

        def ask_beside(parts: Mapping[int, Asking], take: Take) -> None:
            assert beside is not None
            with waiting():
                beside.ask(state, work, parts, take)

        beside = self._beside() if whole.cap is None else None  # a cap holds for all parts together

        flow = Flow(_head(model), work.deltas if state.request.stream else None)
        gathering = Gathering(whole, plan, flow, call, lambda text: self._counter.count(model, text), self._as_answer)
        try:
            self._gather(state, gathering, ask_beside if beside else None)
        except Direct as why:
            if not flow.begun:
                return Composed(tuple(gathering.gained), _since(started) - waited, why=str(why))
            # What callers have seen cannot be taken back: the whole answer follows, in place of what is missing.
            gathering.end(call(state.request.body, None, "whole"))
        return self._composed(state, whole, gathering, _since(started) - waited, waited)

    def _gather(self, state: State, gathering: Gathering, beside: AskBeside | None) -> None:
        if not gathering.plan.sure:
            raise Direct("unsure")
        relates = gathering.plan.relate is not None
        if relates and self._calls < 2:
            raise Direct("relates")  # one call at least, which is what the direct answer takes
        asker = Asker(state.request.tenant, state.request.author)
        parts, steps = len(gathering.plan.parts), levels(gathering.plan)
        for depth, level in enumerate(steps):
            missing = gathering.look(level, lambda asking: self._finder.find(asker, asking, parts))
            if not missing:
                continue
            if not beside and len(gathering.made) + len(steps) - depth + relates > self._calls:
                raise Direct("calls")
            if not beside and not gathering.answers and not self._recurring.note(gathering.keys(missing)):
                raise Direct("nothing known")
            gathering.ask(missing, beside)
        if relates:
            gathering.relate()

    def _composed(self, state: State, whole: Whole, gathering: Gathering, ms: float, waited: float) -> Composed:
        request = state.request
        price = self._price(request.model)
        prompt = self._counter.count_messages(request.model, whole.params["messages"])
        money = balance(prompt, self._counter.count(request.model, gathering.substance), gathering.made, price)
        parts = tuple(gathering.done[number] for number in sorted(gathering.done))  # 0, if there is one, is the whole
        asked = bool(gathering.made)
        source = UPSTREAM if asked else max(part.source for part in parts)  # 'semantic' if one of them is
        tokens, cost = (money.spent, money.spent_cost) if asked else (money.direct, money.direct_cost)
        treatment = Treatment(
            parts=parts,
            saved=money.saved if asked else 0,  # a hit saves all that its answer costs, which is told as for any hit
            saved_tokens=money.saved_tokens if asked else 0,
            stages_ms=ms,
        )
        body = gathering.flow.completion(_usage(tokens))
        answer = self._merged(request.tenant, request.model, body, tokens, cost, gathering, waited)
        return Composed(tuple(gathering.gained), ms, answer, source, treatment, money.saved)

    @staticmethod
    def _merged(
        tenant: str, model: str, body: bytes, tokens: Tokens, cost: int | None, gathering: Gathering, waited: float
    ) -> Answer:
        last = (gathering.made or gathering.used)[-1]
        return Answer(
            tenant=tenant,
            body=body,
            tokens=tokens,
            cost=cost,
            model=model,
            upstream=last.upstream,
            simulated=last.simulated,
            upstream_ms=waited,
            stored_at=unix_now(),
            headers=last.headers if gathering.made else {},
            call_id=last.call_id if gathering.made else None,
        )

    def _as_answer(self, asking: Asking, text: str, told: Answer) -> Answer:
        """A part's answer out of a call that answered several, as if it had been asked alone. What it costs is estimated."""
        model = asking.model
        prompt, completion = self._counter.count_messages(model, asking.messages), self._counter.count(model, text)
        tokens = Tokens(prompt, completion, prompt + completion)
        flow = Flow(_head(model), None)
        flow.put(1, "", text)
        return msgspec.structs.replace(
            told,
            body=flow.completion(_usage(tokens)),
            tokens=tokens,
            cost=cost_of(Usage(prompt, completion, prompt + completion), self._price(model)),
            headers={},
        )


def _head(model: str) -> dict[str, Any]:
    return {"id": completion_id(), "created": int(unix_now()), "model": model}


def _usage(tokens: Tokens) -> dict[str, int]:
    return {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion, "total_tokens": tokens.total}


def _since(started: float) -> float:
    return (time.monotonic() - started) * 1000
