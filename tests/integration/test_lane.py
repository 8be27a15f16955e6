"""The fast lane beside the application, over a real Redis and a real database: nobody can tell which of them has answered."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from app.lane import Lane
from pipeline.admission.keys import answer_key
from pipeline.gateway import Gateway
from pipeline.ledger.hits import place_of
from pipeline.settings import Settings
from pipeline.storage.tables import LedgerHits, LedgerRequest
from tests.integration.test_app import ADMIN, CHAT, MODELS, House, LocalWorker
from tests.support.ledger import rows, sums_in_table, sums_over_rows
from tests.support.waiting import wait_until

EMBEDDINGS = "/v1/embeddings"
PROVIDER_KEY = "sk-of-a-provider"
Headers = dict[str, str]
Build = Callable[..., "Callers"]


class Reply:
    """A response in the form in which both are compared: header names in lower case, the body as its bytes."""

    def __init__(self, headers: list[tuple[str, str]], body: bytes) -> None:
        self.headers = {name.lower(): value for name, value in headers}
        assert len(self.headers) == len(headers)
        self.body = body

    @property
    def id(self) -> str:
        return self.headers["x-leo-request-id"]

    @classmethod
    def of_lane(cls, data: bytes) -> Reply:
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first == "HTTP/1.1 200 OK"
        return cls([(name, value) for name, _, value in (line.partition(": ") for line in lines)], body)


class Callers:
    """Those who ask a gateway, by either way."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.lane: Lane = house.app.extensions["leo"].lane
        self.key = house.keys["acme"]
        self.by_application = 0

    def application(self, body: bytes, headers: Headers, path: str = CHAT) -> Any:
        """As the bridge asks Flask when the lane did not know."""
        self.house.worker.settle()
        self.by_application += 1
        environ = {"leo.hot_key": self._key(body, headers, path)} if path.encode() in self.lane.paths else {}
        return self.house.app.test_client().post(path, data=body, headers=headers, buffered=True, environ_base=environ)

    def ask_lane(self, body: bytes, headers: Headers, path: str = CHAT) -> bytes | None:
        async def ask() -> bytes | None:
            return self.lane.reply(self._key(body, headers, path), time.monotonic(), [])

        return asyncio.run(ask())

    def served_by_lane(self, body: bytes, headers: Headers, path: str = CHAT) -> Reply:
        """Asks until the lane knows the answer, and gives its reply."""

        def ask() -> bytes | None:
            reply = self.ask_lane(body, headers, path)
            if reply is None:
                response = self.application(body, headers, path)
                assert response.status_code == 200, response.text
            return reply

        reply = wait_until(ask, what="the lane knowing the answer")
        assert reply is not None
        return Reply.of_lane(reply)

    def served_by_application(self, body: bytes, headers: Headers, path: str = CHAT) -> Reply:
        response = self.application(body, headers, path)
        assert (response.status_code, response.headers.get("X-LEO-Cache")) == (200, "exact"), response.text
        return Reply(list(response.headers), response.data)

    @staticmethod
    def _key(body: bytes, headers: Headers, path: str) -> bytes:
        return Lane.key(path.encode(), [(name.lower().encode(), value.encode()) for name, value in headers.items()], body)


@pytest.fixture
def build(redis_client: redis.Redis, redis_url: str, sqlite_url: str, tmp_path: Path) -> Iterator[Build]:
    models = tmp_path / "models.yaml"
    models.write_text(MODELS)
    with ExitStack() as stack:

        def make(**changes: Any) -> Callers:
            settings = Settings(
                redis_url=redis_url,
                database_url=sqlite_url,
                home=str(tmp_path),
                models_file=str(models),
                heartbeat_s=0.1,
                **{"admin_key": ADMIN, **changes},
            )
            gateway = Gateway(settings, role="web", environ={})
            stack.callback(gateway.redis.close)
            stack.callback(gateway.engine.dispose)
            stack.callback(gateway.close)
            worker = LocalWorker(gateway)
            stack.callback(worker.close)
            return Callers(House(gateway, worker))

        yield make


@pytest.fixture
def callers(build: Build) -> Callers:
    return build()


def chat(**more: Any) -> bytes:
    return json.dumps({"model": "priced", "messages": [{"role": "user", "content": "what is 100 % of 7?"}], **more}).encode()


# --- the same, byte for byte ---

