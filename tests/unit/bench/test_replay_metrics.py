"""The figures of a play, worked out by hand."""

from __future__ import annotations

import pytest

from bench.replay import knowledge as knowing
from bench.replay.answers import Verdict
from bench.replay.context import Context
from bench.replay.knowledge import Behaviour
from bench.replay.metrics import BINS, Figures, OfKind, figures, quantile
from bench.replay.player import Outcome
from bench.replay.workload import Request, Workload
from tests.unit.upstream.support import words

PRICES = Behaviour(input_price=1.0, output_price=2.0)  # a million pico-dollars a token in, two out
UPSTREAM = {"calls": 3, "failed": 1, "changed": 0, "unknown": 0, "prompt_tokens": 20, "completion_tokens": 30, "cost": 40_000_000}


def workload() -> Workload:
    texts = [("new", "one", 0), ("repeat", "one", 0), ("paraphrase", "uno", 0), ("trap", "won", 1), ("new", "two words", 2)]
    requests = [Request(n, float(n), kind, answer, 0, text, False) for n, (kind, text, answer) in enumerate(texts)]
    return Workload(1, requests, [10, 20, 30], [Context()])


def outcomes() -> list[Outcome]:
    return [
        Outcome(0, "new", 0.0, 0.100, 0.001, "miss", Verdict.RIGHT, "", 0.050),
        Outcome(1, "repeat", 1.0, 0.010, 0.002, "exact", Verdict.RIGHT),
        Outcome(2, "paraphrase", 2.0, 0.020, 0.003, "semantic", Verdict.DAMAGED),
        Outcome(3, "trap", 3.0, 0.030, 0.004, "semantic", Verdict.WRONG),
        Outcome(4, "new", 4.0, 1.000, 0.005, "", None, "503"),
    ]


def found() -> Figures:
    return figures(workload(), knowing.of(workload(), PRICES, words), outcomes(), UPSTREAM)


def test_times_are_of_answered_requests_alone() -> None:
    result = found()
    assert (result.requests, result.answered, result.failures, result.failed) == (5, 4, {"503": 1}, 1)
    assert result.mean_ms == pytest.approx(40)
    assert (result.p50_ms, result.p99_ms) == (20, 100)
    assert (result.first_p50_ms, result.first_p99_ms) == (50, 50)
    assert result.late_p99_ms == 5
    assert result.seconds == 5
    assert result.per_second == pytest.approx(0.8)
    assert (result.curve[0], result.curve[50], result.curve[100]) == (10, 20, 100)


def test_hits_and_wrong_answers_are_counted_by_tier_and_kind() -> None:
    result = found()
    assert result.tiers == {"miss": 1, "exact": 1, "semantic": 2}
    assert (result.hits, result.wrong, result.damaged) == (3, 1, 1)
    assert result.wrong_by_tier == {"semantic": 1}
    assert result.wrong_of_hits == pytest.approx(1 / 3)
    assert result.kinds == {
        "new": OfKind(2, 0, 0),
        "repeat": OfKind(1, 1, 0),
        "paraphrase": OfKind(1, 1, 0),
        "trap": OfKind(1, 1, 1),
        "context": OfKind(0, 0, 0),
    }
    assert len(result.hits_over_time) == BINS
    assert [value for value in result.hits_over_time if value is not None] == [0, 1, 1, 1, 0]


def test_money_is_what_the_upstream_billed_beside_what_the_answers_were_worth() -> None:
    result = found()
    # Tokens of a prompt by the counter of the tests: 3, 3 more for its message, 1 for "user", and its words.
    prompts = 4 * (3 + 3 + 1 + 1)
    assert result.worth == pytest.approx((prompts + 2 * (10 + 10 + 10 + 20)) / 1e6)
    assert result.cost == pytest.approx(40 / 1e6)
    assert result.saved == pytest.approx(1 - 40 / 132)
    assert (result.calls, result.calls_failed, result.prompt_tokens, result.completion_tokens) == (3, 1, 20, 30)


def test_nothing_answered_has_no_times_and_saved_nothing() -> None:
    result = figures(workload(), knowing.of(workload(), PRICES, words), outcomes()[4:], {**UPSTREAM, "cost": 0})
    assert (result.mean_ms, result.p50_ms, result.p99_ms, result.first_p50_ms, result.wrong_of_hits) == (None,) * 5
    assert (result.saved, result.curve, result.hits) == (0.0, [], 0)


def test_a_quantile_is_a_value_that_was_seen() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [quantile(values, share) for share in (0.0, 0.01, 0.5, 0.99, 0.991, 1.0)] == [1, 1, 50, 99, 100, 100]
    assert quantile([], 0.5) is None
