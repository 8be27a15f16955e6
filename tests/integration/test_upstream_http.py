"""Real HTTP: the caller and its client against the simulator server in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from pipeline.errors import Cancelled, DeadlineExceeded, GatewayError, UpstreamError
from pipeline.upstream.breaker import Breakers
from pipeline.upstream.caller import Upstreams
from pipeline.upstream.cancel import CancelToken
from pipeline.upstream.client import HttpUpstream
from pipeline.upstream.pricing import Price
from pipeline.upstream.retry import RetryPolicy
from pipeline.upstream.routes import ModelTable, Route, Upstream
from pipeline.upstream.secret import Secret
from pipeline.upstream.simulator import Simulator
from pipeline.upstream.table import TableHolder
from pipeline.upstream.types import CallRecord, UpstreamAnswer, UpstreamRequest
from tests.support.ports import free_port
from tests.support.waiting import wait_until

KEY = "sk-integration-0123456789"


class Sim:
    """The server and its controls."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=data), timeout=30) as response:
            return json.load(response)

    @property
    def stats(self) -> dict[str, Any]:
        return dict(self.ask("/sim/stats"))

    def configure(self, **settings: Any) -> None:
        self.ask("/sim/config", settings)

    def alive(self) -> bool:
        try:
            return bool(self.ask("/v1/models"))
        except urllib.error.URLError:
            return False


@pytest.fixture(scope="module")
def server() -> Iterator[Sim]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "pipeline.upstream.simserver", "--port", str(port)])
    try:
        sim = Sim(port)
        wait_until(lambda: process.poll() is not None or sim.alive(), timeout=60, what="the simulator")
        assert process.poll() is None
        yield sim
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def sim(server: Sim) -> Sim:
    server.configure(latency_ms=0, token_ms=0, error_rate=0, error_status=503, fail_next=0, retry_after=None)
    wait_until(lambda: server.stats["in_flight"] == 0, what="the end of what an earlier test began")
    server.ask("/sim/reset", {})
    return server


