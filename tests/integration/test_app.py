"""The HTTP surface over a real Redis, a real database and a worker in a thread: what callers are told, and what is counted."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.context import Context
from app.factory import create_app
from pipeline.admission.events import Delta, Event
from pipeline.gateway import Gateway
from pipeline.settings import Settings
from pipeline.storage.tables import LedgerRequest
from tests.support.ledger import rows
from tests.support.waiting import wait_until

ADMIN = "an-admin-key-of-the-tests"
MODELS = """
models:
  priced: {upstream: simulator, price: {input: 1, output: 2}}
  unpriced: {upstream: simulator}
default_upstream: simulator
"""
CHAT = "/v1/chat/completions"


class LocalWorker:
    """A queue and the worker behind it, in threads of this process."""

    def __init__(self, gateway: Gateway, threads: int = 4) -> None:
        self._gateway = gateway
        self._messages: queue.Queue[tuple[str, str, int] | None] = queue.Queue()
        self._may_work = threading.Event()
        self._may_work.set()
        self.full = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, key: str, epoch: str, stage: int) -> None:
        self._messages.put((key, epoch, stage))

    submit_soon = submit

    def hold(self) -> None:
        self._may_work.clear()

    def release(self) -> None:
        self._may_work.set()

    def settle(self) -> None:
        """Wait until nothing is left to do, the bookkeeping behind an answer included; not while it is held."""
        wait_until(lambda: not self._may_work.is_set() or self._messages.unfinished_tasks == 0, what="the worker being idle")

    def room(self) -> bool:
        return not self.full

    def empty(self) -> bool:
        return self._messages.empty()

    def length(self) -> int:
        return self._messages.qsize()

    def canary(self, token: str) -> None:
        self._gateway.canary.sing(token)

    def reachable(self) -> bool:
        return True

    def close(self) -> None:
        self.release()
        for _ in self._threads:
            self._messages.put(None)
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        while (message := self._messages.get()) is not None:
            self._may_work.wait()
            following = self._gateway.runner.run(*message)
            if following is not None:
                self.submit(message[0], message[1], following)
            self._messages.task_done()


class House:
    """One gateway with two tenants, and what was written about them."""

    def __init__(self, gateway: Gateway, worker: LocalWorker) -> None:
        self.gateway = gateway
        self.worker = worker
        self.app = create_app(gateway, worker)  # type: ignore[arg-type]
        self._questions = itertools.count()
        for tenant in ("acme", "globex"):
            gateway.keys.ensure_tenant(tenant, tenant)
        self.keys = {tenant: gateway.keys.create(tenant, "test")[1] for tenant in ("acme", "globex")}

    def ask(self, body: Any, tenant: str = "acme", path: str = CHAT, **headers: str) -> TestResponse:
        given = {"X-API-Key": self.keys.get(tenant, tenant), **{k.replace("_", "-"): v for k, v in headers.items()}}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.worker.settle()
        return self.app.test_client().post(path, data=data, headers=given, buffered=True)

    def get(self, path: str, key: str | None = None) -> TestResponse:
        return self.app.test_client().get(path, headers={"X-API-Key": key or self.keys["acme"]})

    def question(self, **more: Any) -> dict[str, Any]:
        """A request that nobody has made yet."""
        messages = [{"role": "user", "content": f"question {next(self._questions)}"}]
        return {"model": "priced", "messages": messages, **more}

    def drain(self) -> None:
        """Carry the whole ledger into SQL."""
        self.gateway.ledger_buffer.flush()
        while self.gateway.ledger_writer.drain_once(0):
            pass

    def calls(self) -> int:
        """How often an upstream was asked so far."""
        self.drain()
        return int(self.gateway.analytics.summary(None)["optimization_metrics"]["upstream_calls"])

    def requests(self) -> list[dict[str, Any]]:
        """The requests in the ledger, in their order."""
        self.drain()
        return sorted(rows(self.gateway.engine, LedgerRequest), key=lambda row: row["at"])


@pytest.fixture
def house(redis_client: redis.Redis, redis_url: str, sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    models = tmp_path / "models.yaml"
    models.write_text(MODELS)
    settings = Settings(
        redis_url=redis_url,
        database_url=sqlite_url,
        home=str(tmp_path),
        models_file=str(models),
        admin_key=ADMIN,
        heartbeat_s=0.1,
        max_attempts=1,
        max_body_bytes=100_000,
        cache_max_temperature=1.0,
    )
    gateway = Gateway(settings, role="web", environ={})
    worker = LocalWorker(gateway)
    yield House(gateway, worker)
    worker.close()
    gateway.close()
    gateway.engine.dispose()
    gateway.redis.close()


def text_of(response: TestResponse) -> str:
    assert response.status_code == 200, response.text
    text = json.loads(response.data)["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


def chunks_of(response: TestResponse) -> list[dict[str, Any]]:
    """The chunks of a stream, which must end with [DONE]."""
    assert response.status_code == 200, response.text
    assert response.content_type.startswith("text/event-stream")
    lines = [line[6:] for line in response.data.split(b"\n") if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def streamed_text(response: TestResponse) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks_of(response) for choice in chunk["choices"])


def error_of(response: TestResponse) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(response.data)["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    return error


# --- hits, misses and joins ---


def test_the_second_of_two_equal_requests_is_a_hit(house: House) -> None:
    body = house.question()
    miss, hit = house.ask(body), house.ask(body)
    assert (miss.headers["X-LEO-Cache"], hit.headers["X-LEO-Cache"]) == ("miss", "exact")
    assert (miss.headers["X-LEO-Route"], hit.headers["X-LEO-Route"]) == ("FAST", "CACHE")
    assert text_of(miss) == text_of(hit)
    assert miss.json["id"] != hit.json["id"]
    assert miss.json["usage"] == hit.json["usage"]
    assert (miss.json["optimization_metrics"]["cache_hit"], hit.json["optimization_metrics"]["cache_hit"]) == (False, True)
    assert hit.headers["X-LEO-Cost-Saved"] == miss.headers["X-LEO-Cost"] != "0"
    assert miss.headers["X-LEO-Request-ID"] == miss.json["leo_metrics"]["request_id"] != hit.headers["X-LEO-Request-ID"]
    assert house.calls() == 1


def test_requests_in_flight_share_one_call(house: House) -> None:
    body = house.question()
    house.worker.hold()
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(house.ask, body) for _ in range(4)] + [pool.submit(house.ask, {**body, "stream": True})]
        wait_until(lambda: house.gateway.redis.keys("leo:*:s"), what="the run being there")
        follower = house.app.extensions["leo"].door._follower
        wait_until(lambda: follower.waiting == 5, what="all callers waiting")
        house.worker.release()
        answers = [future.result(20) for future in asked]
    assert sorted(answer.headers["X-LEO-Cache"] for answer in answers) == ["dedup"] * 4 + ["miss"]
    assert {text_of(answer) for answer in answers[:4]} == {streamed_text(answers[4])}
    assert house.calls() == 1


@pytest.mark.parametrize("first", [True, False], ids=["streamed first", "whole first"])
def test_a_stored_answer_serves_streams_and_whole_answers_alike(house: House, first: bool) -> None:
    body = house.question()
    stream = {**body, "stream": True, "stream_options": {"include_usage": True}}
    one, other = house.ask(stream if first else body), house.ask(body if first else stream)
    streamed, whole = (one, other) if first else (other, one)
    assert (one.headers["X-LEO-Cache"], other.headers["X-LEO-Cache"]) == ("miss", "exact")
    assert streamed_text(streamed) == text_of(whole)
    chunks = chunks_of(streamed)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole.json["usage"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert house.calls() == 1


def test_a_stream_says_what_was_done_in_a_comment_that_clients_skip(house: House) -> None:
    response = house.ask({**house.question(), "stream": True})
    (comment,) = [line for line in response.data.split(b"\n") if line.startswith(b": ")]
    assert json.loads(comment[2:])["leo_metrics"]["request_id"] == response.headers["X-LEO-Request-ID"]
    assert "usage" not in [name for chunk in chunks_of(response) for name in chunk if chunk[name] is not None]


def test_two_spellings_of_one_request_are_one_request(house: House) -> None:
    one = b'{"model":"priced","messages":[{"role":"user","content":"caf\\u00e9"}],"temperature":1.0,"user":"a"}'
    other = '{ "user":"b", "temperature": 1, "messages":[{"content":"caf\u00e9","role":"user"}], "model":"priced"}'.encode()
    assert house.ask(one).headers["X-LEO-Cache"] == "miss"
    assert house.ask(other).headers["X-LEO-Cache"] == "exact"


# --- what a caller may ask for ---


def test_no_cache_asks_anew_and_replaces_what_is_stored(house: House) -> None:
    body = house.question()
    house.ask(body)
    fresh = house.ask(body, Cache_Control="no-cache")
    assert fresh.headers["X-LEO-Cache"] == "bypass"
    assert "no-cache" in fresh.headers["X-LEO-Bypass-Reason"]
    stored = house.ask(body)
    assert stored.headers["X-LEO-Cache"] == "exact"
    assert house.calls() == 2


def test_no_store_leaves_nothing_behind(house: House) -> None:
    body = house.question()
    for _ in range(2):
        assert house.ask(body, Cache_Control="no-store").headers["X-LEO-Cache"] == "bypass"
    assert house.gateway.redis.keys("leo:*:a") == []
    assert house.ask(body).headers["X-LEO-Cache"] == "miss"
    assert house.calls() == 3


def test_max_age_takes_only_what_is_young_enough(house: House) -> None:
    body = house.question()
    entry = house.ask(body).headers["X-LEO-Entry-ID"]
    assert house.ask(body, Cache_Control="max-age=60").headers["X-LEO-Cache"] == "exact"
    wait_until(lambda: house.gateway.cache.get(entry, max_age=0.001) is None, what="the answer growing old")
    assert house.ask(body, Cache_Control="max-age=0.001").headers["X-LEO-Cache"] == "miss"
    assert house.calls() == 2


@pytest.mark.parametrize(
    ("value", "second", "calls"),
    [
        ("all", "bypass", 2),
        ("cache", "miss", 2),
        ("exact", "miss", 2),
        ("cache, dedup", "bypass", 2),
        ("dedup", "exact", 1),
        ("semantic", "exact", 1),
        ("decompose", "exact", 1),
        ("optimize", "exact", 1),
        ("", "exact", 1),
    ],
)
def test_each_optimiser_can_be_switched_off_for_one_request(house: House, value: str, second: str, calls: int) -> None:
    body = house.question()
    house.ask(body, X_LEO_Disable=value)
    again = house.ask(body, X_LEO_Disable=value)
    assert again.headers["X-LEO-Cache"] == second
    assert ("disabled_by_request" in again.headers.get("X-LEO-Bypass-Reason", "")) is bool(value)
    assert ("optimization_metrics" in again.json) is (value not in ("all", "cache, dedup"))
    assert house.calls() == calls


def test_an_optimiser_that_does_not_exist_cannot_be_switched_off(house: House) -> None:
    response = house.ask(house.question(), X_LEO_Disable="telepathy")
    assert (response.status_code, error_of(response)["param"]) == (400, "X-LEO-Disable")


def test_above_the_operators_temperature_answers_are_not_kept(house: House) -> None:
    body = house.question(temperature=1.5)
    assert [house.ask(body).headers["X-LEO-Cache"] for _ in range(2)] == ["miss", "miss"]


# --- Idempotency-Key ---


def test_a_repeat_under_the_same_key_is_a_replay(house: House) -> None:
    body = house.question(temperature=1.5)  # would not be stored otherwise
    first, again = (house.ask(body, Idempotency_Key="order-1") for _ in range(2))
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert text_of(first) == text_of(again)
    assert streamed_text(house.ask({**body, "stream": True}, Idempotency_Key="order-1")) == text_of(first)
    assert house.calls() == 1


def test_the_same_key_with_another_body_is_a_conflict_that_is_not_retried(house: House) -> None:
    house.ask(house.question(), Idempotency_Key="order-1")
    response = house.ask(house.question(), Idempotency_Key="order-1")
    assert (response.status_code, error_of(response)["code"]) == (409, "idempotency_key_conflict")
    assert response.headers["x-should-retry"] == "false"


def test_a_key_belongs_to_its_tenant(house: House) -> None:
    house.ask(house.question(), Idempotency_Key="order-1")
    assert house.ask(house.question(), "globex", Idempotency_Key="order-1").status_code == 200


def test_a_failure_is_not_remembered_under_a_key(house: House) -> None:
    failing = house.question()
    failing["messages"][0]["content"] += " [[sim: status=500]]"
    first, again = (house.ask(failing, Idempotency_Key="order-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (500, 500)
    assert "Idempotent-Replayed" not in again.headers
    assert house.calls() == 2


def test_a_key_that_asks_to_keep_and_not_to_keep_is_refused(house: House) -> None:
    response = house.ask(house.question(), Idempotency_Key="order-1", Cache_Control="no-store")
    assert (response.status_code, error_of(response)["param"]) == (400, "Idempotency-Key")


# --- switches ---


@pytest.mark.parametrize(("strategy", "second"), [("adaptive_cache", "miss"), ("request_deduplication", "exact")])
def test_a_tenant_switches_a_strategy_off_for_itself_alone(house: House, strategy: str, second: str) -> None:
    off = house.ask({"strategy": strategy, "enabled": False}, path="/v1/optimization/enable")
    assert off.json == {"strategy": strategy, "enabled": False, "scope": "tenant"}
    body = house.question()
    for tenant, wanted in (("acme", second), ("globex", "exact")):
        house.ask(body, tenant)
        assert house.ask(body, tenant).headers["X-LEO-Cache"] == wanted
    status = house.get("/v1/optimization/status").json["strategies"]
    assert status[strategy] == {"enabled": False, "implemented": True, "scope": "tenant"}


def test_with_both_strategies_off_the_gateway_adds_nothing(house: House) -> None:
    for strategy in ("adaptive_cache", "request_deduplication"):
        house.ask({"strategy": strategy, "enabled": False}, path="/v1/optimization/enable")
    response = house.ask(house.question())
    assert response.json.keys().isdisjoint({"optimization_metrics", "leo_metrics"})
    assert response.headers["X-LEO-Cache"] == "bypass"
    assert "disabled_by_operator" in response.headers["X-LEO-Bypass-Reason"]
    assert b"\n: " not in house.ask({**house.question(), "stream": True}).data


def test_only_an_admin_switches_for_everybody(house: House) -> None:
    switch = {"strategy": "adaptive_cache", "enabled": False, "scope": "global"}
    assert house.ask(switch, path="/v1/optimization/enable").status_code == 403
    assert house.ask(switch, ADMIN, path="/v1/optimization/enable").status_code == 200
    body = house.question()
    assert [house.ask(body, "globex").headers["X-LEO-Cache"] for _ in range(2)] == ["miss", "miss"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"enabled": True}, "strategy"),
        ({"strategy": "adaptive_cache"}, "enabled"),
        ({"strategy": "adaptive_cache", "enabled": 1}, "enabled"),
        ({"strategy": "alchemy", "enabled": False}, "strategy"),
        ({"strategy": "consensus", "enabled": True}, "strategy"),
        ({"strategy": "adaptive_cache", "enabled": True, "scope": "world"}, "scope"),
        ([], None),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_by_name(house: House, body: Any, param: str | None) -> None:
    response = house.ask(body, path="/v1/optimization/enable")
    assert (response.status_code, error_of(response)["param"]) == (400, param)


# --- feedback ---

FEEDBACK = "/v1/optimization/cache/feedback"


@pytest.mark.parametrize("by", ["entry_id", "cached_answer"])
def test_an_answer_that_is_wrong_is_no_longer_served(house: House, by: str) -> None:
    body = house.question()
    first = house.ask(body)
    entry = first.headers["X-LEO-Entry-ID"]
    house.worker.settle()
    about = {by: entry if by == "entry_id" else text_of(first)}
    praised = house.ask({**about, "is_correct": True}, path=FEEDBACK)
    assert praised.json == {"entries": [entry], "is_correct": True, "removed": False}
    assert house.ask(body).headers["X-LEO-Cache"] == "exact"
    rejected = house.ask({**about, "is_correct": False}, path=FEEDBACK)
    assert rejected.json == {"entries": [entry], "is_correct": False, "removed": True}
    assert house.ask(body).headers["X-LEO-Cache"] == "miss"
    stats = house.get("/v1/optimization/cache/stats").json
    assert (stats["feedback_count"], stats["feedback_correct"], stats["success_rate"]) == (2, 1, 0.5)


@pytest.mark.parametrize("by", ["entry_id", "cached_answer"])
def test_another_tenants_answer_looks_like_one_that_is_not_there(house: House, by: str) -> None:
    body = house.question()
    first = house.ask(body)
    house.worker.settle()
    theirs = first.headers["X-LEO-Entry-ID"] if by == "entry_id" else text_of(first)
    strange, unknown = (house.ask({by: name, "is_correct": False}, "globex", FEEDBACK) for name in (theirs, "nothing"))
    assert (strange.status_code, strange.data) == (unknown.status_code, unknown.data)
    assert strange.status_code == 404
    assert house.ask(body).headers["X-LEO-Cache"] == "exact"
    assert house.get("/v1/optimization/cache/stats", house.keys["globex"]).json["feedback_count"] == 0


@pytest.mark.parametrize(
    "body", [{"is_correct": True}, {"is_correct": True, "entry_id": "a", "cached_answer": "b"}, {"entry_id": "a"}]
)
def test_feedback_that_names_nothing_or_two_things_is_refused(house: House, body: dict[str, Any]) -> None:
    assert house.ask(body, path=FEEDBACK).status_code == 400


# --- the figures ---


def test_analytics_has_the_promised_shape_and_the_ledgers_figures(house: House) -> None:
    body = house.question()
    miss = house.ask(body)
    house.ask(body)
    house.ask({"model": "priced"})
    house.drain()
    found = house.get("/v1/analytics").json
    metrics = found["optimization_metrics"]
    assert found.keys() >= {"optimization_metrics", "tenant", "timestamp"}
    assert (metrics["total_requests"], metrics["cache_hits"], metrics["cache_misses"]) == (3, 1, 1)
    assert metrics["cache_hit_rate"] == pytest.approx(1 / 3)
    assert metrics["tokens_saved"] == miss.json["usage"]["total_tokens"]
    assert f"{metrics['cost_saved']:.12f}".rstrip("0") == miss.headers["X-LEO-Cost"]
    assert metrics["cost_spent"] == metrics["cost_saved"]
    assert (metrics["average_confidence"], metrics["decomposed_queries"], metrics["low_confidence_retries"]) == (None, 0, None)
    assert (found["tenant"]["id"], found["tenant"]["requests"]) == ("acme", 3)


def test_a_tenant_sees_its_own_figures_and_an_admin_everybodys(house: House) -> None:
    house.ask(house.question())
    house.ask(house.question(), "globex")
    house.drain()
    assert house.get("/v1/analytics").json["optimization_metrics"]["total_requests"] == 1
    assert house.get("/v1/analytics?scope=global").status_code == 403
    assert house.get("/v1/analytics?scope=global", ADMIN).json["optimization_metrics"]["total_requests"] == 2


def test_what_has_no_price_is_unknown_in_every_figure(house: House) -> None:
    body = {**house.question(), "model": "unpriced"}
    miss, hit = house.ask(body), house.ask(body)
    assert (miss.headers["X-LEO-Cost"], hit.headers["X-LEO-Cost"]) == ("unknown", "0")
    assert (miss.headers["X-LEO-Cost-Saved"], hit.headers["X-LEO-Cost-Saved"]) == ("0", "unknown")
    assert miss.json["optimization_metrics"]["billed"] is None
    house.drain()
    metrics = house.get("/v1/analytics").json["optimization_metrics"]
    assert (metrics["cost_saved"], metrics["cost_spent"], metrics["requests_unpriced"]) == (None, None, 2)


def test_every_request_stands_in_the_ledger_once(house: House) -> None:
    body = house.question()
    failing = house.question()
    failing["messages"][0]["content"] += " [[sim: status=429]]"
    answers = [
        house.ask(body),
        house.ask(body),
        house.ask({**body, "stream": True}),
        house.ask({"model": "priced"}),
        house.ask(b"no json"),
        house.ask(body, X_LEO_Deadline="soon"),
        house.ask(failing),
        house.ask({**failing, "stream": True}),
    ]
    chunks_of(answers[2])
    found = house.requests()
    assert (
        [row["status"] for row in found] == [answer.status_code for answer in answers] == [200, 200, 200, 400, 400, 400, 429, 429]
    )
    assert [row["id"] for row in found] == [answer.headers["X-LEO-Request-ID"] for answer in answers]
    assert [row["cache"] for row in found] == ["miss", "exact", "exact", *["error"] * 5]
    assert [row["cost"] for row in found][3:6] == [0, 0, 0]
    assert all(row["model"] == "" for row in found[3:6])


def test_strangers_leave_no_trace_in_the_ledger(house: House) -> None:
    assert house.ask(house.question(), "leo-nobody-secret").status_code == 401
    assert house.requests() == []


def test_a_caller_who_leaves_its_stream_is_noted_as_gone(house: House) -> None:
    response = house.app.test_client().post(
        CHAT, json={**house.question(), "stream": True}, headers={"X-API-Key": house.keys["acme"]}, buffered=False
    )
    assert next(iter(response.response))
    response.close()
    (row,) = house.requests()
    assert (row["status"], row["error_code"]) == (499, "client_disconnected")
    assert house.app.extensions["leo"].door._follower.waiting == 0


# --- bounds ---


def test_without_room_only_stored_answers_are_given(house: House) -> None:
    body = house.question()
    house.ask(body)
    house.worker.full = True
    assert house.ask(body).headers["X-LEO-Cache"] == "exact"
    refused = house.ask(house.question())
    assert (refused.status_code, error_of(refused)["code"]) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1


def test_a_caller_waits_no_longer_than_it_said(house: House) -> None:
    house.worker.hold()
    response = house.ask(house.question(), X_LEO_Deadline="0.05")
    assert (response.status_code, error_of(response)["code"]) == (504, "deadline_exceeded")


def test_a_body_over_the_bound_is_refused(house: House) -> None:
    response = house.ask(b'{"model":"' + b"x" * 100_000 + b'"}')
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


# --- embeddings, models, and what is not there ---


def test_embeddings_are_stored_too(house: House) -> None:
    body = {"model": "priced", "input": ["one", "two"]}
    miss, hit = (house.ask(body, path="/v1/embeddings") for _ in range(2))
    assert (miss.headers["X-LEO-Cache"], hit.headers["X-LEO-Cache"]) == ("miss", "exact")
    assert miss.json["data"] == hit.json["data"]
    assert len(miss.json["data"]) == 2
    assert house.calls() == 1


def test_embeddings_are_never_streamed(house: House) -> None:
    response = house.ask({"model": "priced", "input": "one", "stream": True}, path="/v1/embeddings")
    assert response.content_type == "application/json"
    assert len(response.json["data"]) == 1


def test_a_chat_and_an_embedding_of_the_same_words_are_two_questions(house: House) -> None:
    body = {"model": "priced", "input": "one", "messages": [{"role": "user", "content": "one"}]}
    assert house.ask(body, path="/v1/embeddings").headers["X-LEO-Cache"] == "miss"
    assert house.ask(body).headers["X-LEO-Cache"] == "miss"


def test_models_are_listed_for_who_has_a_key(house: House) -> None:
    listed = house.get("/v1/models").json
    assert listed["object"] == "list"
    assert {model["id"] for model in listed["data"]} >= {"priced", "unpriced"}
    assert all(model.keys() >= {"id", "object", "created", "owned_by"} for model in listed["data"])
    assert house.get("/v1/models/priced").json["id"] == "priced"
    unknown = house.get("/v1/models/nobody/knows-this")
    assert (unknown.status_code, error_of(unknown)["code"]) == (404, "model_not_found")
    assert house.app.test_client().get("/v1/models").status_code == 401


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions/", "/favicon.ico", "/v1"])
def test_an_unknown_url_is_said_to_be_one(house: House, path: str) -> None:
    response = house.get(path)
    assert (response.status_code, error_of(response)["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings", "/v1/optimization/enable"])
def test_a_wrong_method_is_said_to_be_one(house: House, path: str) -> None:
    response = house.get(path)
    assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_health_and_readiness_need_no_key(house: House) -> None:
    client = house.app.test_client()
    assert client.get("/health").json == {"status": "ok"}
    ready = client.get("/ready")
    assert (ready.status_code, ready.json["status"]) == (200, "ready")
    assert client.head("/health").data == b""
    assert b"base_url" in client.get("/").data


# --- isolation ---


def test_two_tenants_never_share_an_answer(house: House) -> None:
    body = house.question()
    assert [house.ask(body, tenant).headers["X-LEO-Cache"] for tenant in ("acme", "globex")] == ["miss", "miss"]
    assert house.calls() == 2


def test_two_tenants_in_flight_never_share_a_call(house: House) -> None:
    body = house.question()
    house.worker.hold()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(house.ask, body, tenant) for tenant in ("acme", "globex") * 2]
        follower = house.app.extensions["leo"].door._follower
        wait_until(lambda: follower.waiting == 4, what="all callers waiting")
        house.worker.release()
        kinds = [future.result(20).headers["X-LEO-Cache"] for future in asked]
    assert sorted(kinds) == ["dedup", "dedup", "miss", "miss"]
    assert house.calls() == 2


requests = st.fixed_dictionaries(
    {
        "model": st.just("priced"),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.just("user"), "content": st.sampled_from("ab")}), min_size=1, max_size=2
        ),
    },
    optional={"temperature": st.sampled_from([0, 1]), "user": st.sampled_from("xy"), "stream": st.booleans(), "seed": st.just(1)},
)
controls = st.fixed_dictionaries(
    {},
    optional={
        "Cache_Control": st.sampled_from(["no-cache", "no-store", "max-age=60"]),
        "Idempotency_Key": st.sampled_from("kl"),
        "X_LEO_Disable": st.sampled_from(["dedup", "cache"]),
    },
)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["acme", "globex"]), requests, controls), max_size=8))
def test_whatever_tenants_ask_nothing_crosses(house: House, asked: list[tuple[str, dict[str, Any], dict[str, str]]]) -> None:
    """Each tenant is answered as if the other were not there: with the same verdicts as when it is alone."""

    def verdicts(only: str | None) -> list[tuple[str, int, str | None]]:
        house.gateway.redis.flushdb()
        found = []
        for tenant, body, headers in asked:
            if only in (None, tenant):
                response = house.ask(body, tenant, **headers)
                kind = response.headers.get("X-LEO-Cache")
                response.close()
                found.append((tenant, response.status_code, kind))
        return found

    together = verdicts(None)
    for tenant in ("acme", "globex"):
        assert verdicts(tenant) == [verdict for verdict in together if verdict[0] == tenant]


# --- what nobody foresaw ---


class BrokenEntry:
    """An entry whose log cannot be read."""

    def __init__(self, entry: Any, *first: Event) -> None:
        self._entry = entry
        self._first = first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def events(self) -> Iterator[list[Event]]:
        if self._first:
            yield list(self._first)
        raise RuntimeError("broken " + "log")


class BrokenDoor:
    def __init__(self, door: Any, *first: Event) -> None:
        self._door = door
        self._first = first

    def enter(self, *args: Any) -> BrokenEntry:
        return BrokenEntry(self._door.enter(*args), *self._first)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("begun", [False, True], ids=["before the first event", "after a chunk"])
def test_a_crash_is_told_recorded_and_leaves_nobody_waiting(
    house: House, stream: bool, begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    here = house.app.extensions["leo"]
    first = [Delta([b'{"choices":[]}'])] if begun else []
    house.app.extensions["leo"] = Context(here.gateway, here.submitter, BrokenDoor(here.door, *first), here.lane)  # type: ignore[arg-type]
    response = house.ask(house.question(stream=stream))
    if stream and begun:
        assert b'"code":"internal_error"' in response.data
        assert b"[DONE]" not in response.data
    else:
        assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")
    (row,) = house.requests()
    assert (row["status"], row["error_code"], row["cache"]) == (500, "internal_error", "error")
    assert here.door._follower.waiting == 0
    assert "broken log" not in caplog.text
