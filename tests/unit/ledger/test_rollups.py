from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger.events import HitsEvent, RequestEvent
from pipeline.ledger.hits import expand
from pipeline.ledger.rollups import CALL_SUMS, REQUEST_SUMS, SUM_COLUMNS, aggregate, hour_of, of_hits, of_request
from tests.support.ledger import AT, call_event, hits_event, request_event


def sums_of(event: RequestEvent) -> dict[str, int]:
    return dict(zip(REQUEST_SUMS, of_request(event), strict=True))


def test_each_sum_belongs_to_requests_or_to_calls() -> None:
    assert sorted(REQUEST_SUMS + CALL_SUMS) == sorted(SUM_COLUMNS)


def test_a_request_and_its_call_share_the_row_of_their_hour_and_model() -> None:
    sums = aggregate([request_event()], [call_event()])
    assert list(sums) == [("acme", hour_of(AT), "small")]
    assert (
        sums["acme", hour_of(AT), "small"] | {"requests": 1, "calls": 1, "call_cost": 700, "cost_saved": 500}
        == sums["acme", hour_of(AT), "small"]
    )


def test_tenants_hours_and_models_are_kept_apart() -> None:
    changes: list[dict[str, object]] = [{}, {"tenant": "other"}, {"at": AT + 3600}, {"model": "large"}]
    events = [request_event(str(n), **change) for n, change in enumerate(changes)]
    assert len(aggregate(events, [])) == 4


def test_a_caller_who_left_is_no_failure_of_the_gateway() -> None:
    assert sums_of(request_event(status=499))["failures"] == 0
    assert sums_of(request_event(status=503))["failures"] == 1


def test_a_miss_at_an_unknown_price_is_unpriced_but_saved_nothing() -> None:
    sums = sums_of(request_event(cache="miss", cost=None, cost_saved=None))
    assert (sums["unpriced"], sums["saving_unknown"], sums["saving_known"]) == (1, 0, 0)


def test_a_hit_at_an_unknown_price_saved_an_unknown_sum() -> None:
    sums = sums_of(request_event(cost=0, cost_saved=None))
    assert (sums["unpriced"], sums["saving_unknown"], sums["saving_known"]) == (1, 1, 0)


def test_a_hit_by_meaning_saves_as_others_do_and_is_counted_apart() -> None:
    exact, semantic = sums_of(request_event(cost_saved=None)), sums_of(request_event(cache="semantic", cost_saved=None))
    assert {name for name, value in semantic.items() if value != exact[name]} == {"hits_exact", "hits_semantic"}
    assert (semantic["hits_exact"], semantic["hits_semantic"], semantic["saving_unknown"]) == (0, 1, 1)


@pytest.mark.parametrize(
    ("known", "looked"),
    [
        ({}, 0),
        ({"similarity": 0.5, "score": 0.5, "novelty": 0.5}, 0),
        ({"threshold": 0.0}, 1),
        ({"threshold": 2.0, "similarity": 0.5, "score": 1.0, "novelty": 0.0}, 1),
    ],
)
@pytest.mark.parametrize("cache", ["semantic", "miss", "dedup"])
def test_whose_question_was_compared_by_meaning_is_counted_hit_or_not(cache: str, known: dict[str, float], looked: int) -> None:
    assert sums_of(request_event(cache=cache, **known))["semantic_looked"] == looked


def test_the_sum_of_very_many_short_times_does_not_drift() -> None:
    events = [request_event(str(n), latency_ms=0.1) for n in range(1000)]
    assert aggregate(events, [])["acme", hour_of(AT), "small"]["latency_us"] == 100_000


tokens = st.none() | st.integers(0, 10**10)
batches = st.builds(
    hits_event,
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=30),
    status=st.sampled_from([200, 499, 503]),
    prompt_tokens=tokens,
    completion_tokens=tokens,
    cached_tokens=tokens,
    tokens_saved=tokens,
    cost=st.none() | st.integers(0, 10**15),
    cost_saved=st.none() | st.integers(0, 10**15),
)


@given(event=batches)
def test_a_batch_of_hits_adds_what_its_hits_would_add_one_by_one(event: HitsEvent) -> None:
    assert of_hits(event) == tuple(map(sum, zip(*map(of_request, expand(event)), strict=True)))


def test_a_batch_belongs_to_the_hour_of_its_first_hit() -> None:
    last_moment = (hour_of(AT) + 1) * 3600 - 0.001
    sums = aggregate([], [], [hits_event(((0, 1), (40, 1)), at=last_moment)])
    assert {key: values["requests"] for key, values in sums.items()} == {("acme", hour_of(AT), "small"): 2}
