"""HTTP as clients of all kinds speak it, to two web processes with their tables of stored answers, byte for byte.

What is promised "within a second, in every process" holds for answers from the tables too. The simulator is told to fail
while that is looked at: a 200 is then an answer from the cache.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Self

import psutil
import pytest
import redis
from openai import OpenAI

from pipeline.admission.keys import answer_key
from pipeline.storage.engine import create_engine
from pipeline.storage.keys import KeyStore
from tests.e2e.conftest import ONE_CALL
from tests.support.gateway import ADMIN_KEY, KEY, GatewayProcesses, SimulatedUpstream, chat
from tests.support.waiting import wait_until

CHAT = "/v1/chat/completions"
SECOND = 1.0
PAUSE_S = 0.005
WEB = r"-m app\.server"
TABLE = """
upstreams: {{there: {{base_url: "{upstream}"}}}}
models:
  sim-model: {{upstream: there, price: {{input: 1, output: 2}}}}
  leaving: {{upstream: there}}
"""
_numbers = itertools.count(1)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["x-leo-request-id"]

    @property
    def cache(self) -> str:
        return self.headers.get("x-leo-cache", "")

    @property
    def from_table(self) -> bool:
        """The id of a hit from a table ends with its number in its batch, all others are random."""
        return self.status == 200 and self.id[24:32] == "0" * 8

    @property
    def text(self) -> str:
        return str(json.loads(self.body)["choices"][0]["message"]["content"])


class Line:
    """One connection."""

    def __init__(self, gateway: GatewayProcesses) -> None:
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reply(self, *, body: bool = True) -> Reply:
        """The next response. Raises ConnectionError when there is none."""
        first = self._file.readline()
        if not first:
            raise ConnectionError("the connection was closed")
        version, status, _ = first.split(b" ", 2)
        assert version == b"HTTP/1.1"
        lines = iter(self._file.readline, b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.decode("latin-1").partition(":") for line in lines)}
        return Reply(int(status), headers, self._body(headers) if body and int(status) >= 200 else b"")

    def ask(self, data: bytes) -> Reply:
        self.send(data)
        return self.reply()

    def ended(self) -> bool:
        """Whether the other side hangs up, with nothing more to say."""
        with suppress(ConnectionError):
            return self._file.read(1) == b""
        return True

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._file.read(int(headers["content-length"]))
        pieces = []
        while size := int(self._file.readline(), 16):
            pieces.append(self._file.read(size))
            assert self._file.readline() == b"\r\n"
        assert self._file.readline() == b"\r\n"
        return b"".join(pieces)


def question(**more: Any) -> bytes:
    """A body that nobody has sent yet."""
    return json.dumps(chat(f"over HTTP, question {next(_numbers)}", **more)).encode()


BY_LETTER = "X-LEO-Disable: semantic"  # for what is said of the exact cache alone


def post(
    body: bytes,
    *extra: str,
    path: str = CHAT,
    key: str = KEY,
    method: str = "POST",
    version: str = "1.1",
    length: bool = True,
) -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: gateway", f"X-API-Key: {key}", "Content-Type: application/json", *extra]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


# --- two web processes ---


@pytest.fixture(scope="module")
def upstream() -> Iterator[SimulatedUpstream]:
    with SimulatedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    made = GatewayProcesses(LEO_WEB_PROCESSES="2", **ONE_CALL)
    (made.home / "models.yaml").write_text(TABLE.format(upstream=upstream.base_url))
    with made as running:
        # What was noted before a process looks at the table for the first time does not hold any more.
        wait_until(lambda: running.log.count("model_table_read") >= 3, 30, "two web processes and the worker having looked")
        yield running


@pytest.fixture
def line(gateway: GatewayProcesses) -> Iterator[Line]:
    with Line(gateway) as made:
        yield made


@pytest.fixture
def lines(gateway: GatewayProcesses) -> Iterator[list[Line]]:
    with each_process(gateway) as made:
        yield made


@contextmanager
def each_process(gateway: GatewayProcesses) -> Iterator[list[Line]]:
    """A connection to each of the web processes: the kernel decides to which one a new connection goes."""
    wanted = set(wait_until(lambda: len(found := gateway.pids(WEB)) == 2 and found, 30, "two web processes"))
    with contextlib.ExitStack() as stack:
        found: dict[int, Line] = {}

        def connect() -> bool:
            line = stack.enter_context(Line(gateway))
            assert line.ask(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200
            found.setdefault(_owner(wanted, line.port), line)
            return found.keys() == wanted

        wait_until(connect, 30, "a connection to each process")
        yield list(found.values())


def _owner(pids: Iterable[int], port: int) -> int:
    """The process that has accepted the connection from this port."""
    for pid in pids:
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.raddr and connection.raddr.port == port:
                return pid
    raise LookupError(port)


def warm(lines: list[Line], *requests: bytes) -> None:
    """Ask until each process has the answers in its table."""
    for request in requests:
        for line in lines:
            wait_until(lambda line=line, request=request: line.ask(request).from_table, 30, "an answer from the table")  # type: ignore[misc]


def redis_of(gateway: GatewayProcesses) -> redis.Redis:
    return redis.Redis.from_url(f"unix://{gateway.home}/redis.sock")


# --- answers from the table ---


def test_the_official_client_is_answered_from_the_table(gateway: GatewayProcesses) -> None:
    text = f"the official client, question {next(_numbers)}"
    with OpenAI(base_url=gateway.base_url, api_key=KEY, max_retries=0) as client:

        def ask(**more: Any) -> Any:
            return client.chat.completions.with_raw_response.create(
                model="sim-model", messages=[{"role": "user", "content": text}], **more
            )

        def from_table() -> Any:
            reply = ask()
            return reply if reply.headers["x-leo-request-id"][24:32] == "0" * 8 else None

        first = ask().parse()
        again = wait_until(from_table, 30, "an answer from the table").parse()
        assert again.choices == first.choices
        assert (again.usage, again.model) == (first.usage, first.model)
        assert again.id != first.id
        assert again.optimization_metrics["cache_hit"] is True

        def streamed() -> str:
            reply = ask(stream=True)
            pieces = [choice.delta.content or "" for chunk in reply.parse() for choice in chunk.choices]
            assert "".join(pieces) == first.choices[0].message.content
            return str(reply.headers["x-leo-request-id"])

        wait_until(lambda: streamed()[24:32] == "0" * 8, 30, "a stream from the table")


def test_hits_in_one_packet_come_in_order_and_are_counted_up(lines: list[Line]) -> None:
    requests = [post(question()) for _ in range(3)]
    warm(lines, *requests)
    for line in lines:
        texts = [line.ask(request).text for request in requests]
        for number in (2, 3):
            line.send(b"".join(requests[:number]))
            assert [line.reply().text for _ in range(number)] == texts[:number]
        line.send(requests[0] * 3)
        ids = [line.reply().id for _ in range(3)]
        assert len({each[:24] for each in ids}) == 1
        first = int(ids[0][24:], 16)
        assert [int(each[24:], 16) for each in ids] == [first, first + 1, first + 2]


def test_known_and_new_requests_in_one_packet_come_in_order(lines: list[Line]) -> None:
    known, new = post(question()), post(question())
    warm(lines, known)
    for line in lines:
        text = line.ask(known).text
        line.send(known + new + known + b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n" + known)
        replies = [line.reply() for _ in range(5)]
        assert [reply.status for reply in replies] == [200] * 5
        assert [replies[place].text for place in (0, 2, 4)] == [text] * 3
        assert json.loads(replies[3].body) == {"status": "ok"}
        assert replies[0].from_table


def test_a_stream_from_the_table_is_a_stream(lines: list[Line]) -> None:
    request = post(question(stream=True))
    warm(lines, request)
    reply = lines[0].ask(request)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.body.startswith(b"data: {")
    assert reply.body.endswith(b"data: [DONE]\n\n")


def behind(line: Line) -> None:
    """Let the process of this connection come round to all that was sent to it before."""
    assert line.ask(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n").status == 200


def test_a_request_may_come_in_any_pieces(gateway: GatewayProcesses, lines: list[Line]) -> None:
    request = post(question())
    warm(lines, request)
    cut = request.index(b"\r\n\r\n") + 4
    pid = _owner(gateway.pids(WEB), lines[0].port)
    with each_process(gateway) as others:
        (other,) = [other for other in others if _owner([pid, *gateway.pids(WEB)], other.port) == pid]
        for pieces in ([request[:cut], request[cut:]], [request[: cut + 5], request[cut + 5 :]], [request[:10], request[10:]]):
            for piece in pieces:
                lines[0].send(piece)
                behind(other)
            assert lines[0].reply().from_table
        for byte in request:
            lines[0].send(bytes([byte]))
        assert lines[0].reply().from_table


def test_a_body_in_chunks_is_known_too(lines: list[Line]) -> None:
    body = question()
    text = lines[0].ask(post(body)).text
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:7], body[7:8], body[8:]))
    request = post(b"", "Transfer-Encoding: chunked", length=False) + chunks + b"0\r\n\r\n"
    warm(lines, request)
    assert lines[0].ask(request).text == text


def test_header_names_may_be_spelled_in_any_case(lines: list[Line]) -> None:
    request = post(question())
    warm(lines, request)
    head, _, body = request.partition(b"\r\n\r\n")
    first, *rest = head.split(b"\r\n")
    for change in (bytes.upper, bytes.lower):
        changed = [change(name) + colon + value for name, colon, value in (each.partition(b":") for each in rest)]
        assert lines[0].ask(b"\r\n".join([first, *changed, b"", body])).from_table


@pytest.mark.parametrize("large", [False, True], ids=["small", "larger than is held back"])
def test_what_the_table_does_not_serve_is_served_all_the_same(lines: list[Line], large: bool) -> None:
    request = post(question(metadata={"padding": "x" * 300_000 * large}))
    replies = [lines[0].ask(request) for _ in range(5)]
    assert [reply.cache for reply in replies] == ["miss", *["exact"] * 4]
    assert any(reply.from_table for reply in replies) is not large
    assert len({reply.text for reply in replies}) == 1


# --- HTTP itself ---


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_who_wants_the_connection_closed_gets_its_answer_and_then_an_end(
    gateway: GatewayProcesses, lines: list[Line], version: str, known: bool
) -> None:
    body = question()
    if known:
        warm(lines, post(body))
    with Line(gateway) as line:
        reply = line.ask(post(body, *["Connection: close"] * (version == "1.1"), version=version))
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert reply.text
        assert line.ended()


def test_who_expects_to_be_told_to_continue_is_told(lines: list[Line]) -> None:
    body = question()
    warm(lines, post(body))
    head = post(body, "Expect: 100-continue").removesuffix(body)
    for _ in range(3):
        lines[0].send(head)
        assert lines[0].reply().status == 100
        assert lines[0].ask(body).cache == "exact"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_not_answered_from_the_table(lines: list[Line], method: str) -> None:
    body = question()
    warm(lines, post(body))
    lines[0].send(post(body, method=method))
    reply = lines[0].reply(body=method != "HEAD")
    if method == "OPTIONS":
        assert reply.status == 200
    else:
        assert reply.status == 405
        assert reply.headers["allow"] == "OPTIONS, POST"
    assert lines[0].ask(post(body)).from_table


def test_an_answer_to_head_is_that_to_get_without_its_body(line: Line) -> None:
    request = b"%b /health HTTP/1.1\r\nHost: h\r\n\r\n"
    line.send(request % b"HEAD")
    head = line.reply(body=False)
    get = line.ask(request % b"GET")
    assert (head.status, head.headers["content-length"]) == (200, get.headers["content-length"])


OFFER = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_client_that_offers_http_2_with_its_request_is_answered_in_http_1(line: Line, chunked: bool) -> None:
    """As Java's client does with each new connection, and curl --http2."""
    body = question()
    request = post(body, *OFFER)
    if chunked:
        request = post(b"", *OFFER, "Transfer-Encoding: chunked", length=False) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    replies = [line.ask(request) for _ in range(3)]
    assert [(reply.status, reply.cache) for reply in replies] == [(200, "miss"), (200, "exact"), (200, "exact")]
    assert line.ask(post(body)).text == replies[0].text


