"""What happens when processes die, callers hang up and time runs out: real processes, real signals."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psutil
import pytest
import urllib3

from tests.support.gateway import KEY, LEO, GatewayProcesses, Process, SimulatedUpstream, chat
from tests.support.ports import free_port
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    with GatewayProcesses(upstream.base_url, LEO_WORKER_PROCESSES="2") as running:
        yield running


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as made:
        yield made


@pytest.fixture(autouse=True)
def _quiet(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    """Every test begins with a whole gateway and an upstream that has seen nothing."""
    wait_until(lambda: gateway.get("/ready").status == 200, 60, "the gateway being whole again")
    wait_until(lambda: upstream.stats()["in_flight"] == 0, 60, "the upstream being idle")
    upstream.reset()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_all_workers(gateway: GatewayProcesses) -> None:
    for pid in gateway.pids(r"app\.cli worker"):
        kill(pid)


def in_flight(upstream: SimulatedUpstream, number: int = 1) -> None:
    wait_until(lambda: upstream.stats()["in_flight"] == number, 30, f"{number} calls being in flight at the upstream")


def text_of(reply: urllib3.BaseHTTPResponse) -> str:
    return str(json.loads(reply.data)["choices"][0]["message"]["content"])


def streamed_text(data: bytes) -> str:
    chunks = [json.loads(line[6:]) for line in data.split(b"\n") if line.startswith(b"data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_a_killed_worker_costs_its_caller_only_time(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, pool: ThreadPoolExecutor
) -> None:
    asked = pool.submit(gateway.ask, chat("killed worker [[sim: latency_ms=3000]]"))
    in_flight(upstream)
    kill_all_workers(gateway)
    reply = asked.result(60)
    assert reply.status == 200, reply.data
    assert text_of(reply)
    assert upstream.stats()["calls"] == 2


def test_a_worker_killed_over_a_message_of_many_runs_costs_their_callers_only_time(
    gateway: GatewayProcesses, upstream: SimulatedUpstream
) -> None:
    many = 48
    _settled_rows(gateway)
    before = _outcomes(gateway)
    with ThreadPoolExecutor(many) as callers:
        asked = [callers.submit(gateway.ask, chat(f"one of many {n} [[sim: latency_ms=3000]]")) for n in range(many)]
        in_flight(upstream, many)
        assert _messages_at_work(gateway) < many, "some messages carry several runs"
        kill(gateway.pids(r"app\.cli worker")[0])
        replies = [future.result(90) for future in asked]
    assert [reply.status for reply in replies] == [200] * many
    _settled_rows(gateway)
    made = _outcomes(gateway) - before
    # Each call that the dead worker had begun is made again, and the ledger says that the first is lost.
    assert (made["ok"], made["ok"] + made["lost"]) == (many, upstream.stats()["calls"])
    assert made["lost"] > 0


def _messages_at_work(gateway: GatewayProcesses) -> int:
    import redis

    with redis.Redis.from_url(f"unix://{gateway.home}/redis.sock?db=1") as client:
        return int(client.hlen("unacked"))  # type: ignore[arg-type]


def _outcomes(gateway: GatewayProcesses) -> Counter[str]:
    with sqlite3.connect(f"file:{gateway.home}/leo.db?mode=ro", uri=True) as db:
        return Counter(dict(db.execute("select outcome, count(*) from ledger_calls group by outcome").fetchall()))


def test_a_stream_goes_on_where_a_killed_worker_left_it(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, pool: ThreadPoolExecutor
) -> None:
    prompt = "killed in a stream [[sim: tokens=40 token_ms=100]]"
    asked = pool.submit(gateway.ask, chat(prompt, stream=True))
    in_flight(upstream)
    wait_until(lambda: b"delta" in _log_of_the_run(gateway), 30, "deltas being out")
    kill_all_workers(gateway)
    broken = asked.result(90)
    assert broken.data.rstrip().endswith(b"data: [DONE]"), broken.data[-500:]
    unbroken = gateway.ask(chat(prompt), X_LEO_Disable="all")
    assert streamed_text(broken.data) == text_of(unbroken)


def _log_of_the_run(gateway: GatewayProcesses) -> bytes:
    import redis

    with redis.Redis.from_url(f"unix://{gateway.home}/redis.sock") as client:
        return b"".join(entry for key in client.scan_iter("leo:*:l:*") for entry in client.lrange(key, 0, -1))


def test_callers_of_another_front_end_do_not_notice_that_one_is_killed(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, pool: ThreadPoolExecutor
) -> None:
    port = free_port()
    second = Process([*LEO, "web"], {**gateway.environ, "LEO_PORT": str(port)}, gateway.home / "web2.log", gateway.home)
    try:
        wait_until(lambda: _healthy(port), 60, "the second front end answering")
        body = chat("front end killed [[sim: latency_ms=4000]]")
        first: Future[object] = pool.submit(gateway.ask, body)
        in_flight(upstream)
        joined = pool.submit(_post, port, body)
        kill(gateway.pids(r"app\.cli web")[0])
        assert first.exception(60) is not None
        status, headers, data = joined.result(60)
        assert (status, headers["x-leo-cache"]) == (200, "dedup")
        assert json.loads(data)["choices"]
        assert upstream.stats()["calls"] == 1
    finally:
        second.stop()


def _healthy(port: int) -> bool:
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{port}/health", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _post(port: int, body: dict[str, object]) -> tuple[int, dict[str, str], bytes]:
    reply = urllib3.request(
        "POST",
        f"http://127.0.0.1:{port}/v1/chat/completions",
        body=json.dumps(body),
        headers={"X-API-Key": KEY},
        retries=False,
        timeout=60,
    )
    return reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.data


def hung_up(gateway: GatewayProcesses, body: dict[str, object]) -> http.client.HTTPConnection:
    """A connection on which a request was sent; closing it is hanging up."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"X-API-Key": KEY})
    return connection


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_caller_who_hangs_up_ends_the_call(gateway: GatewayProcesses, upstream: SimulatedUpstream, stream: bool) -> None:
    connection = hung_up(gateway, chat(f"hang up {stream} [[sim: latency_ms=60000]]", stream=stream))
    in_flight(upstream)
    connection.close()
    wait_until(lambda: upstream.stats()["cancelled"] == 1, 30, "the call being cancelled")
    assert upstream.stats()["calls"] == 1


