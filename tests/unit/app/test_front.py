"""The server's side of a connection: what is held back for the lane, what goes on to the application, and what is too much."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.server import ServerState

from app.front import HEAD_PATIENCE_S, MAX_HEAD, MAX_HELD, FrontProtocol, sweep
from app.lane import PATHS, Lane

CHAT = b"/v1/chat/completions"
TYPE = [(b"content-type", b"application/json")]


class Transport(asyncio.Transport):
    """The socket, in memory. What is written to it is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.protocol: FrontProtocol | None = None
        self._closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        assert not self._closing, "nobody reads this"
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            assert self.protocol
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class FakeLane:
    """Knows the requests whose body begins with "known"."""

    paths = PATHS
    key = staticmethod(Lane.key)

    def __init__(self) -> None:
        self.began: list[float] = []
        self._bodies: dict[bytes, bytes] = {}

    def knows(self, url: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._bodies[self.key(url, headers, body)] = body

    def reply(self, key: bytes, began: float, defaults: Any) -> bytes | None:
        self.began.append(began)
        body = self._bodies.get(key)
        return None if body is None else b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\nlane %b" % (len(body) + 5, body)

    @property
    def asked(self) -> int:
        return len(self.began)


class Timers:
    """An event loop that notes which of its timers are set."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: list[asyncio.TimerHandle] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        self._handles.append(self._loop.call_later(delay, callback, *args))
        return self._handles[-1]

    @property
    def running(self) -> int:
        return sum(not handle.cancelled() for handle in self._handles)


@dataclass
class Seen:
    """A request as the application got it."""

    scope: dict[str, Any]
    body: bytes = b""


@dataclass
class Application:
    """Echoes. It answers when `may_answer` is set."""

    seen: list[Seen] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Seen(scope)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            request.body += message["body"]
            if not message["more_body"]:
                break
        self.seen.append(request)
        await self.may_answer.wait()
        text = b"app %b %b" % (scope["method"].encode(), request.body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text, "more_body": False})


class Wire:
    """One connection, from the client's side."""

    def __init__(self, lane: FakeLane | None = None) -> None:
        self.app, self.lane = Application(), lane or FakeLane()
        self.app.may_answer.set()
        self.timers = Timers(asyncio.get_running_loop())
        self.transport, self._state = Transport(), ServerState()
        config = Config(
            self.app, http=FrontProtocol, interface="asgi3", lifespan="off", ws="none", log_config=None, proxy_headers=False
        )  # type: ignore[arg-type]
        self.protocol = self.transport.protocol = FrontProtocol(
            config,
            self._state,
            {},
            self.timers,  # type: ignore[arg-type]
            lane=self.lane,  # type: ignore[arg-type]
        )
        self.protocol.connection_made(self.transport)

    @property
    def connections(self) -> set[Any]:
        """Those that the server knows of."""
        return self._state.connections

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            if not self.transport.is_closing():
                self.protocol.data_received(packet)

    async def settle(self) -> None:
        """Until the application has no more to say: it takes a few steps for each request, and waits for nothing."""
        for _ in range(100):
            await asyncio.sleep(0)

    async def hang_up(self) -> None:
        self.transport.close()
        await self.settle()
        for task in self._state.tasks:
            task.cancel()
        self.protocol._unset_keepalive_if_required()

    @property
    def answers(self) -> list[bytes]:
        """The bodies of the responses so far."""
        found, rest = [], self.transport.written
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            (length,) = [int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
            found.append(rest[:length])
            rest = rest[length:]
        return found


def played(story: Callable[[Wire], Awaitable[None]], lane: FakeLane | None = None) -> Wire:
    async def play() -> Wire:
        wire = Wire(lane)
        await story(wire)
        await wire.settle()
        await wire.hang_up()
        return wire

    return asyncio.run(asyncio.wait_for(play(), 20))


def exchanged(*packets: bytes, lane: FakeLane | None = None) -> Wire:
    async def story(wire: Wire) -> None:
        wire.send(*packets)

    return played(story, lane)


def request(
    body: bytes = b"", *, method: bytes = b"POST", path: bytes = CHAT, version: bytes = b"1.1", extra: bytes = b""
) -> bytes:
    head = b"%b %b HTTP/%b\r\nContent-Type: application/json\r\n%b" % (method, path, version, extra)
    return head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(*pieces: bytes, extra: bytes = b"", trailer: bytes = b"") -> bytes:
    head = b"POST %b HTTP/1.1\r\nContent-Type: application/json\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (CHAT, extra)
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n%b\r\n" % trailer


@pytest.fixture
def lane() -> FakeLane:
    made = FakeLane()
    for body in (b"known", b"known as well", b"known" + b"x" * (MAX_HELD - 5)):
        made.knows(CHAT, TYPE, body)
        made.knows(CHAT, [*TYPE, (b"transfer-encoding", b"chunked")], body)
    return made


# --- what goes where ---


def test_a_request_that_the_lane_knows_never_reaches_the_application(lane: FakeLane) -> None:
    wire = exchanged(request(b"known"), lane=lane)
    assert (wire.answers, wire.app.seen) == ([b"lane known"], [])


def test_another_goes_on_as_if_it_had_not_been_held_back_and_with_its_key(lane: FakeLane) -> None:
    wire = exchanged(request(b"new"), lane=lane)
    (seen,) = wire.app.seen
    assert (wire.answers, seen.body, seen.scope["raw_path"], seen.scope["method"]) == ([b"app POST new"], b"new", CHAT, "POST")
    assert seen.scope["leo.hot_key"] == Lane.key(CHAT, TYPE, b"new")
    assert (b"content-length", b"3") in seen.scope["headers"]


def test_a_request_without_a_body_is_held_as_well(lane: FakeLane) -> None:
    lane.knows(CHAT, TYPE, b"")
    assert exchanged(request(), lane=lane).answers == [b"lane "]


@pytest.mark.parametrize("packets", [1, 50])
@pytest.mark.parametrize("spare", [0, 1])
def test_a_large_request_is_held_back_up_to_a_bound(lane: FakeLane, spare: int, packets: int) -> None:
    body = b"known" + b"x" * (MAX_HELD - 5 + spare)
    data = request(body)
    size = -(-len(data) // packets)
    wire = exchanged(*(data[start : start + size] for start in range(0, len(data), size)), lane=lane)
    assert wire.answers == [(b"app POST " if spare else b"lane ") + body]
    assert lane.asked == 1 - spare
    assert [seen.scope.get("leo.hot_key") for seen in wire.app.seen] == [None] * spare


@pytest.mark.parametrize(
    "data",
    [
        request(b"known", method=b"GET"),
        request(b"known", method=b"HEAD"),
        request(b"known", method=b"PUT"),
        request(b"known", path=b"/v1/chat/completions/"),
        request(b"known", path=b"/v1/chat/completions?a=b"),
        request(b"known", path=b"/v1/models"),
        request(b"known", version=b"1.0"),
        request(b"known", version=b"1.0", extra=b"Connection: keep-alive\r\n"),
        request(b"known", extra=b"Connection: close\r\n"),
        request(b"known", extra=b"Expect: 100-continue\r\n"),
    ],
    ids=["GET", "HEAD", "PUT", "other path", "query", "models", "1.0", "1.0 kept alive", "close", "expect"],
)
def test_what_is_not_an_ordinary_post_is_no_business_of_the_lane(lane: FakeLane, data: bytes) -> None:
    wire = exchanged(data, lane=lane)
    assert (lane.asked, len(wire.app.seen)) == (0, 1)
    assert wire.app.seen[0].body == b"known"
    assert wire.transport.is_closing()


def test_a_request_that_comes_in_chunks_is_known_by_its_body(lane: FakeLane) -> None:
    assert exchanged(chunked(b"kn", b"ow", b"n"), lane=lane).answers == [b"lane known"]


def test_a_body_of_tiny_chunks_is_held_whole() -> None:
    piece = b"1\r\nx\r\n" * 10_000
    head, end = chunked(), b"0\r\n\r\n"
    wire = exchanged(head.removesuffix(end), *[piece] * 26, end)
    assert wire.answers == [b"app POST " + b"x" * 260_000]


def test_the_lane_is_told_when_the_last_of_the_request_came(lane: FakeLane) -> None:
    moments: list[float] = []

    async def story(wire: Wire) -> None:
        data = request(b"known")
        wire.send(data[:-2])
        moments.append(time.monotonic())
        wire.send(data[-2:])
        moments.append(time.monotonic())

    wire = played(story, lane)
    assert moments[0] <= wire.lane.began[0] <= moments[1]


# --- one after the other ---


def test_requests_in_one_packet_are_answered_in_their_order(lane: FakeLane) -> None:
    bodies = [b"known", b"new", b"known as well", b"known", b"newer", b"known"]
    wire = exchanged(b"".join(map(request, bodies)), lane=lane)
    # What comes behind one that the application works on waits for it, known or not.
    assert [answer.split()[-1] for answer in wire.answers] == [body.split()[-1] for body in bodies]
    assert [answer.partition(b" ")[0] for answer in wire.answers[:3]] == [b"lane", b"app", b"app"]


def test_nothing_overtakes_a_request_that_is_being_answered(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        wire.app.may_answer.clear()
        wire.send(request(b"slow"))
        await wire.settle()
        wire.send(request(b"known"))
        await wire.settle()
        assert (wire.answers, wire.lane.asked) == ([], 1)
        wire.app.may_answer.set()
        await wire.settle()
        wire.send(request(b"known"))

    assert played(story, lane).answers == [b"app POST slow", b"app POST known", b"lane known"]


def test_a_client_that_does_not_read_its_answers_gets_no_more_from_the_lane(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        wire.protocol.pause_writing()
        wire.send(request(b"known"))
        await asyncio.sleep(0)
        assert (wire.answers, wire.lane.asked) == ([], 0)
        wire.protocol.resume_writing()

    assert played(story, lane).answers == [b"app POST known"]


kinds = st.sampled_from(
    [
        (request(b"known"), b"known"),
        (request(b"new"), b"new"),
        (request(b"new" * 40), b"new" * 40),
        (request(), b""),
        (chunked(b"known"), b"known"),
        (chunked(b"n", b"ew", trailer=b"X-API-Key: evil\r\n"), b"new"),
        (request(b"new", path=b"/health"), b"new"),
        (request(method=b"GET", path=b"/health"), b""),
        (request(b"known", extra=b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"), b"known"),
        (b"\r\n" + request(b"known"), b"known"),
    ]
)


@given(st.lists(kinds, min_size=1, max_size=4), st.data())
def test_however_the_packets_are_cut_the_answers_are_the_same(sent: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    whole = b"".join(text for text, _ in sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)))
    waits = data.draw(st.lists(st.booleans(), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
    lane = FakeLane()
    lane.knows(CHAT, TYPE, b"known")
    lane.knows(CHAT, [*TYPE, (b"transfer-encoding", b"chunked")], b"known")

    async def story(wire: Wire) -> None:
        for start, end, wait in zip([0, *cuts], [*cuts, len(whole)], waits, strict=True):
            if start < end:
                wire.send(whole[start:end])
            if wait:
                await wire.settle()

    wire = played(story, lane)
    assert [answer.split(b" ")[-1] for answer in wire.answers] == [body for _, body in sent]
    assert not any(name == b"x-api-key" for seen in wire.app.seen for name, _ in seen.scope["headers"])


# --- offers of another protocol ---

OFFERS = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AA==\r\n",
    b"Upgrade: TLS/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
]


@pytest.mark.parametrize("offer", OFFERS, ids=["h2c", "websocket", "two"])
@pytest.mark.parametrize("make", [request, chunked], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("apart", [False, True], ids=["at once", "head and body apart"])
def test_a_client_that_offers_another_protocol_is_answered_in_this_one(
    make: Callable[..., bytes], offer: bytes, apart: bool, caplog: pytest.LogCaptureFixture
) -> None:
    data = make(b"new", extra=offer)
    cut = data.index(b"\r\n\r\n") + 4 if apart else 0
    wire = exchanged(data[:cut], data[cut:] + request(b"second"))
    assert wire.answers == [b"app POST new", b"app POST second"]
    assert (b"content-type", b"application/json") in wire.app.seen[0].scope["headers"]
    assert caplog.text == ""


def test_a_request_without_a_body_may_offer_another_protocol_too() -> None:
    data = b"GET /health?a=b HTTP/1.1\r\nHost: h\r\n" + OFFERS[0] + b"\r\n"
    wire = exchanged(data, data)
    assert wire.answers == [b"app GET ", b"app GET "]
    assert wire.app.seen[0].scope["query_string"] == b"a=b"


def test_an_offer_does_not_hide_how_long_the_connection_shall_last() -> None:
    wire = exchanged(request(b"new", version=b"1.0", extra=b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n"))
    assert wire.app.seen[0].scope["http_version"] == "1.0"
    assert wire.transport.is_closing()


@pytest.mark.parametrize(("target", "answers"), [(b"example.com:443", []), (CHAT, [b"app CONNECT "])], ids=["host", "path"])
def test_a_request_to_be_connected_to_somebody_else_is_not_taken_for_an_offer(target: bytes, answers: list[bytes]) -> None:
    wire = exchanged(b"CONNECT %b HTTP/1.1\r\nHost: example.com\r\n\r\n" % target)
    assert [answer for answer in wire.answers if answer.startswith(b"app ")] == answers
    assert wire.transport.written.startswith(b"HTTP/1.1 200 " if answers else b"HTTP/1.1 400 ")


# --- what does not belong there ---


def test_what_follows_a_body_does_not_count_as_headers(lane: FakeLane) -> None:
    data = chunked(b"known", trailer=b"X-API-Key: evil\r\nX-Two: 2\r\n")
    assert exchanged(data, lane=lane).answers == [b"lane known"]
    (seen,) = exchanged(chunked(b"new", trailer=b"X-API-Key: evil\r\n")).app.seen
    assert seen.scope["headers"] == [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nknown",
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=["TLS", "words", "HTTP/2", "two lengths", "two other lengths", "no length", "a folded header", "no chunk"],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(lane: FakeLane, data: bytes) -> None:
    wire = exchanged(data, lane=lane)
    assert wire.transport.written.startswith(b"HTTP/1.1 400 ")
    assert (wire.transport.is_closing(), lane.asked) == (True, 0)


# --- how much, how long ---

LINE = b"X-Filler: " + b"x" * 1012 + b"\r\n"


@pytest.mark.parametrize(("lines", "closed"), [(MAX_HEAD // 1024 - 1, False), (MAX_HEAD // 1024 + 2, True)])
def test_a_head_may_be_only_so_large(lines: int, closed: bool) -> None:
    async def story(wire: Wire) -> None:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\n", *[LINE] * lines)
        assert wire.transport.is_closing() is closed
        wire.send(b"Content-Length: 3\r\n\r\nnew")

    assert played(story).answers == ([] if closed else [b"app POST new"])


@pytest.mark.parametrize(
    "endless",
    [b"\r\n" * 500, b"0\r\nX-Endless: " + b"x" * 1000, b"1;" + b"x" * 1000],
    ids=["empty lines", "trailer", "chunk extension"],
)
def test_nothing_else_that_brings_no_request_on_goes_on_for_ever(endless: bytes) -> None:
    async def story(wire: Wire) -> None:
        if endless[:1] != b"\r":
            wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(endless)
        filler = endless if endless[:1] == b"\r" else b"x" * 1000
        wire.send(*[filler] * (MAX_HEAD // len(filler) - 2))
        assert not wire.transport.is_closing()
        wire.send(*[filler] * 3)
        assert wire.transport.is_closing()

    played(story)


def test_a_large_body_and_the_beginning_of_the_next_head_may_come_together() -> None:
    async def story(wire: Wire) -> None:
        first, second = request(b"x" * 2 * MAX_HEAD, path=b"/other"), request(b"new")
        wire.send(first[:100])
        wire.send(first[100:] + second[:20])
        wire.send(second[20:])

    assert played(story).answers == [b"app POST " + b"x" * 2 * MAX_HEAD, b"app POST new"]


LONG = HEAD_PATIENCE_S + 1


@pytest.mark.parametrize(
    ("packets", "slow"),
    [
        ([], True),
        ([b"PO"], True),
        ([request(b"new")[:30]], True),
        ([request(b"new")[:-1]], False),
        ([request(b"new")], False),
        ([request(b"known")], False),
        ([request(b"known"), b"PO"], True),
        ([request(b"new") + b"PO"], False),
    ],
    ids=[
        *("nothing", "two letters", "half a head", "half a body", "answered by the application", "answered by the lane"),
        *("half a head after an answer", "half a head behind one that is being answered"),
    ],
)
def test_only_so_long_may_a_head_take(lane: FakeLane, packets: list[bytes], slow: bool) -> None:
    async def story(wire: Wire) -> None:
        wire.app.may_answer.clear()
        wire.send(*packets)
        await wire.settle()
        now = time.monotonic()
        assert wire.connections == {wire.protocol}
        assert not wire.protocol.too_slow(now)
        assert wire.protocol.too_slow(now + LONG) is slow
        sweep(wire.connections, now)
        assert not wire.transport.is_closing()
        sweep(wire.connections, now + LONG)
        assert wire.transport.is_closing() is slow
        wire.app.may_answer.set()

    assert played(story, lane).connections == set()


def test_a_request_whose_head_waited_behind_another_has_its_time_when_that_is_answered(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        wire.app.may_answer.clear()
        first, second = request(b"slow"), request(b"known")
        wire.send(first + second[:30])
        await wire.settle()
        wire.app.may_answer.set()
        await wire.settle()
        assert wire.answers == [b"app POST slow"]
        wire.send(second[30:])

    assert played(story, lane).answers == [b"app POST slow", b"lane known"]


def test_an_idle_connection_has_one_timer_and_a_busy_one_none(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        running = []
        for packet in (request(b"known") * 3, request(b"known"), request(b"known") + b"PO", b"ST"):
            wire.send(packet)
            running.append(wire.timers.running)
        assert running == [1, 1, 0, 0]

    played(story, lane)


def test_no_timer_of_an_answer_from_the_lane_runs_while_the_next_one_is_made(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        wire.app.may_answer.clear()
        wire.send(request(b"known") + request(b"slow"))
        await wire.settle()
        assert (wire.answers, wire.timers.running) == ([b"lane known"], 0)
        wire.app.may_answer.set()
        await wire.settle()
        assert wire.timers.running == 1

    played(story, lane)


# --- the end ---


def test_who_hangs_up_in_the_middle_of_a_body_is_forgotten(lane: FakeLane) -> None:
    wire = exchanged(request(b"known")[:-1], lane=lane)
    assert (lane.asked, wire.app.seen, wire.connections) == (0, [], set())


def test_a_server_that_stops_still_answers_what_is_on_its_way_and_then_hangs_up(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        data = request(b"known")
        wire.send(data[:-2])
        wire.protocol.shutdown()
        assert not wire.transport.is_closing()
        wire.send(data[-2:])
        await wire.settle()
        assert wire.transport.is_closing()
        assert b"\r\nconnection: close\r\n" in wire.transport.written

    assert played(story, lane).answers == [b"app POST known"]


def test_a_server_that_stops_hangs_up_on_who_has_not_asked(lane: FakeLane) -> None:
    async def story(wire: Wire) -> None:
        wire.send(request(b"known"))
        wire.protocol.shutdown()
        assert wire.transport.is_closing()

    played(story, lane)