def test_the_offer_and_the_body_may_come_apart(gateway: GatewayProcesses, line: Line) -> None:
    body = question()
    line.send(post(body, *OFFER).removesuffix(body))
    with each_process(gateway) as others:
        for other in others:
            behind(other)
    assert line.ask(body).cache == "miss"


def test_what_follows_a_body_in_chunks_does_not_count_as_headers(line: Line) -> None:
    body = question()
    head = post(b"", "Transfer-Encoding: chunked", length=False).replace(b"X-API-Key", b"X-Other")
    reply = line.ask(head + b"%x\r\n%b\r\n0\r\nX-API-Key: %b\r\n\r\n" % (len(body), body, KEY.encode()))
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (401, "missing_api_key")


def test_a_body_above_the_bound_is_refused(line: Line) -> None:
    size = 21 * 1024 * 1024
    with suppress(ConnectionError):  # the gateway may hang up when it has heard enough
        line.send(post(b"", f"Content-Length: {size}", length=False))
        for _ in range(21):
            line.send(b"x" * 1024 * 1024)
    reply = line.reply()
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (413, "request_too_large")
    assert line.ended()


def test_a_head_without_an_end_is_cut_off(gateway: GatewayProcesses, line: Line) -> None:
    filler = b"X-Filler: " + b"x" * 1000 + b"\r\n"

    def send_on() -> None:
        for _ in range(100_000):
            line.send(filler)

    line.send(b"POST /v1/chat/completions HTTP/1.1\r\n")
    with pytest.raises(ConnectionError):
        send_on()
    assert gateway.get("/health").status == 200


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", b"hello\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ids=["TLS", "words", "HTTP/2"],
)
def test_what_is_not_http_is_refused(lines: list[Line], garbage: bytes) -> None:
    request = post(question())
    warm(lines, request)
    lines[0].send(request + garbage)
    known, refused = lines[0].reply(), lines[0].reply()
    assert (known.status, refused.status, refused.headers["connection"]) == (200, 400, "close")
    assert json.loads(refused.body)["error"]["code"] == "invalid_http"
    assert lines[0].ended()