def test_a_stream_that_its_caller_drops_ends_the_call(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    connection = hung_up(gateway, chat("drop the stream [[sim: tokens=500 token_ms=100]]", stream=True))
    assert connection.getresponse().read(10)
    connection.close()
    wait_until(lambda: upstream.stats()["cancelled"] == 1, 30, "the call being cancelled")


def test_a_call_goes_on_while_anybody_waits_for_it(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, pool: ThreadPoolExecutor
) -> None:
    body = chat("one hangs up, one waits [[sim: latency_ms=4000]]")
    leaver = hung_up(gateway, body)
    in_flight(upstream)
    patience = _patience(gateway)
    stays = pool.submit(gateway.ask, body, X_LEO_Deadline="3000")
    wait_until(lambda: _patience(gateway) > patience, 30, "the second, more patient caller having joined")
    leaver.close()
    reply = stays.result(60)
    assert (reply.status, reply.headers["x-leo-cache"]) == (200, "dedup")
    assert (upstream.stats()["calls"], upstream.stats()["cancelled"]) == (1, 0)


def _patience(gateway: GatewayProcesses) -> int:
    """When the last caller of any run that is being worked on gives up (unix ms)."""
    import redis

    with redis.Redis.from_url(f"unix://{gateway.home}/redis.sock") as client:
        runs = [client.hgetall(key) for key in client.scan_iter("leo:*:s")]
        return max((int(run[b"dl"]) for run in runs if run[b"st"] == b"running"), default=0)


def test_a_deadline_is_kept_and_ends_the_call(gateway: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    reply = gateway.ask(chat("too slow [[sim: latency_ms=60000]]"), X_LEO_Deadline="1")
    error = json.loads(reply.data)["error"]
    assert (reply.status, error["code"]) == (504, "deadline_exceeded")
    wait_until(lambda: upstream.stats()["cancelled"] == 1, 30, "the call being cancelled")


def test_a_killed_redis_is_started_again_and_has_forgotten_nothing_that_was_answered(
    gateway: GatewayProcesses, upstream: SimulatedUpstream
) -> None:
    body = chat("asked before redis died")
    assert gateway.ask(body).headers["x-leo-cache"] == "miss"
    _wait_for_disk(gateway)
    kill(gateway.pids("redis-server")[0])
    reply = wait_until(lambda: (r := gateway.ask(body)).status == 200 and r, 60, "an answer after the restart")
    assert reply.headers["x-leo-cache"] == "exact"
    assert upstream.stats()["calls"] == 1


def _wait_for_disk(gateway: GatewayProcesses) -> None:
    """Redis writes its log once a second; what was said before is safe when a second such moment has passed."""
    import redis

    with redis.Redis.from_url(f"unix://{gateway.home}/redis.sock") as client:
        client.set("leo:test:fsync", "1", ex=60)
        wait_until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, 10, "the log being written")
        client.waitaof(1, 0, 5000) if client.info("server")["redis_version"] >= "7.2" else client.bgrewriteaof()
        wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 10, "the log being rewritten")