class Gateway:
    """An `Upstreams` whose model `gpt` is at the simulator, and whose `first` is nowhere with `gpt` behind it."""

    def __init__(
        self,
        sim: Sim,
        http: HttpUpstream,
        *,
        failures: int = 100,
        attempts: int = 3,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        here = Upstream(name="sim", base_url=f"{sim.url}/v1", api_key=Secret(KEY))
        nowhere = Upstream(name="nowhere", base_url=f"http://127.0.0.1:{free_port()}/v1")
        price = Price(input=150_000, output=600_000)
        routes = {
            "gpt": Route(provider=here, model="gpt", model_there="gpt-there", price=price),
            "first": Route(provider=nowhere, model="first", model_there="first", fallbacks=("gpt",)),
            "lost": Route(provider=nowhere, model="lost", model_there="lost"),
        }
        holder = TableHolder(lambda: ModelTable(routes, here))
        policy = RetryPolicy(uniform, max_attempts=attempts, base_s=0.01)
        self.upstreams = Upstreams(holder, http, Simulator(), Breakers(failures=failures, reset_s=3600), policy)
        self.cancel = CancelToken()
        self.deltas: list[bytes] = []
        self.records: list[CallRecord] = []
        self.on_delta: Callable[[list[bytes]], object] = self.deltas.extend

    def ask(self, content: str = "hello", *, model: str = "gpt", seconds: float = 60, **fields: Any) -> UpstreamAnswer:
        body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
        stream = fields.get("stream", False)
        return self.call(UpstreamRequest("chat/completions", model, json.dumps(body).encode(), stream), seconds)

    def call(self, request: UpstreamRequest, seconds: float = 60) -> UpstreamAnswer:
        return self.upstreams.call(
            request,
            deadline=time.monotonic() + seconds,
            cancel=self.cancel,
            on_delta=self._hand_out,
            on_call=self.records.append,
            assemble=b"\n".join,
        )

    def _hand_out(self, payloads: list[bytes]) -> None:
        self.on_delta(payloads)

    def ask_in_thread(self, *args: Any, **fields: Any) -> list[BaseException]:
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                self.ask(*args, **fields)
            except GatewayError as error:
                ended.append(error)

        threading.Thread(target=ask, daemon=True).start()
        return ended

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        return [(record.outcome, record.status) for record in self.records]


@pytest.fixture
def http() -> Iterator[HttpUpstream]:
    with closing(HttpUpstream()) as client:
        yield client


@pytest.fixture
def gateway(sim: Sim, http: HttpUpstream) -> Gateway:
    return Gateway(sim, http)


def _no_jitter(low: float, high: float) -> float:
    raise AssertionError("no pause should have been drawn")


def said(payloads: list[bytes]) -> str:
    chunks = [json.loads(payload) for payload in payloads]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"])


def test_a_whole_answer_has_its_usage_and_its_exact_cost(gateway: Gateway) -> None:
    answer = gateway.ask()
    told = json.loads(answer.body)
    assert told["model"] == "leo-simulator/gpt-there"
    assert answer.usage is not None
    assert answer.cost == answer.usage.prompt_tokens * 150_000 + answer.usage.completion_tokens * 600_000
    assert (answer.simulated, answer.headers) == (False, {"openai-version": "2020-10-01"})
    assert gateway.outcomes == [("ok", 200)]


def test_a_stream_says_what_the_whole_answer_says_and_knows_its_usage(gateway: Gateway) -> None:
    whole = gateway.ask()
    streamed = gateway.ask(stream=True)
    assert said(gateway.deltas) == json.loads(whole.body)["choices"][0]["message"]["content"]
    assert streamed.usage == whole.usage
    assert streamed.body.split(b"\n") == gateway.deltas


def test_embeddings_come_back(gateway: Gateway) -> None:
    answer = gateway.call(UpstreamRequest("embeddings", "gpt", b'{"model":"gpt","input":["a","b"],"dimensions":8}', False))
    assert len(json.loads(answer.body)["data"]) == 2
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 0


def test_the_body_arrives_byte_for_byte_and_the_key_with_it(sim: Sim, gateway: Gateway) -> None:
    body = b'{ "model":"other" ,"messages":[{"role":"user","content":"\\u00e9 \xc3\xa9"}], "temperature": 1.0 }'
    gateway.call(UpstreamRequest("chat/completions", "other", body, False))
    last = sim.ask("/sim/last")[-1]
    assert base64.b64decode(last["body"]) == body
    assert last["headers"]["authorization"] == f"Bearer {KEY}"
    assert sim.stats["by_body"] == {hashlib.sha256(body).hexdigest(): 1}


def test_one_connection_serves_call_after_call(sim: Sim, http: HttpUpstream, gateway: Gateway) -> None:
    for stream in (False, True, True, False):
        gateway.ask(stream=stream)
    pool = http.line(f"{sim.url}/v1").pool
    assert (pool.num_connections, pool.num_requests) == (1, 4)


def test_a_cancel_while_waiting_for_headers_ends_the_call_over_there(sim: Sim, gateway: Gateway) -> None:
    ended = gateway.ask_in_thread("[[sim: latency_ms=600000]]", seconds=600)
    wait_until(lambda: sim.stats["in_flight"] == 1, what="the call")
    gateway.cancel.cancel("nobody waits")
    wait_until(lambda: sim.stats["cancelled"] == 1, what="the end of the call over there")
    wait_until(lambda: ended, what="the end of the call here")
    assert isinstance(ended[0], Cancelled)
    assert gateway.outcomes == [("cancelled", 0)]
    assert sim.stats["in_flight"] == 0


def test_a_cancel_in_the_middle_of_a_stream_ends_the_call_over_there(sim: Sim, gateway: Gateway) -> None:
    ended = gateway.ask_in_thread("[[sim: token_ms=50 tokens=10000]]", stream=True, seconds=600)
    wait_until(lambda: gateway.deltas, what="the first delta")
    gateway.cancel.cancel("nobody waits")
    wait_until(lambda: sim.stats["cancelled"] == 1, what="the end of the call over there")
    wait_until(lambda: ended, what="the end of the call here")
    assert gateway.outcomes == [("cancelled", 200)]


def test_the_deadline_ends_the_call_here_and_there(sim: Sim, gateway: Gateway) -> None:
    with pytest.raises(DeadlineExceeded):
        gateway.ask("[[sim: latency_ms=600000]]", seconds=0.3)
    with pytest.raises(DeadlineExceeded):
        gateway.ask("[[sim: token_ms=20 tokens=100000]]", stream=True, seconds=0.3)
    assert [record.outcome for record in gateway.records] == ["timeout", "timeout"]
    wait_until(lambda: sim.stats["cancelled"] == 2, what="the end of both calls over there")


def test_a_503_is_asked_again_until_it_answers(sim: Sim, gateway: Gateway) -> None:
    sim.configure(fail_next=2)
    gateway.ask()
    assert gateway.outcomes == [("error", 503), ("error", 503), ("ok", 200)]


def test_a_retry_after_is_waited_for_or_passed_on(sim: Sim, http: HttpUpstream) -> None:
    # A policy that cannot draw a pause of its own: only the upstream's wish can have been used.
    gateway = Gateway(sim, http, uniform=_no_jitter)
    sim.configure(fail_next=1, error_status=429, retry_after=0.25)
    gateway.ask()
    assert gateway.outcomes == [("error", 429), ("ok", 200)]
    sim.configure(fail_next=1, error_status=429, retry_after=3600)
    with pytest.raises(UpstreamError) as caught:
        gateway.ask()
    assert (caught.value.http_status, caught.value.retry_after, len(gateway.records)) == (429, 3600.0, 3)


def test_nothing_is_asked_again_after_the_first_delta(sim: Sim, gateway: Gateway) -> None:
    with pytest.raises(UpstreamError) as caught:
        gateway.ask("[[sim: drop_after=3 tokens=20]]", model="gpt", stream=True)
    assert (caught.value.code, caught.value.transient) == ("interrupted", False)
    assert len(gateway.deltas) == 3
    assert gateway.outcomes == [("interrupted", 200)]
    assert sim.stats["calls"] == 1


def test_a_clients_fault_is_not_asked_again(sim: Sim, gateway: Gateway) -> None:
    with pytest.raises(UpstreamError) as caught:
        gateway.ask(n=0)
    assert (caught.value.http_status, json.loads(caught.value.envelope())["error"]["param"]) == (400, "n")
    assert sim.stats["calls"] == 1


def test_the_fallback_answers_when_nobody_listens_at_the_first(gateway: Gateway) -> None:
    answer = gateway.ask(model="first")
    assert (answer.upstream, answer.model) == ("sim", "gpt-there")
    assert gateway.outcomes == [("error", 0)] * 3 + [("ok", 200)]


def test_the_breaker_opens_and_spares_the_upstream(sim: Sim, http: HttpUpstream) -> None:
    gateway = Gateway(sim, http, failures=2, attempts=1)
    sim.configure(fail_next=100)
    for _ in range(5):
        with pytest.raises(UpstreamError):
            gateway.ask()
    assert sim.stats["calls"] == 2
    assert gateway.upstreams.breaker_states() == {"sim": "open"}
    with pytest.raises(UpstreamError) as caught:
        gateway.ask()
    assert (caught.value.code, caught.value.http_status) == ("circuit_open", 503)


def test_many_calls_run_at_the_same_time(sim: Sim, http: HttpUpstream) -> None:
    gateways = [Gateway(sim, http) for _ in range(20)]
    for gateway in gateways:
        gateway.ask_in_thread("[[sim: latency_ms=600000]]", seconds=600)
    wait_until(lambda: sim.stats["in_flight"] == 20, what="all calls at once")
    for gateway in gateways:
        gateway.cancel.cancel("enough")
    wait_until(lambda: sim.stats["cancelled"] == 20, what="the end of all of them")


def test_the_models_of_the_upstream_are_listed_after_those_of_the_table(gateway: Gateway) -> None:
    names = [model["id"] for model in gateway.upstreams.list_models(30.0)]
    assert names[:3] == ["first", "gpt", "lost"]
    assert "gpt-4o-mini" in names


def test_unknown_paths_and_settings_are_refused_by_the_server(sim: Sim) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        sim.ask("/v1/unknown")
    missing.value.close()
    with pytest.raises(urllib.error.HTTPError, match="400") as unknown:
        sim.configure(nonsense=1)
    unknown.value.close()