# --- promises that hold within a second, in every process ---


class Seen(NamedTuple):
    """One request of those that are made all the time. `begun` and `ended` are monotonic seconds."""

    process: int
    begun: float
    ended: float
    reply: Reply


class Asking:
    """Asks the same of each process, again and again, and keeps what was said."""

    def __init__(self, lines: list[Line], request: bytes) -> None:
        self.seen: list[Seen] = []
        self._lines = lines
        self._request = request
        self._stop = threading.Event()
        self._failed: list[BaseException] = []
        self._threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(len(lines))]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not self._failed, self._failed

    def _ask(self, place: int) -> None:
        try:
            while not self._stop.wait(PAUSE_S):
                begun = time.monotonic()
                reply = self._lines[place].ask(self._request)
                self.seen.append(Seen(place, begun, time.monotonic(), reply))
        except BaseException as error:  # noqa: BLE001
            self._failed.append(error)

    def everywhere(self, such: Callable[[Seen], bool], what: str, number: int = 1) -> None:
        """Wait until each process has given so many such replies."""

        def count() -> bool:
            assert not self._failed, self._failed
            found = [one.process for one in list(self.seen) if such(one)]
            return all(found.count(place) >= number for place in range(len(self._lines)))

        wait_until(count, 60, what)

    def since(self, moment: float) -> list[Seen]:
        """What was begun after this moment; there are some such requests of each process."""
        self.everywhere(lambda one: one.begun > moment, "requests after that", 5)
        return [one for one in list(self.seen) if one.begun > moment]

    def only_from_tables(self) -> None:
        """Each process has served from its table, and does so still."""
        for _ in range(2):
            now = time.monotonic()
            self.everywhere(lambda one, now=now: one.begun > now and one.reply.from_table, "answers from the tables")  # type: ignore[misc]


