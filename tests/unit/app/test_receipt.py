"""What a response says of itself, and what the ledger hears: the same, and nothing that nobody knows."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.receipt import Receipt
from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.runs import Admission
from pipeline.cache.meaning import Meaning
from pipeline.door import Entry
from pipeline.errors import BadRequest, DeadlineExceeded
from pipeline.ids import unix_now
from pipeline.ledger.events import RequestEvent, decode, encode
from pipeline.request.model import Request
from pipeline.storage.keys import Principal
from tests.support.runs import make_answer, make_plan

PRINCIPAL = Principal(tenant="acme", key_id="k1", is_admin=False, bring_own_key=False)
REQUEST = Request(endpoint="chat/completions", body=b"{}", params={"model": "m"})
BYPASS = {"lookup": False, "store": False, "dedup": False, "reasons": {"exact": "no-store", "dedup": "no-store"}}


class Ledger:
    """Stands for the gateway: keeps what is recorded."""

    def __init__(self) -> None:
        self.events: list[RequestEvent] = []

    def record_request(self, event: RequestEvent) -> None:
        self.events.append(decode("r", encode(event)["d"]))  # type: ignore[arg-type]


def entry(verdict: str, answer: Answer | None = None, **plan: Any) -> Entry:
    def readmit() -> Entry:
        raise AssertionError("nothing was lost")

    return Entry(make_plan(**plan), Admission(verdict, answer=answer), None, readmit)


def opened() -> Receipt:
    return Receipt("chat/completions")


def receipt(verdict: str = "new", **plan: Any) -> Receipt:
    made = opened()
    made.principal, made.request = PRINCIPAL, REQUEST
    made.enter(entry(verdict, **plan))
    return made


def recorded(made: Receipt, answer: Answer | None, error: Any = None) -> RequestEvent:
    ledger = Ledger()
    made.record(ledger, answer, error)  # type: ignore[arg-type]
    (event,) = ledger.events
    return event


KINDS = {"exact": ("done", {}), "semantic": ("new", {}), "dedup": ("live", {}), "miss": ("new", {}), "bypass": ("new", BYPASS)}
MATCH = Meaning("ab" * 20, similarity=0.91234, score=0.98765, threshold=0.9, novelty=0.25)


def of_kind(kind: str, meaning: Meaning | None = None) -> Receipt:
    """A receipt as it is when the answer is known: a hit by meaning is a miss until then."""
    verdict, plan = KINDS[kind]
    made = receipt(verdict, **plan)
    assert made.entry is not None
    if kind == "semantic":
        made.entry.status, made.entry.meaning = "semantic", MATCH
    if meaning:
        made.entry.meaning = meaning
    return made


@pytest.mark.parametrize(
    ("kind", "route", "cost", "saved", "tokens"),
    [
        ("exact", "CACHE", "0", "0.000000000075", 4),
        ("semantic", "CACHE", "0", "0.000000000075", 4),
        ("dedup", "FAST", "0", "0.000000000075", 4),
        ("miss", "FAST", "0.000000000075", "0", 0),
        ("bypass", "FAST", "0.000000000075", "0", 0),
    ],
)
def test_headers_body_and_ledger_tell_the_same_costs(kind: str, route: str, cost: str, saved: str, tokens: int) -> None:
    made, answer = of_kind(kind), make_answer()
    headers, metrics = made.headers(answer), made.metrics(answer)
    event = recorded(made, answer)
    assert (headers["X-LEO-Cache"], headers["X-LEO-Route"]) == (kind, route)
    assert (headers["X-LEO-Cost"], headers["X-LEO-Cost-Saved"]) == (cost, saved)
    assert metrics["optimization_metrics"]["billed"] == float(cost)
    assert metrics["optimization_metrics"]["cost_saved"] == float(saved)
    assert metrics["optimization_metrics"]["cache_hit"] is (kind in ("exact", "semantic"))
    assert metrics["optimization_metrics"]["tokens_saved"] == event.tokens_saved == tokens
    assert metrics["leo_metrics"]["route"] == event.route == route
    assert (event.cache, event.cost, event.cost_saved) == (kind, round(float(cost) * 1e12), round(float(saved) * 1e12))


@pytest.mark.parametrize("kind", KINDS)
def test_a_price_that_nobody_knows_is_unknown_and_never_nothing(kind: str) -> None:
    made, answer = of_kind(kind), make_answer(cost=None, tokens=None)
    shared = kind in ("exact", "semantic", "dedup")
    headers, metrics, event = made.headers(answer), made.metrics(answer)["optimization_metrics"], recorded(made, answer)
    assert headers["X-LEO-Cost"] == ("0" if shared else "unknown")
    assert headers["X-LEO-Cost-Saved"] == ("unknown" if shared else "0")
    assert (metrics["billed"], metrics["cost_saved"]) == ((0, None) if shared else (None, 0))
    assert (event.cost, event.cost_saved, event.tokens_saved) == ((0, None, None) if shared else (None, 0, 0))
    assert (event.prompt_tokens, event.completion_tokens, event.cached_tokens) == (None, None, None)


@given(st.sampled_from(sorted(KINDS)), st.none() | st.integers(0, 10**12))
def test_what_a_request_cost_and_saved_is_together_the_price_of_its_answer(kind: str, price: int | None) -> None:
    made, answer = of_kind(kind), make_answer(cost=price)
    cost, saved = made.cost(answer), made.cost_saved(answer)
    assert (None if cost is None or saved is None else cost + saved) == price


def test_measures_that_no_optimiser_takes_yet_are_null() -> None:
    metrics = receipt().metrics(make_answer())
    assert metrics["optimization_metrics"]["confidence_score"] is None
    assert metrics["optimization_metrics"]["decomposed"] is False
    assert {
        name: metrics["leo_metrics"][name] for name in ("confidence", "risk_level", "novelty", "coherence", "proof")
    } == dict.fromkeys(("confidence", "risk_level", "novelty", "coherence", "proof"))


def test_a_hit_tells_its_age_and_not_the_providers_limits_of_back_then() -> None:
    limits = {"x-ratelimit-remaining-requests": "9", "openai-processing-ms": "12", "x-request-id": "up-1", "set-cookie": "no"}
    answer = make_answer(stored_at=unix_now() - 100, headers=limits)
    miss = receipt("new").headers(answer)
    assert "Age" not in miss
    assert (miss["x-ratelimit-remaining-requests"], miss["openai-processing-ms"]) == ("9", "12")
    for kind in ("exact", "semantic"):
        hit = of_kind(kind).headers(answer)
        assert 100 <= int(hit["Age"]) <= 110
        assert "x-ratelimit-remaining-requests" not in hit
        assert hit["X-LEO-Upstream-Request-ID"] == miss["X-LEO-Upstream-Request-ID"] == "up-1"
        assert "set-cookie" not in {name.lower() for name in {**hit, **miss}}


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert receipt("done").headers(make_answer(stored_at=unix_now() + 1000))["Age"] == "0"


def test_a_replay_says_that_it_is_one() -> None:
    replay, first = receipt("replay", fingerprint="f"), receipt("new", fingerprint="f")
    assert replay.headers(make_answer())["Idempotent-Replayed"] == "true"
    assert replay.headers(make_answer())["X-LEO-Cache"] == "exact"
    assert "Idempotent-Replayed" not in first.headers(make_answer())


def test_every_reason_for_a_bypass_is_named() -> None:
    headers = receipt("new", **BYPASS).headers(make_answer())
    assert headers["X-LEO-Bypass-Reason"] == "dedup=no-store, exact=no-store"
    assert "X-LEO-Entry-ID" not in headers
    assert receipt().headers(make_answer())["X-LEO-Entry-ID"] == "k1"


# --- by meaning ---


MEASURES = ("similarity", "score", "threshold", "novelty", "entry_id")


def test_a_hit_by_meaning_says_what_it_matched_and_how_well() -> None:
    made, answer = of_kind("semantic"), make_answer()
    headers, metrics, event = made.headers(answer), made.metrics(answer), recorded(made, answer)
    assert (headers["X-LEO-Similarity"], headers["X-LEO-Score"], headers["X-LEO-Entry-ID"]) == ("0.912", "0.988", "ab" * 20)
    assert (metrics["optimization_metrics"]["similarity"], metrics["optimization_metrics"]["score"]) == (0.912, 0.988)
    assert metrics["leo_metrics"]["novelty"] == 0.25
    assert [getattr(event, name) for name in MEASURES] == [0.91234, 0.98765, 0.9, 0.25, "ab" * 20]
    assert "X-LEO-Bypass-Reason" not in headers


@pytest.mark.parametrize("kind", ["miss", "dedup", "bypass"])
def test_a_question_that_was_compared_in_vain_leaves_its_figures_and_its_reason_but_no_match(kind: str) -> None:
    made, answer = of_kind(kind, msgspec.structs.replace(MATCH, reason="guard:negation")), make_answer()
    headers, metrics, event = made.headers(answer), made.metrics(answer), recorded(made, answer)
    assert not {"X-LEO-Similarity", "X-LEO-Score"} & headers.keys()
    assert headers.get("X-LEO-Entry-ID") == (None if kind == "bypass" else "k1")
    assert "semantic=guard:negation" in headers["X-LEO-Bypass-Reason"].split(", ")
    assert metrics["optimization_metrics"]["bypass"]["semantic"] == "guard:negation"
    assert (metrics["optimization_metrics"]["similarity"], metrics["optimization_metrics"]["score"]) == (None, None)
    assert metrics["leo_metrics"]["novelty"] == 0.25
    assert [getattr(event, name) for name in MEASURES] == [0.91234, 0.98765, 0.9, 0.25, None]
    assert event.bypass_reason == ("guard:negation, no-store" if kind == "bypass" else "guard:negation")


def test_what_was_ruled_out_from_the_start_keeps_its_own_reason() -> None:
    made = receipt("new", reasons={"semantic": "parameter:seed"})
    assert made.entry is not None
    made.entry.meaning = Meaning(reason="index_not_ready")
    assert made.headers(make_answer())["X-LEO-Bypass-Reason"] == "semantic=parameter:seed"
    assert made.entry.plan.reasons == {"semantic": "parameter:seed"}
    assert recorded(made, make_answer()).bypass_reason == "parameter:seed"


@pytest.mark.parametrize("kind", ["exact", "miss", "dedup"])
def test_what_was_not_compared_by_meaning_has_no_figures_of_it(kind: str) -> None:
    made, answer = of_kind(kind), make_answer()
    event = recorded(made, answer)
    assert not {"X-LEO-Similarity", "X-LEO-Score", "X-LEO-Bypass-Reason"} & made.headers(answer).keys()
    assert made.metrics(answer)["leo_metrics"]["novelty"] is None
    assert [getattr(event, name) for name in MEASURES] == [None] * 5


def test_a_match_of_which_little_is_known_claims_no_more() -> None:
    headers = of_kind("semantic", Meaning(entry_id="ab" * 20, similarity=0.5)).headers(make_answer())
    assert (headers["X-LEO-Entry-ID"], headers["X-LEO-Similarity"]) == ("ab" * 20, "0.500")
    assert "X-LEO-Score" not in headers


def test_a_cosine_that_rounding_put_over_one_does_not_cost_the_event() -> None:
    off = Meaning("ab" * 20, similarity=1.0000001, score=np.float32(1.0000001), threshold=2.0, novelty=-1e-9)  # type: ignore[arg-type]
    event = recorded(of_kind("semantic", off), make_answer())
    assert [getattr(event, name) for name in MEASURES[:4]] == [1, 1, 2, 0]


def test_a_simulated_answer_is_called_one() -> None:
    assert receipt().headers(make_answer(simulated=True))["X-LEO-Simulated"] == "true"
    assert "X-LEO-Simulated" not in receipt().headers(make_answer())
    assert recorded(receipt(), make_answer(simulated=True)).simulated


def test_while_a_stream_begins_its_costs_are_not_told() -> None:
    headers = receipt().headers(None)
    assert "X-LEO-Cost" not in headers
    assert headers["X-LEO-Cache"] == "miss"


def test_the_upstreams_time_is_not_the_gateways() -> None:
    made = receipt()
    assert made.overhead_ms(make_answer(upstream_ms=3_600_000.0)) == 0
    for kind in ("exact", "semantic"):
        assert 0 < of_kind(kind).overhead_ms(make_answer(upstream_ms=3_600_000.0)) < 60_000


def test_only_the_first_record_counts() -> None:
    ledger, made = Ledger(), receipt()
    made.record(ledger, make_answer())  # type: ignore[arg-type]
    made.record(ledger, None, BadRequest("too late"))  # type: ignore[arg-type]
    assert [event.status for event in ledger.events] == [200]


def test_who_is_not_known_leaves_nothing_in_the_ledger() -> None:
    ledger, made = Ledger(), opened()
    made.record(ledger, None, BadRequest("no key"))  # type: ignore[arg-type]
    assert ledger.events == []


def test_what_was_refused_at_the_door_has_cost_nothing() -> None:
    made = opened()
    made.principal = PRINCIPAL
    made.request = Request(endpoint="chat/completions", body=b"{}", params={"model": "whatever the caller wrote"})
    event = recorded(made, None, BadRequest("no", code="invalid_type"))
    assert (event.cost, event.cost_saved, event.tokens_saved, event.cache, event.route) == (0, 0, 0, "error", "NONE")
    assert (event.status, event.error_code, event.model) == (400, "invalid_type", "")


def test_what_a_failed_request_cost_is_not_known() -> None:
    event = recorded(receipt(), None, DeadlineExceeded("late"))
    assert (event.cost, event.cost_saved, event.tokens_saved, event.cache) == (None, None, None, "error")
    assert (event.status, event.model) == (504, "m")


def test_an_event_names_the_call_it_was_answered_by() -> None:
    event = recorded(receipt(), make_answer(call_id="k1:7:0", tokens=Tokens(10, 5, 15, 8)))
    assert (event.call_id, event.log_key) == ("k1:7:0", "k1")
    assert (event.prompt_tokens, event.completion_tokens, event.cached_tokens) == (10, 5, 8)