# What differs from one response to the next, in a header or a body.
CHANGES = [
    (re.compile(rb"req_[0-9a-f]{32}"), b"REQUEST"),
    (re.compile(rb"chatcmpl-[0-9a-f]{24}"), b"COMPLETION"),
    (re.compile(rb'"created":\d{10}(?!\d)'), b"CREATED"),
    (re.compile(rb'"(processing_time_ms|overhead_ms)":\d+(\.\d+)?(e-\d+)?'), b"MS"),
]


def masked(body: bytes) -> bytes:
    for pattern, name in CHANGES:
        body = pattern.sub(name, body)
    return body


def compare(lane: Reply, application: Reply) -> None:
    own = {"x-leo-request-id", "x-request-id", "x-leo-overhead-ms", "age", "content-length"}
    assert lane.headers.keys() == application.headers.keys()
    assert own <= lane.headers.keys()
    differing = {name for name in lane.headers if lane.headers[name] != application.headers[name]}
    assert differing <= own
    assert masked(lane.body) == masked(application.body)
    for reply in (lane, application):
        assert reply.headers["content-length"] == str(len(reply.body))
        assert re.fullmatch(r"req_[0-9a-f]{32}", reply.id)
        assert reply.headers["x-request-id"] == reply.id
        assert re.fullmatch(r"\d+\.\d{3}", reply.headers["x-leo-overhead-ms"])
        assert 0 <= int(reply.headers["age"]) < 60
        found = {text.decode() for text in re.findall(rb"req_[0-9a-f]{32}", reply.body)}
        assert found == {reply.id}
        assert all(abs(int(text) - time.time()) < 60 for text in re.findall(rb'"created":(\d+)', reply.body))
        assert len(set(re.findall(rb"chatcmpl-[0-9a-f]{24}", reply.body))) <= 1


BODIES: dict[str, tuple[str, bytes]] = {
    "whole": (CHAT, chat()),
    "unpriced": (CHAT, chat(model="unpriced")),
    "several choices": (CHAT, chat(n=3, temperature=0.7)),
    "a tool call": (
        CHAT,
        chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}], tool_choice="required"),
    ),
    "JSON": (CHAT, chat(response_format={"type": "json_object"})),
    "another spelling": (CHAT, b' {"messages":[{"content":"caf\\u00e9 \xf0\x9f\x8e\x88","role":"user"}],\n"model" : "priced"}'),
    "streamed": (CHAT, chat(stream=True)),
    "streamed with usage": (CHAT, chat(stream=True, stream_options={"include_usage": True})),
    "streamed and unpriced": (CHAT, chat(stream=True, model="unpriced")),
    "several streamed choices": (CHAT, chat(stream=True, n=2)),
    "embeddings": (EMBEDDINGS, b'{"model":"priced","input":["one","two"]}'),
    "embeddings in base 64": (EMBEDDINGS, b'{"model":"priced","input":"one","encoding_format":"base64"}'),
    "unpriced embeddings": (EMBEDDINGS, b'{"model":"unpriced","input":"one"}'),
}
ANY: Headers = {"Content-Type": "application/json", "User-Agent": "a test", "X-Unknown": "caf\xe9 %b"}


@pytest.mark.parametrize("kind", BODIES)
def test_the_lane_says_what_the_application_would_have_said_to_caller_and_ledger(callers: Callers, kind: str) -> None:
    path, body = BODIES[kind]
    headers = {**ANY, "X-API-Key": callers.key}
    lane = callers.served_by_lane(body, headers, path)
    application = callers.served_by_application(body, headers, path)
    compare(lane, application)
    found = written(callers)
    hit, request = found.hit(lane.id), found.request(application.id)
    shared = (hit.keys() & request.keys()) - {*OWN}
    assert len(shared) > 12
    assert {name: hit[name] for name in shared} == {name: request[name] for name in shared}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-LEO-Disable": "semantic"},
        {"X-LEO-Disable": "semantic, decompose, optimize"},
        {"X-LEO-Disable": ""},
        {"X-LEO-Deadline": "30"},
        {"Cache-Control": "only-if-cached"},
        {"Authorization": f"Bearer {PROVIDER_KEY}"},
        {"Authorization": "Basic YTpi"},
    ],
    ids=lambda headers: "; ".join(headers.values()) or "nothing disabled",
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_headers_that_leave_a_request_to_the_cache_show_in_its_answer_as_ever(
    callers: Callers, headers: Headers, stream: bool
) -> None:
    given = {**ANY, "X-API-Key": callers.key, **headers}
    lane = callers.served_by_lane(chat(stream=stream), given)
    application = callers.served_by_application(chat(stream=stream), given)
    compare(lane, application)
    assert ("x-leo-bypass-reason" in lane.headers) is bool(headers.get("X-LEO-Disable"))