@contextmanager
def failing(upstream: SimulatedUpstream) -> Iterator[None]:
    upstream.configure(error_rate=1.0, error_status=500)
    try:
        yield
    finally:
        upstream.configure(error_rate=0.0)


def entry_of(line: Line, request: bytes) -> str:
    return line.ask(request).headers["x-leo-entry-id"]


def told(gateway: GatewayProcesses, path: str, body: dict[str, Any], key: str = KEY) -> None:
    """Tell one of the processes, whichever it is."""
    response = gateway.ask(body, path=path, key=key)
    assert response.status == 200, response.data


def test_a_revoked_key_is_refused_everywhere(gateway: GatewayProcesses, lines: list[Line]) -> None:
    engine = create_engine(f"sqlite:///{gateway.home}/leo.db")
    keys = KeyStore(engine)
    keys.ensure_tenant("leaving", "leaving")
    public_id, key = keys.create("leaving", "test")
    request = post(question(), key=key)
    with Asking(lines, request) as asking:
        asking.only_from_tables()
        keys.revoke(public_id)
        revoked = time.monotonic()
        late = asking.since(revoked + SECOND)
    engine.dispose()
    assert {one.reply.status for one in late} == {401}


def test_an_answer_that_is_wrong_is_served_by_nobody(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, lines: list[Line]
) -> None:
    request = post(question())
    with Asking(lines, request) as asking:
        asking.only_from_tables()
        with failing(upstream):
            told(gateway, "/optimization/cache/feedback", {"entry_id": entry_of(lines[0], request), "is_correct": False})
            late = asking.since(time.monotonic() + SECOND)
        assert {one.reply.status for one in late} == {500}
        asking.only_from_tables()


