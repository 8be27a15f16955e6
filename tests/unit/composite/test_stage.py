"""The stage: when it looks at a question at all, and when it leaves itself out."""

from __future__ import annotations

import msgspec

from pipeline.chain import State
from pipeline.composite.compose import Composer
from pipeline.earns import ENOUGH, Earns
from pipeline.optimise.count import Counter
from pipeline.stages.decompose import STAGE, decompose
from tests.unit.composite.support import PRICE, Seen, Shelf, Upstream, Work, request

TEXT = "Who wrote Hamlet? Who painted Guernica?"
STORED = {"Who wrote Hamlet?": "Shakespeare.", "Who painted Guernica?": "Picasso."}


def run(text: str = TEXT, earns: Earns | None = None, shelf: Shelf | None = None, allowed: bool = True) -> State:
    asked = request(text)
    if not allowed:
        asked = msgspec.structs.replace(asked, apart=None)
    composer = Composer(shelf or Shelf(STORED), Seen(), Upstream(), Counter(), lambda model: PRICE)
    state = State(key=asked.content_key, run_id="run", request=asked)
    return decompose(composer, earns or Earns())(state, Work())


def test_it_answers() -> None:
    found = run()
    assert found.answer is not None
    assert found.source == "exact"
    assert found.decision == "2 parts: exact, exact"


def test_one_question_goes_on_as_it_came() -> None:
    found = run("Who wrote Hamlet?")
    assert found.answer is None
    assert found.decision.startswith("one question")


def test_without_leave_nothing_is_looked_up() -> None:
    shelf = Shelf(STORED)
    assert run(shelf=shelf, allowed=False).answer is None
    assert shelf.looked == []


def test_where_it_does_not_pay_it_leaves_itself_out() -> None:
    earns = Earns(draw=lambda: 1.0, price_of_ms=10**9)
    empty = Shelf({})
    for _ in range(ENOUGH * 20):
        if not earns.runs("t", STAGE):
            break
        run(earns=earns, shelf=empty)
    assert run(earns=earns).decision == "left out: it does not pay here"