KEYS: dict[str, tuple[dict[str, Any], Callable[[Callers], Headers]]] = {
    "a gateway key as the bearer": ({}, lambda callers: {"Authorization": f"Bearer {callers.key}"}),
    "the same key twice": ({}, lambda callers: {"Authorization": f"Bearer {callers.key}", "X-API-Key": callers.key}),
    "the operator's key": ({"api_key": "an-api-key"}, lambda _: {"X-API-Key": "an-api-key"}),
    "the operator's key as the bearer": ({"api_key": "an-api-key"}, lambda _: {"Authorization": "bearer an-api-key"}),
    "the admin's key": ({}, lambda _: {"X-API-Key": ADMIN}),
    "none in open mode": ({"open": True}, lambda _: {}),
    "a provider's in open mode": ({"open": True}, lambda _: {"Authorization": f"Bearer {PROVIDER_KEY}"}),
    "a gateway key in open mode": ({"open": True}, lambda callers: {"X-API-Key": callers.key}),
}


@pytest.mark.parametrize("kind", KEYS)
def test_whoever_asks_is_answered_and_counted_as_by_the_application(build: Build, kind: str) -> None:
    settings, headers_of = KEYS[kind]
    callers = build(**settings)
    headers = {**ANY, **headers_of(callers)}
    lane = callers.served_by_lane(chat(), headers)
    application = callers.served_by_application(chat(), headers)
    compare(lane, application)
    found = written(callers)
    hit, request = found.hit(lane.id), found.request(application.id)
    assert (hit["tenant"], hit["key_id"]) == (request["tenant"], request["key_id"])


def test_a_tenant_who_brings_its_own_key_gets_only_what_that_key_was_answered(callers: Callers) -> None:
    callers.house.gateway.keys.ensure_tenant("brings", "brings", bring_own_key=True)
    key = callers.house.gateway.keys.create("brings", "test")[1]
    headers = [{"X-API-Key": key, "Authorization": f"Bearer sk-{name}"} for name in ("one", "two")]
    entries = set()
    for each in headers:
        lane = callers.served_by_lane(chat(), each)
        compare(lane, callers.served_by_application(chat(), each))
        entries.add(lane.headers["x-leo-entry-id"])
    assert len(entries) == 2


ODD = [
    b'{"id":"x","object":"chat.completion","created":1,"model":"m%d","choices":[],"a":"%b 100 % %(x)s"}',
    b'{ "choices" : [ ] , "created":1 }',
    b'{"id":"x","choices":[{"index":0,"message":{"content":"caf\xc3\xa9 \\u00e9 \\/ \\r\\n\\r\\n"}}],"n":1.50}',
    b'{"created":1,"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"7777777777 100000000.127"}}]}',
    b"{}",
]