def test_an_answer_that_is_deleted_in_redis_is_served_by_nobody(
    gateway: GatewayProcesses, upstream: SimulatedUpstream, lines: list[Line]
) -> None:
    request = post(question(), BY_LETTER)
    with Asking(lines, request) as asking, redis_of(gateway) as client:
        asking.only_from_tables()
        with failing(upstream):
            assert client.delete(answer_key(entry_of(lines[0], request))) == 1
            late = asking.since(time.monotonic() + SECOND)
        assert {one.reply.status for one in late} == {500}
        asking.only_from_tables()


def test_a_cache_that_is_switched_off_serves_nobody(gateway: GatewayProcesses, lines: list[Line]) -> None:
    request = post(question())
    switch = {"strategy": "adaptive_cache", "enabled": False}
    with Asking(lines, request) as asking:
        asking.only_from_tables()
        told(gateway, "/optimization/enable", switch)
        try:
            late = asking.since(time.monotonic() + SECOND)
        finally:
            told(gateway, "/optimization/enable", {**switch, "enabled": True})
        assert {one.reply.status for one in late} == {200}
        assert {one.reply.cache for one in late} <= {"miss", "dedup"}
        asking.only_from_tables()


def test_a_model_that_is_taken_from_the_table_is_answered_by_nobody(gateway: GatewayProcesses, lines: list[Line]) -> None:
    models = gateway.home / "models.yaml"
    before = models.read_text()
    request = post(question().replace(b"sim-model", b"leaving"))
    with Asking(lines, request) as asking:
        asking.only_from_tables()
        models.write_text(before.replace("leaving:", "left:"))
        told(gateway, "/admin/models/reload", {}, key=ADMIN_KEY)
        asking.everywhere(lambda one: one.reply.status == 404, "the model being unknown")
        late = asking.since(time.monotonic())
        assert {one.reply.status for one in late} == {404}
        models.write_text(before)
        told(gateway, "/admin/models/reload", {}, key=ADMIN_KEY)
        asking.only_from_tables()


def test_connections_to_redis_that_are_cut_cost_nobody_an_answer(gateway: GatewayProcesses, lines: list[Line]) -> None:
    request = post(question())
    with Asking(lines, request) as asking, redis_of(gateway) as client:
        asking.only_from_tables()
        for _ in range(3):
            for kind in ("normal", "pubsub"):
                client.client_kill_filter(_type=kind, skipme=True)
            asking.only_from_tables()
    assert {one.reply.status for one in asking.seen} == {200}
    assert len({one.reply.text for one in asking.seen}) == 1


def test_while_redis_stands_still_the_tables_do_not_go_on_alone(gateway: GatewayProcesses, lines: list[Line]) -> None:
    request = post(question())
    (server,) = gateway.pids("redis-server")
    with Asking(lines, request) as asking, each_process(gateway) as others:
        asking.only_from_tables()
        os.kill(server, signal.SIGSTOP)
        stopped = time.monotonic()
        try:
            wait_until(lambda: time.monotonic() > stopped + SECOND, what="a second")
            for other in others:
                other.send(request)
            assert [other.reply().status for other in others] == [503, 503]
            going_on = time.monotonic()
        finally:
            os.kill(server, signal.SIGCONT)
        asking.only_from_tables()
    frozen = {one.reply.status for one in asking.seen if one.begun > stopped + SECOND and one.ended < going_on}
    assert frozen <= {503}
    assert {one.reply.status for one in asking.seen} == {200, 503}
    assert len({one.reply.text for one in asking.seen if one.reply.status == 200}) == 1


