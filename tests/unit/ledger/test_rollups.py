from __future__ import annotations

from pipeline.ledger.rollups import aggregate, hour_of, of_request
from tests.support.ledger import AT, call_event, request_event


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
    assert of_request(request_event(status=499))["failures"] == 0
    assert of_request(request_event(status=503))["failures"] == 1


def test_a_miss_at_an_unknown_price_is_unpriced_but_saved_nothing() -> None:
    sums = of_request(request_event(cache="miss", cost=None, cost_saved=None))
    assert (sums["unpriced"], sums["saving_unknown"], sums["saving_known"]) == (1, 0, 0)


def test_a_hit_at_an_unknown_price_saved_an_unknown_sum() -> None:
    sums = of_request(request_event(cost=0, cost_saved=None))
    assert (sums["unpriced"], sums["saving_unknown"], sums["saving_known"]) == (1, 1, 0)


def test_the_sum_of_very_many_short_times_does_not_drift() -> None:
    events = [request_event(str(n), latency_ms=0.1) for n in range(1000)]
    assert aggregate(events, [])["acme", hour_of(AT), "small"]["latency_us"] == 100_000
