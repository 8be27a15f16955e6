from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline.errors import BadRequest, Cancelled, DeadlineExceeded, NotFound, UpstreamError
from pipeline.settings import Settings
from pipeline.upstream.breaker import Breakers
from pipeline.upstream.table import TableHolder, load_table
from pipeline.upstream.types import CallRecord, Usage
from tests.unit.upstream.support import KEY, USAGE, Called, FakeHttp, FakeReply, chat, chunk, completion, error, table

TABLE = """
upstreams: {a: {base_url: "http://a.test/v1", api_key_env: A_KEY}, b: {base_url: "http://b.test/v1", api_key_env: B_KEY}}
models:
  gpt: {upstream: a, upstream_model: gpt-there, price: {input: 1, output: 2}, fallbacks: [spare]}
  spare: {upstream: b}
  alone: {upstream: a}
"""
DOWN = FakeReply(503, error("down"))
INTERRUPTED = UpstreamError("broke", transient=True, code="interrupted")


@pytest.fixture
def holder(tmp_path: Path) -> TableHolder:
    return table(tmp_path, TABLE, environ={"A_KEY": KEY, "B_KEY": "key-of-b"})


def test_a_whole_answer_comes_back_verbatim_with_usage_cost_and_headers(holder: TableHolder) -> None:
    body = completion(usage=USAGE)
    headers = {"x-request-id": "r1", "x-ratelimit-limit-tokens": "9", "set-cookie": "no", "openai-version": "v"}
    called = Called(holder, FakeHttp(FakeReply(200, body, headers)))
    answer = called.call(chat())
    assert (answer.body, answer.usage, answer.cost) == (body, Usage(10, 5, 15), 20_000_000)
    assert (answer.upstream, answer.model, answer.simulated) == ("a", "gpt-there", False)
    assert answer.headers == {"x-request-id": "r1", "x-ratelimit-limit-tokens": "9", "openai-version": "v"}
    (record,) = called.records
    assert (record.outcome, record.status, record.cost, record.upstream, record.model) == (
        "ok",
        200,
        20_000_000,
        "a",
        "gpt-there",
    )
    assert record.first_token_ms is None
    assert called.deltas == []


def test_a_stream_hands_out_every_payload_and_is_assembled(holder: TableHolder) -> None:
    batches = [[chunk("a"), chunk("b")], [chunk(finish="stop")], [chunk(usage=USAGE)]]
    called = Called(holder, FakeHttp(FakeReply(stream=batches)))
    answer = called.call(chat(stream=True))
    assert called.deltas == batches
    assert answer.body == b"|".join(payload for batch in batches for payload in batch)
    assert answer.usage == Usage(10, 5, 15)
    assert called.records[0].first_token_ms is not None


def test_a_stream_that_ends_without_done_is_complete_once_a_finish_reason_came(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(stream=[[chunk("a", finish="stop")]], done=False)))
    assert called.call(chat(stream=True)).usage is None
    assert called.outcomes == [("ok", 200)]


def test_a_plain_json_answer_to_a_streamed_call_is_the_answer(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(200, completion())))
    assert called.call(chat(stream=True)).body == completion()
    assert called.deltas == []


def test_transient_failures_are_retried_and_each_leaves_one_record(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(DOWN, UpstreamError("refused", transient=True), FakeReply(200, completion())))
    called.call(chat())
    assert called.outcomes == [("error", 503), ("error", 0), ("ok", 200)]


def test_a_clients_fault_is_not_retried_and_passed_on_as_it_came(holder: TableHolder) -> None:
    body = error("no such thing", param="temperature")
    called = Called(holder, FakeHttp(FakeReply(422, body)))
    with pytest.raises(UpstreamError, match="no such thing") as caught:
        called.call(chat())
    assert (caught.value.http_status, caught.value.envelope(), caught.value.transient) == (422, body, False)
    assert called.outcomes == [("error", 422)]


def test_an_error_body_that_is_no_envelope_is_replaced_by_ours(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(404, b"<html>no</html>")))
    with pytest.raises(UpstreamError) as caught:
        called.call(chat(model="alone"))
    assert b"<html>" not in caught.value.envelope()
    assert set(msgspec.json.decode(caught.value.envelope())["error"]) == {"message", "type", "param", "code"}


def test_the_next_route_is_taken_with_its_own_name_and_key_after_the_last_retry(holder: TableHolder) -> None:
    http = FakeHttp(DOWN, DOWN, FakeReply(200, completion()))
    answer = Called(holder, http, attempts=2).call(chat())
    assert (answer.upstream, answer.model) == ("b", "spare")
    assert [exchange.upstream.name for exchange in http.exchanges] == ["a", "a", "b"]
    assert [msgspec.json.decode(exchange.body)["model"] for exchange in http.exchanges] == ["gpt-there", "gpt-there", "spare"]
    assert [exchange.key.reveal() for exchange in http.exchanges] == [KEY, KEY, "key-of-b"]