def test_a_web_process_that_is_killed_is_missed_by_nobody_else_and_comes_back(
    gateway: GatewayProcesses, lines: list[Line]
) -> None:
    request = post(question())
    warm(lines, request)
    before = gateway.pids(WEB)
    lost = _owner(before, lines[0].port)
    with Asking(lines[1:], request) as asking:
        os.kill(lost, signal.SIGKILL)
        assert lines[0].ended()
        wait_until(lambda: len(set(gateway.pids(WEB)) - {lost}) == 2, 60, "the process having been started again")
        with each_process(gateway) as fresh:
            warm(fresh, request)
            asking.only_from_tables()
            assert all(fresh_line.ask(request).text == asking.seen[0].reply.text for fresh_line in fresh)
    assert {one.reply.status for one in asking.seen} == {200}


# --- gateways of their own ---

TTL_S = 3.0


@pytest.fixture(scope="module")
def short(upstream: SimulatedUpstream) -> Iterator[GatewayProcesses]:
    """One whose answers live for a short time. The last of the tests here stops it."""
    settings = {"LEO_WEB_PROCESSES": "2", "LEO_EXACT_TTL_S": f"{TTL_S:g}"}
    with GatewayProcesses(upstream.base_url, **settings, **ONE_CALL) as running:
        yield running


def test_an_answer_is_served_by_nobody_after_its_end(short: GatewayProcesses, upstream: SimulatedUpstream) -> None:
    with each_process(short) as lines, Asking(lines, post(question(), BY_LETTER)) as asking:
        asking.only_from_tables()
        with failing(upstream):
            asking.everywhere(lambda one: one.reply.status == 500, "the answer having ended")
            late = asking.since(time.monotonic())
    assert {one.reply.status for one in late} == {500}
    # It was stored before the caller of the miss had it, and lives from then on.
    last = max(one.ended for one in asking.seen if one.reply.cache == "miss" and one.reply.status == 200)
    assert not [one for one in asking.seen if one.begun > last + TTL_S and one.reply.status == 200]


def test_every_answer_is_in_the_ledger_once_when_all_has_stopped(short: GatewayProcesses) -> None:
    requests = [post(question()) for _ in range(3)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        lines = [line for _ in range(3) for line in stack.enter_context(each_process(short))]

        def ask(line: Line) -> list[Reply]:
            replies = [line.ask(request) for _ in range(100) for request in requests]
            line.send(requests[0] * 20)
            return replies + [line.reply() for _ in range(20)]

        replies = [reply for found in pool.map(ask, lines) for reply in found]
        # Another method with the same bytes is no hit; and of these hits the ledger hears by processes that are about to end.
        assert {line.ask(requests[0].replace(b"POST", b"PUT", 1)).status for line in lines} == {405}
        replies += [line.ask(requests[0]) for line in lines]
        short.stop()
    assert {reply.status for reply in replies} == {200}
    assert len({reply.id for reply in replies}) == len(replies)
    from_table = sum(reply.from_table for reply in replies)
    assert from_table > len(replies) / 2
    assert counted(short, {reply.headers["x-leo-entry-id"] for reply in replies}) == (from_table, len(replies) - from_table)


def counted(gateway: GatewayProcesses, entries: set[str]) -> tuple[int, int]:
    """How many requests for these answers stand in the ledger: as hits of a table, and as others."""
    marks = ", ".join("?" * len(entries))
    with contextlib.closing(sqlite3.connect(f"file:{gateway.home}/leo.db?mode=ro", uri=True)) as db:
        ((hits,),) = db.execute(f"select coalesce(sum(hits), 0) from ledger_hits where log_key in ({marks})", [*entries])
        ((requests,),) = db.execute(f"select count(*) from ledger_requests where log_key in ({marks})", [*entries])
    return hits, requests


def test_without_a_table_all_is_served_and_nothing_from_it(upstream: SimulatedUpstream) -> None:
    with GatewayProcesses(upstream.base_url, LEO_HOT_CACHE_MB="0", **ONE_CALL) as own, Line(own) as line:
        whole, streamed = post(question()), post(question(stream=True))
        for request in (whole, streamed):
            replies = [line.ask(request) for _ in range(6)]
            assert [reply.cache for reply in replies] == ["miss", *["exact"] * 5]
            assert not any(reply.from_table for reply in replies)
        line.send(whole + streamed)
        assert [line.reply().cache for _ in range(2)] == ["exact", "exact"]
        with redis_of(own) as client:
            assert not [each for each in client.client_list() if "t" in each["flags"]]
        assert not re.search("Traceback|ERROR", own.log)