def test_a_killed_ledger_writer_neither_loses_nor_doubles_an_entry(gateway: GatewayProcesses, pool: ThreadPoolExecutor) -> None:
    before = _settled_rows(gateway)
    asked = [pool.submit(gateway.ask, chat(f"ledger {n}")) for n in range(60)]
    for _ in range(2):
        kill(wait_until(lambda: gateway.pids(r"app\.cli ledger"), 30, "a ledger writer")[0])
    assert all(future.result(60).status == 200 for future in asked)
    wait_until(lambda: _rows(gateway) == (before[0] + 60, before[1] + 60), 60, "every request and call being in the ledger")


def _settled_rows(gateway: GatewayProcesses) -> tuple[int, int]:
    """The rows once everything that other tests asked for is among them."""
    import redis

    with redis.Redis.from_url(f"unix://{gateway.home}/redis.sock") as client:
        wait_until(lambda: client.xlen("leo:ledger") == 0, 60, "the ledger being drained")
    return _rows(gateway)


def _rows(gateway: GatewayProcesses) -> tuple[int, int]:
    """Misses and calls in the ledger. Refusals of an outage before may still come in, and are none of them."""
    with sqlite3.connect(f"file:{gateway.home}/leo.db?mode=ro", uri=True) as db:
        ((misses, ids),) = db.execute("select count(*), count(distinct id) from ledger_requests where cache = 'miss'")
        ((calls, call_ids),) = db.execute("select count(*), count(distinct id) from ledger_calls")
    assert (misses, calls) == (ids, call_ids)
    return misses, calls


def test_ctrl_c_lets_a_running_request_finish_and_a_restart_remembers_it(
    upstream: SimulatedUpstream, pool: ThreadPoolExecutor
) -> None:
    with GatewayProcesses(upstream.base_url) as own:
        asked = pool.submit(own.ask, chat("ctrl-c [[sim: latency_ms=2000]]"))
        in_flight(upstream)
        own.stop()
        reply = asked.result(30)
        assert reply.status == 200, reply.data
        own.start()
        assert own.ask(chat("ctrl-c [[sim: latency_ms=2000]]")).headers["x-leo-cache"] == "exact"


def test_nothing_is_left_behind_when_leo_up_itself_is_killed(upstream: SimulatedUpstream) -> None:
    with GatewayProcesses(upstream.base_url) as own:
        pids = own.pids(".")
        assert len(pids) >= 4  # Redis, the ledger, a worker, the front end
        own.kill_supervisor()
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 30, "every process being gone")
        own.start()
        assert own.ask(chat("after the crash")).status == 200


def test_the_model_table_is_read_again_on_sighup(upstream: SimulatedUpstream) -> None:
    with GatewayProcesses() as own:
        assert own.ask(chat("before")).headers["x-leo-simulated"] == "true"
        upstreams = f"upstreams: {{sim: {{base_url: '{upstream.base_url}'}}}}"
        table = upstreams + "\nmodels: {sim-model: {upstream: sim, price: {input: 0.15, output: 0.6}}}\n"
        (own.home / "models.yaml").write_text(table)
        assert own._process is not None
        own._process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: own.ask(chat("other model", model="unknown")).status == 404, 30, "the new table being in force")
        prompts = (f"priced {n}" for n in itertools.count())
        reply = wait_until(lambda: _not_simulated(own, next(prompts)), 30, "the worker having read it too")
        usage = json.loads(reply.data)["usage"]
        picos = usage["prompt_tokens"] * 150_000 + usage["completion_tokens"] * 600_000
        assert float(reply.headers["x-leo-cost"]) == pytest.approx(picos / 1e12, abs=1e-15)
        (own.home / "models.yaml").write_text("models: {x: {upstream: nowhere}}")
        own._process.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: "nowhere" in own.log, 30, "the fault being told")
        assert own.ask(chat("still priced")).status == 200


def _not_simulated(gateway: GatewayProcesses, prompt: str) -> urllib3.BaseHTTPResponse | None:
    reply = gateway.ask(chat(prompt))
    return None if "x-leo-simulated" in reply.headers else reply