def test_the_error_of_the_last_route_is_raised_when_all_fail(holder: TableHolder) -> None:
    with pytest.raises(UpstreamError) as caught:
        Called(holder, FakeHttp(DOWN, FakeReply(500, error("last"))), attempts=1).call(chat())
    assert caught.value.http_status == 500


def test_a_tenants_own_key_goes_to_its_provider_and_to_no_other(holder: TableHolder) -> None:
    http = FakeHttp(DOWN)
    with pytest.raises(UpstreamError):
        Called(holder, http, attempts=1).call(chat(caller_key="sk-tenant"))
    assert [(exchange.upstream.name, exchange.key.reveal()) for exchange in http.exchanges] == [("a", "sk-tenant")]


def test_nothing_is_tried_again_once_a_delta_was_handed_out(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(stream=[[chunk("a"), chunk(usage=USAGE)], INTERRUPTED])))
    with pytest.raises(UpstreamError) as caught:
        called.call(chat(stream=True))
    assert not caught.value.transient
    assert called.outcomes == [("interrupted", 200)]
    assert called.records[0].usage == Usage(10, 5, 15)
    assert called.records[0].cost == 20_000_000


def test_a_stream_that_breaks_before_its_first_delta_is_retried(holder: TableHolder) -> None:
    broken = FakeReply(stream=[], done=False)
    called = Called(holder, FakeHttp(broken, FakeReply(stream=[[chunk("a", finish="stop")]])))
    called.call(chat(stream=True))
    assert called.outcomes == [("interrupted", 200), ("ok", 200)]


def test_an_error_in_the_middle_of_a_stream_comes_after_what_was_said_before_it(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(stream=[[chunk("a"), error(f"overloaded, {KEY}"), chunk("b")]])))
    with pytest.raises(UpstreamError, match="overloaded") as caught:
        called.call(chat(stream=True))
    assert called.deltas == [[chunk("a")]]
    assert KEY not in caught.value.message
    assert KEY.encode() not in caught.value.envelope()
    assert called.outcomes == [("interrupted", 200)]


def test_an_error_inside_a_200_answer_is_an_error(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(200, error("slow down", code=429))), attempts=1)
    with pytest.raises(UpstreamError) as caught:
        called.call(chat(model="alone"))
    assert (caught.value.http_status, caught.value.transient) == (429, True)


@pytest.mark.parametrize("reply", [FakeReply(200, b"<html>"), FakeReply(stream=[[b"{oops"]])])
def test_an_answer_that_is_no_json_is_a_transient_failure(holder: TableHolder, reply: FakeReply) -> None:
    with pytest.raises(UpstreamError) as caught:
        Called(holder, FakeHttp(reply), attempts=1).call(chat(model="alone"))
    assert (caught.value.code, caught.value.transient, caught.value.http_status) == ("bad_answer", True, 502)


def test_a_redirect_is_refused(holder: TableHolder) -> None:
    with pytest.raises(UpstreamError, match="redirect") as caught:
        Called(holder, FakeHttp(FakeReply(302, b""))).call(chat())
    assert (caught.value.http_status, caught.value.transient) == (502, False)


def test_retry_after_and_should_retry_reach_the_caller(holder: TableHolder) -> None:
    headers = {"retry-after": "99", "x-should-retry": "false", "x-ratelimit-remaining-requests": "0"}
    with pytest.raises(UpstreamError) as caught:
        Called(holder, FakeHttp(FakeReply(429, error(), headers))).call(chat(model="alone"))
    assert (caught.value.retry_after, caught.value.should_retry) == (99.0, False)
    assert caught.value.headers == {"x-ratelimit-remaining-requests": "0"}


def test_an_upstream_that_asks_for_more_time_than_there_is_is_not_waited_for(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(503, error(), {"retry-after": "31"})))
    with pytest.raises(UpstreamError):
        called.call(chat(model="alone"), seconds=30)
    assert called.outcomes == [("error", 503)]


def test_an_upstream_that_repeats_the_key_is_not_repeated(holder: TableHolder) -> None:
    echo = error(f"you sent Authorization: Bearer {KEY}").replace(b"/", b"\\/")
    headers = {"x-request-id": "r1"}
    called = Called(holder, FakeHttp(FakeReply(401, echo, headers)))
    with pytest.raises(UpstreamError) as caught:
        called.call(chat())
    said = [
        caught.value.message,
        caught.value.envelope().decode(),
        repr(caught.value),
        repr(called.records),
        repr(chat(caller_key=KEY)),
    ]
    assert "***" in caught.value.message
    assert not [text for text in said if KEY in text or KEY.replace("/", "\\/") in text]


@pytest.mark.parametrize(("problem", "outcome"), [(Cancelled("gone"), "cancelled"), (DeadlineExceeded("late"), "timeout"),
                                                  (UpstreamError("x", transient=True, code="connect_timeout"), "timeout"),
                                                  (ValueError(KEY), "error")])  # fmt: skip
