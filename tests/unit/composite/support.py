"""Fakes around a composer: a cache that is a dict, and an upstream that follows a script."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.runs import RunRequest
from pipeline.admission.treatment import EXACT, PartDone
from pipeline.cache.semantic.found import Asker, Found
from pipeline.chain import Asked, OnDelta, State
from pipeline.composite.compose import Composed, Composer
from pipeline.composite.known import Known
from pipeline.composite.whole import Asking, Whole, whole
from pipeline.decompose.plan import Part, Plan
from pipeline.errors import UpstreamError
from pipeline.optimise.count import Counter
from pipeline.request.plan import Apart
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.pricing import Price
from pipeline.upstream.sim.parts import questions_in

PRICE = Price(input=1_000_000, output=4_000_000)
APART = Apart("", False, False)
DOWN = UpstreamError("The upstream is down.")


def answer(text: str, finish_reason: str = "stop", cost: int = 1_000) -> Answer:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}],
    }
    return Answer(
        tenant="t",
        body=json.dumps(body).encode(),
        tokens=Tokens(10, 20, 30),
        cost=cost,
        model="m",
        upstream="up",
        simulated=False,
        upstream_ms=5.0,
        stored_at=1.0,
        call_id="call",
    )


def request(text: str, *, stream: bool = False, system: str = "", **more: Any) -> RunRequest:
    before = [{"role": "system", "content": system}] if system else []
    body = {"model": "m", "messages": [*before, {"role": "user", "content": text}], **more}
    return RunRequest(
        tenant="t",
        endpoint="chat/completions",
        model="m",
        body=json.dumps(body).encode(),
        stream=stream,
        content_key="k" * 40,
        lookup=True,
        store=True,
        keep=False,
        apart=APART,
    )


def taken(text: str, **more: Any) -> Whole:
    found = whole(request(text, **more), APART)
    assert not isinstance(found, str)
    return found


class Work:
    """Gathers what is streamed."""

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self.deadline = time.monotonic() + 60
        self.chunks: list[dict[str, Any]] = []

    def deltas(self, chunks: list[bytes]) -> None:
        self.chunks += [json.loads(chunk) for chunk in chunks]

    def owe(self, rider: Any) -> None: ...

    @property
    def text(self) -> str:
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in self.chunks)


class Shelf:
    """The stored answers by question."""

    def __init__(self, stored: dict[str, str]) -> None:
        self.stored = stored
        self.looked: list[str] = []

    def find(self, asker: Asker, asking: Asking, parts: int) -> tuple[Known | None, Found | None]:
        self.looked.append(asking.text)
        if asking.text not in self.stored:
            return None, None
        found = self.stored[asking.text]
        return Known(answer(found), found, PartDone(EXACT, asking.content_key)), None


class Upstream:
    """`say` makes the answer to one question, and None stands for one that fails. Questions asked together are answered as a
    model does, but for those that `forgets` names. `cut` is the length of the chunks.
    """

    def __init__(
        self,
        say: Callable[[str], str | None] = lambda question: f"Answer to {question}",
        forgets: Iterable[str] = (),
        cut: int = 7,
    ) -> None:
        self.say = say
        self.forgets = set(forgets)
        self.cut = cut
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, state: State, work: Any, body: bytes, on_delta: OnDelta | None, *, purpose: str = "") -> Asked:
        asked = json.loads(body)
        self.bodies.append(asked)
        text = asked["messages"][-1]["content"]
        self.asked.append(text)
        said = self._together(text) if questions_in(text) else self.say(text)
        if said is None:
            raise DOWN
        if on_delta:
            for start in range(0, len(said), self.cut):
                on_delta([json.dumps({"choices": [{"index": 0, "delta": {"content": said[start : start + self.cut]}}]}).encode()])
        return Asked(answer(said), 1)

    def _together(self, text: str) -> str | None:
        told = [(one.id, self.say(one.question)) for one in questions_in(text) if one.question not in self.forgets]
        if any(said is None for _, said in told):
            return None
        return "\n".join(json.dumps({"id": number, "answer": said}) for number, said in told)


class Seen:
    def __init__(self, before: bool = False) -> None:
        self.before = before

    def note(self, content_keys: list[str]) -> bool:
        return self.before


def questions(*texts: str, relate: str | None = None) -> Plan:
    return Plan(tuple(Part(text, label=text) for text in texts), "questions", relate)


def compose(
    plan: Plan,
    stored: dict[str, str],
    upstream: Upstream,
    *,
    stream: bool = False,
    seen: bool = False,
    calls: int = 1,
    **more: Any,
) -> tuple[Composed, Work]:
    asked = request(" ".join(part.text for part in plan.parts), stream=stream, **more)
    found = whole(asked, APART)
    assert not isinstance(found, str)
    state = State(key=asked.content_key, run_id="run", request=asked)
    composer = Composer(Shelf(stored), Seen(seen), upstream, Counter(), lambda model: PRICE, calls)
    work = Work()
    return composer.compose(state, work, found, plan), work


def text_of(composed: Composed) -> str:
    assert composed.answer is not None, composed.why
    text: str = json.loads(composed.answer.body)["choices"][0]["message"]["content"]
    return text