@pytest.mark.parametrize("odd", ODD, ids=["per cent", "spaces", "escapes", "digits", "nothing"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_odd_answer_of_an_upstream_is_repeated_as_it_is(callers: Callers, odd: bytes, stream: bool) -> None:
    body, headers = chat(stream=stream), {"X-API-Key": callers.key}
    entry = callers.application(body, headers).headers["X-LEO-Entry-ID"]
    callers.house.worker.settle()
    cache = callers.house.gateway.cache
    answer = cache.get(entry)
    assert answer is not None
    told = {"x-request-id": "of the upstream", "openai-version": "2020-10-01"}
    cache.put(entry, msgspec.structs.replace(answer, body=odd, headers=told, tokens=None))
    lane = callers.served_by_lane(body, headers)
    compare(lane, callers.served_by_application(body, headers))
    assert lane.headers["x-leo-upstream-request-id"] == "of the upstream"


# --- the ledger ---

OWN = ("id", "at", "latency_ms", "overhead_ms", "log_key", "hits", "marks", "latency_us")


class Written:
    """What stands in the ledger."""

    def __init__(self, callers: Callers) -> None:
        callers.lane.flush()
        callers.house.worker.settle()
        callers.house.drain()
        engine = callers.house.gateway.engine
        self.requests, self.hits = rows(engine, LedgerRequest), rows(engine, LedgerHits)
        assert sums_in_table(engine) == sums_over_rows(engine)
        self.sums: dict[tuple[str, str], Counter[str]] = {}
        for (tenant, _hour, model), sums in sums_in_table(engine).items():
            kept = {name: value for name, value in sums.items() if name not in ("latency_us", "overhead_us")}
            self.sums.setdefault((tenant, model), Counter()).update(kept)

    def request(self, id: str) -> dict[str, Any]:
        (row,) = [row for row in self.requests if row["id"] == id]
        return row

    def hit(self, id: str) -> dict[str, Any]:
        place = place_of(id)
        assert place is not None
        (row,) = [row for row in self.hits if row["id"] == place[0]]
        assert place[1] < row["hits"]
        return row

    @property
    def number(self) -> int:
        return len(self.requests) + sum(row["hits"] for row in self.hits)


def written(callers: Callers) -> Written:
    return Written(callers)


def test_the_sums_are_those_of_as_many_answers_of_the_application(callers: Callers) -> None:
    asked: list[tuple[str, bytes, Headers]] = [
        (path, body, {"X-API-Key": key, **extra})
        for path, body in (BODIES[kind] for kind in ("whole", "unpriced", "streamed with usage", "embeddings"))
        for key in callers.house.keys.values()
        for extra in ({}, {"X-LEO-Disable": "semantic"})
    ]
    for path, body, headers in asked:
        callers.served_by_lane(body, headers, path)
    rounds = 2

    def grown(serve: Callable[[bytes, Headers, str], object]) -> dict[tuple[str, str], Counter[str]]:
        before = written(callers)
        for path, body, headers in asked * rounds:
            serve(body, headers, path)
        after = written(callers)
        assert after.number - before.number == rounds * len(asked)
        return {key: after.sums[key] - before.sums[key] for key in after.sums}

    def ask_lane(body: bytes, headers: Headers, path: str) -> None:
        if callers.ask_lane(body, headers, path) is None:
            raise LookupError

    def by_lane_alone() -> dict[tuple[str, str], Counter[str]] | None:
        """What the lane has added, unless it had to leave a request to the application: on a busy machine it may."""
        for path, body, headers in asked:
            callers.served_by_lane(body, headers, path)
        try:
            return grown(ask_lane)
        except LookupError:
            return None

    by_application = grown(callers.served_by_application)
    assert {tenant for tenant, _ in by_application} == {"acme", "globex"}
    assert wait_until(by_lane_alone, 60, "the lane answering everything") == by_application


def test_every_answer_stands_in_the_ledger_once_whoever_gave_it(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    told = [callers.served_by_lane(chat(), headers).id for _ in range(50)]
    told += [callers.served_by_lane(chat(stream=True), headers).id for _ in range(50)]
    found = written(callers)
    assert len(set(told)) == 100
    assert sum(row["hits"] for row in found.hits) == 100
    assert all(found.hit(one) for one in told)
    assert found.number == 100 + callers.by_application


# --- what the lane leaves to the application ---

LEFT = {
    "a repeat under a key": {"Idempotency-Key": "order-1"},
    "not older than": {"Cache-Control": "max-age=600"},
    "no-cache": {"Cache-Control": "no-cache"},
    "no-store": {"Cache-Control": "no-store"},
    "everything off": {"X-LEO-Disable": "all"},
    "no cache wanted": {"X-LEO-Disable": "cache"},
    "a run of its own": {"X-LEO-Disable": "dedup"},  # which is where its answer is looked up
}


@pytest.mark.parametrize("headers", LEFT.values(), ids=LEFT)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_may_be_answered_otherwise_the_next_time_is_left_to_the_application(
    callers: Callers, headers: Headers, stream: bool
) -> None:
    plain = {"X-API-Key": callers.key}
    callers.served_by_lane(chat(stream=stream), plain)  # the answer itself is held
    given = {**plain, **headers}
    for _ in range(4):
        assert callers.ask_lane(chat(stream=stream), given) is None
        assert callers.application(chat(stream=stream), given).status_code == 200


def test_a_second_gateway_key_beside_the_first_leaves_the_request_to_the_application(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key, "Authorization": f"Bearer {callers.house.keys['globex']}"}
    for _ in range(5):
        assert callers.application(chat(), headers).status_code == 200
    assert callers.ask_lane(chat(), headers) is None


def test_an_error_is_never_the_lanes(callers: Callers) -> None:
    for body, headers, status in (
        (chat(), {"X-API-Key": "leo-nobody-secret"}, 401),
        (b"no json", {"X-API-Key": callers.key}, 400),
        (chat(messages=[{"role": "user", "content": "[[sim: status=400]]"}]), {"X-API-Key": callers.key}, 400),
    ):
        for _ in range(4):
            assert callers.application(body, headers).status_code == status
            assert callers.ask_lane(body, headers) is None


def test_without_a_table_there_is_no_lane(build: Build) -> None:
    callers = build(hot_cache_mb=0)
    headers = {"X-API-Key": callers.key}
    for _ in range(5):
        assert callers.application(chat(), headers).status_code == 200
    assert (callers.lane.paths, callers.ask_lane(chat(), headers)) == (frozenset(), None)
    assert callers.house.gateway.tracker.connected is False


# --- what ends it ---


def test_one_tenants_lane_is_not_anothers(callers: Callers) -> None:
    mine, theirs = ({"X-API-Key": callers.house.keys[tenant]} for tenant in ("acme", "globex"))
    callers.served_by_lane(chat(), mine)
    assert callers.ask_lane(chat(), theirs) is None
    assert callers.application(chat(), theirs).headers["X-LEO-Cache"] == "miss"


def test_a_switch_that_is_turned_here_counts_at_once(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    callers.served_by_lane(chat(), headers)
    switch = {"strategy": "adaptive_cache", "enabled": False}
    assert callers.house.ask(switch, path="/v1/optimization/enable").status_code == 200
    assert callers.ask_lane(chat(), headers) is None
    assert callers.application(chat(), headers).headers["X-LEO-Cache"] == "miss"
    assert callers.ask_lane(chat(), headers) is None
    assert callers.house.ask({**switch, "enabled": True}, path="/v1/optimization/enable").status_code == 200
    compare(callers.served_by_lane(chat(), headers), callers.served_by_application(chat(), headers))


def test_an_answer_that_is_wrong_is_not_served_again(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    entry = callers.served_by_lane(chat(), headers).headers["x-leo-entry-id"]
    said = callers.house.ask({"entry_id": entry, "is_correct": False}, path="/v1/optimization/cache/feedback")
    assert said.json["removed"] is True
    wait_until(lambda: callers.ask_lane(chat(), headers) is None, what="the lane having forgotten it")
    assert callers.application(chat(), headers).headers["X-LEO-Cache"] == "miss"


def test_an_answer_that_was_asked_for_anew_takes_the_place_of_the_old_one(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    entry = callers.served_by_lane(chat(), headers).headers["x-leo-entry-id"]
    cache = callers.house.gateway.cache
    answer = cache.get(entry)
    assert answer is not None
    changed = answer.body.replace(b'"role":"assistant"', b'"role":"assistant","new":true')
    cache.put(entry, msgspec.structs.replace(answer, body=changed))
    wait_until(lambda: callers.ask_lane(chat(), headers) is None, what="the lane having forgotten the old one")
    for _ in range(5):
        assert b'"new":true' in callers.served_by_lane(chat(), headers).body


def test_an_answer_that_redis_lost_is_not_served_again(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    entry = callers.served_by_lane(chat(), headers).headers["x-leo-entry-id"]
    callers.house.gateway.redis.delete(answer_key(entry))
    wait_until(lambda: callers.ask_lane(chat(), headers) is None, what="the lane having forgotten it")


def test_a_model_table_that_was_read_again_decides_anew(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    callers.served_by_lane(chat(), headers)
    models = Path(callers.house.gateway.settings.models_file)
    models.write_text(models.read_text().replace("  priced:", "  renamed:").replace("default_upstream: simulator", ""))
    assert callers.house.ask({}, ADMIN, path="/v1/admin/models/reload").status_code == 200
    assert callers.ask_lane(chat(), headers) is None
    assert callers.application(chat(), headers).status_code == 404


def test_a_key_that_was_revoked_is_refused_when_its_time_is_over(callers: Callers) -> None:
    headers = {"X-API-Key": callers.key}
    callers.served_by_lane(chat(), headers)
    callers.house.gateway.keys.revoke(callers.key.split("-")[1])
    wait_until(lambda: callers.application(chat(), headers).status_code == 401, what="the key being refused")
    assert callers.ask_lane(chat(), headers) is None