def test_every_way_to_fail_leaves_one_record_and_no_secret_in_it(holder: TableHolder, problem: Exception, outcome: str) -> None:
    called = Called(holder, FakeHttp(problem), attempts=1)
    with pytest.raises(type(problem)):
        called.call(chat(model="alone"))
    assert called.outcomes == [(outcome, 0)]
    assert KEY not in repr(called.records)


def test_a_follower_that_fails_ends_the_call_and_leaves_a_record(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(stream=[[chunk("a")]])))

    def lost(payloads: list[bytes]) -> None:
        raise RuntimeError("fenced off")

    called.on_delta = lost
    with pytest.raises(RuntimeError):
        called.call(chat(stream=True))
    assert called.outcomes == [("error", 200)]


def test_nobody_is_asked_once_cancelled_or_out_of_time(holder: TableHolder) -> None:
    http = FakeHttp(FakeReply(200, completion()))
    called = Called(holder, http)
    with pytest.raises(DeadlineExceeded):
        called.call(chat(), seconds=0)
    called.cancel.cancel("gone")
    with pytest.raises(Cancelled):
        called.call(chat())
    assert (http.exchanges, called.records) == ([], [])


def test_a_cancel_during_the_pause_ends_it(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(FakeReply(503, error(), {"retry-after": "25"})))
    # The record of the first try is what cancels, so the cancel falls into the pause after it.
    kept = called.records

    def keep(record: CallRecord) -> None:
        kept.append(record)
        called.cancel.cancel("gone")

    called.on_call = keep
    with pytest.raises(Cancelled):
        called.call(chat())
    assert len(kept) == 1


def test_an_open_circuit_leads_straight_to_the_fallback_without_a_record(holder: TableHolder) -> None:
    http = FakeHttp(DOWN, FakeReply(200, completion()))
    called = Called(holder, http, breakers=Breakers(failures=1, reset_s=3600), attempts=1)
    called.call(chat())
    answer = called.call(chat())
    assert answer.upstream == "b"
    assert [exchange.upstream.name for exchange in http.exchanges] == ["a", "b", "b"]
    assert called.upstreams.breaker_states() == {"a": "open", "b": "closed"}
    with pytest.raises(UpstreamError) as caught:
        called.call(chat(model="alone"))
    assert caught.value.code == "circuit_open"


def test_an_unknown_model_and_a_broken_body_are_the_clients_fault(holder: TableHolder) -> None:
    called = Called(holder, FakeHttp(DOWN))
    with pytest.raises(NotFound):
        called.call(chat(model="gpt-9"))
    with pytest.raises(BadRequest):
        called.call(msgspec.structs.replace(chat(), body=b"[]"))
    assert called.records == []


def test_without_an_upstream_the_simulator_answers_and_says_so() -> None:
    called = Called(TableHolder(lambda: load_table(None, Settings(), {})), FakeHttp(DOWN))
    answer = called.call(chat(model="gpt-5"))
    assert answer.simulated
    assert msgspec.json.decode(answer.body)["model"] == "leo-simulator/gpt-5"
    assert called.records[0].upstream == "simulator"
    streamed = called.call(chat(model="gpt-5", stream=True))
    assert streamed.usage == answer.usage
    assert called.deltas


LISTED = b'{"object":"list","data":[{"id":"far","object":"model","created":7,"owned_by":"them"},{"id":"gpt"}]}'


def test_models_are_the_tables_and_the_default_upstreams_own_asked_for_once(tmp_path: Path) -> None:
    http = FakeHttp(DOWN)
    http.get_answer = (200, LISTED)
    called = Called(table(tmp_path, TABLE + "default_upstream: b\n", environ={"A_KEY": KEY, "B_KEY": "k"}), http)
    models = called.upstreams.list_models(5.0)
    assert models == called.upstreams.list_models(5.0)
    assert [model["id"] for model in models] == ["alone", "gpt", "spare", "far"]
    assert models[3] == {"id": "far", "object": "model", "created": 7, "owned_by": "them"}
    assert http.gets == 1


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html>"), UpstreamError("down")])
def test_an_upstream_that_does_not_tell_its_models_leaves_those_of_the_table(tmp_path: Path, answer: object) -> None:
    http = FakeHttp(DOWN)
    http.get_answer = answer  # type: ignore[assignment]
    called = Called(table(tmp_path, TABLE + "default_upstream: b\n", environ={"A_KEY": KEY, "B_KEY": "k"}), http)
    assert [model["id"] for model in called.upstreams.list_models(5.0)] == ["alone", "gpt", "spare"]


def test_without_a_default_upstream_the_table_is_the_list(holder: TableHolder) -> None:
    http = FakeHttp(DOWN)
    assert len(Called(holder, http).upstreams.list_models(5.0)) == 3
    assert http.gets == 0
