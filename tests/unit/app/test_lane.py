"""The fast lane: which requests it takes for the same, when it answers, what it notes, and what the ledger hears."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.completion import stored
from app.lane import FLUSH_S, IRRELEVANT, MAX_SEEN, MAX_SPELLINGS, MAX_UNWRITTEN, PATHS, Lane
from app.receipt import Receipt
from pipeline.admission.runs import Admission
from pipeline.cache.hot import Held, HotTable
from pipeline.door import Entry
from pipeline.ledger.events import Entry as StreamEntry
from pipeline.ledger.events import HitsEvent, RequestEvent, decode
from pipeline.ledger.hits import expand
from pipeline.request.model import Request
from pipeline.storage.authenticate import Standing
from pipeline.storage.key_format import Principal
from tests.support.runs import make_answer, make_plan
from tests.support.waiting import wait_until

ACME = Principal(tenant="acme", key_id="k1", is_admin=False, bring_own_key=False)
CHAT = b"/v1/chat/completions"
DATE = [(b"date", b"today")]
HOUR = 3600.0
NOW = -1.0  # a moment that is over

# --- what is the same request ---

Headers = list[tuple[bytes, bytes]]
SENT: Headers = [(b"host", b"h"), (b"x-api-key", b"k"), (b"content-type", b"application/json"), (b"content-length", b"2")]


def changed(name: bytes, value: bytes) -> Headers:
    return [(known, value if known == name else old) for known, old in SENT]


@pytest.mark.parametrize(
    ("url", "headers", "body"),
    [
        (b"/v1/embeddings", SENT, b"{}"),
        (CHAT, SENT, b"{ }"),
        (CHAT, SENT, b""),
        (CHAT, changed(b"x-api-key", b"K"), b"{}"),
        (CHAT, changed(b"content-type", b"text/plain"), b"{}"),
        (CHAT, [pair for pair in SENT if pair[0] != b"x-api-key"], b"{}"),
        (CHAT, [*SENT, (b"x-api-key", b"k")], b"{}"),
        (CHAT, [*SENT, (b"x-leo-disable", b"cache")], b"{}"),
        (CHAT, [*SENT, (b"cache-control", b"no-cache")], b"{}"),
        (CHAT, [*SENT, (b"authorization", b"Bearer k")], b"{}"),
        (CHAT, [*SENT, (b"x-nobody-knows-this", b"")], b"{}"),
        (CHAT, SENT[::-1], b"{}"),
    ],
    ids=[
        *("path", "a space in the body", "no body", "a letter of the key", "type", "no key", "a key twice", "control"),
        *("cache control", "bearer", "unknown header", "order"),
    ],
)
def test_whatever_the_application_might_read_makes_another_request(url: bytes, headers: Headers, body: bytes) -> None:
    assert Lane.key(url, headers, body) != Lane.key(CHAT, SENT, b"{}")


@pytest.mark.parametrize("name", sorted(IRRELEVANT))
def test_what_no_view_reads_makes_no_difference(name: bytes) -> None:
    others = [pair for pair in SENT if pair[0] != name]
    for headers in (others, [*others, (name, b"a")], [(name, b"b"), *others, (name, b"c")]):
        assert Lane.key(CHAT, headers, b"{}") == Lane.key(CHAT, others, b"{}")


def test_the_controls_that_views_read_are_not_among_the_irrelevant_headers() -> None:
    read = b"authorization x-api-key cache-control idempotency-key x-leo-disable x-leo-deadline content-type content-encoding"
    assert not IRRELEVANT & {*read.split(), b"cookie", b"transfer-encoding", b"range", b"if-none-match"}
    assert all(name == name.lower() for name in IRRELEVANT)


def test_no_two_requests_look_alike() -> None:
    """All small requests of few letters, as the parser lets them through: they differ in where one part ends."""
    pairs = [(name, value) for name in (b"a", b"b", b"ab") for value in (b"", b"a", b"b", b"a:b")]
    headers = [[], *([pair] for pair in pairs), *([one, other] for one in pairs for other in pairs)]
    bodies = [b"".join(letters) for length in range(5) for letters in itertools.product((b"a", b"b", b":", b"\n"), repeat=length)]
    keys = {Lane.key(CHAT, each, body) for each in headers for body in bodies}
    assert len(keys) == len(headers) * len(bodies)


# --- a lane, and what stands around it ---


@dataclass
class Switches:
    version: int = 1
    good_until: float = float("inf")
    stale_at: float = float("inf")
    asked: int = 0

    def refresh(self) -> None:
        self.asked += 1


@dataclass
class Models:
    current: object = field(default_factory=object)


@dataclass
class Asked:
    """An authenticator that notes whose key it was to ask about."""

    standings: list[Standing] = field(default_factory=list)

    def refresh(self, standing: Standing) -> None:
        self.standings.append(standing)


@dataclass
class Ledger:
    waiting: int = 0
    entries: list[StreamEntry] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)

    def add_entries(self, entries: list[StreamEntry], weight: int) -> None:
        self.entries += entries
        self.weights.append(weight)

    def hits(self) -> list[RequestEvent]:
        events = [decode(entry["k"].decode(), entry["d"]) for entry in self.entries]
        return [hit for event in events if isinstance(event, HitsEvent) for hit in expand(event)]


class House:
    """A lane, and a request with which the application has answered it."""

    def __init__(self, max_bytes: int = 10_000_000, table: Any = None) -> None:
        self.table: HotTable = table or HotTable(max_bytes)
        self.table.trust(time.monotonic() + HOUR)
        self.wanted: list[str] = []
        self.switches, self.models, self.authenticator, self.ledger = Switches(), Models(), Asked(), Ledger()
        self.standing = Standing(ACME, "", asked_at=time.monotonic() + HOUR)
        self.lane = Lane(
            table=self.table,
            want=self.wanted.append,
            authenticator=self.authenticator,  # type: ignore[arg-type]
            switches=self.switches,  # type: ignore[arg-type]
            models=self.models,  # type: ignore[arg-type]
            ledger=self.ledger,  # type: ignore[arg-type]
        )

    def hold(self, content_key: str = "k1", **answer: Any) -> Held:
        assert self.table.put(content_key, make_answer(**answer), time.monotonic() + HOUR)
        held = self.table.get(content_key)
        assert held is not None
        return held

    def note(self, request: bytes = b"request", times: int = 2, **changes: Any) -> None:
        """As a view does, after it has answered a request from the cache."""
        for _ in range(times):
            self.lane.remember(request, *self.noted(**changes))

    def noted(self, basis: Any = None, standing: Any = ..., verdict: str = "done", **plan: Any) -> Any:
        receipt = Receipt("chat/completions")
        receipt.principal = ACME
        receipt.request = Request(endpoint="chat/completions", body=b"{}", params={"model": "m"})
        receipt.enter(Entry(make_plan(**plan), Admission(verdict, answer=make_answer()), None, never))
        return basis or self.lane.basis(), receipt, self.standing if standing is ... else standing, stored

    def ask(self, key: bytes = b"request") -> bytes | None:
        async def asked() -> bytes | None:
            return self.lane.reply(key, time.monotonic(), DATE)

        return asyncio.run(asked())

    def nothing_left(self) -> bool:
        return not self.lane._known and not self.lane._spellings


def never() -> Entry:
    raise AssertionError("nothing was lost")


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def known(house: House) -> House:
    house.hold()
    house.note()
    return house


def parsed(reply: bytes | None) -> tuple[bytes, dict[str, str], bytes]:
    assert reply is not None
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, {name: value for name, _, value in (line.decode("latin-1").partition(": ") for line in lines)}, body


# --- when it answers ---


def test_a_request_that_is_known_is_answered_whole(known: House) -> None:
    first, headers, body = parsed(known.ask())
    assert first == b"HTTP/1.1 200 OK"
    assert (headers["date"], headers["x-leo-cache"], headers["content-length"]) == ("today", "exact", str(len(body)))
    assert headers["x-leo-request-id"] == headers["x-request-id"]
    assert headers["x-leo-request-id"].encode() in body


def test_the_server_s_own_headers_are_those_of_now(known: House) -> None:
    async def dates() -> list[str]:
        defaults = [[(b"date", b"monday")], [(b"date", b"tuesday"), (b"x", b"y")]]
        return [parsed(known.lane.reply(b"request", 0.0, each))[1]["date"] for each in [*defaults, defaults[0]]]

    assert asyncio.run(dates()) == ["monday", "tuesday", "monday"]


def test_a_request_that_is_not_known_is_not_answered(known: House) -> None:
    assert known.ask(b"another") is None


def test_ids_are_new_and_the_time_is_that_of_the_server(known: House) -> None:
    replies = [parsed(known.ask()) for _ in range(3)]
    assert len({headers["x-leo-request-id"] for _, headers, _ in replies}) == 3
    assert len({body[: body.index(b'"object"')] for _, _, body in replies}) == 3
    assert all(abs(int(headers["age"]) - (time.time() - 1000)) < 60 for _, headers, _ in replies)


def expire(house: House) -> None:
    held = house.table.get("k1")
    assert held is not None
    held.expires = NOW


def die(house: House) -> None:
    held = house.table.get("k1")
    assert held is not None
    held.live = False


REASONS: dict[str, Callable[[House], object]] = {
    "the answer is just being dropped": die,
    "the answer was dropped": lambda house: house.table.drop("k1"),
    "the answer was replaced": lambda house: house.hold(body=b"{}"),
    "the answer has ended": expire,
    "the table is not trusted": lambda house: setattr(house.table, "trusted_until", NOW),
    "the connection was lost": lambda house: house.table.forget_all(),
    "the key was revoked": lambda house: setattr(house.standing, "good_until", 0.0),
    "the key was not asked about lately": lambda house: setattr(house.standing, "good_until", NOW),
    "the switches were not read lately": lambda house: setattr(house.switches, "good_until", NOW),
    "a switch has changed": lambda house: setattr(house.switches, "version", 2),
    "the model table has changed": lambda house: setattr(house.models, "current", object()),
    "the ledger is full": lambda house: setattr(house.ledger, "waiting", MAX_UNWRITTEN),
}


@pytest.mark.parametrize("reason", REASONS)
def test_each_thing_on_which_the_decision_rests_ends_it_alone(known: House, reason: str) -> None:
    assert known.ask() is not None
    known.lane.flush()
    REASONS[reason](known)
    assert known.ask() is None
    known.lane.flush()
    assert len(known.ledger.hits()) == 1


def test_below_their_bounds_nothing_ends_it(known: House) -> None:
    known.ledger.waiting = MAX_UNWRITTEN - 1
    known.standing.good_until = known.switches.good_until = time.monotonic() + 60
    assert known.ask() is not None
    assert (known.authenticator.standings, known.switches.asked) == ([], 0)


def test_what_grows_old_is_asked_for_before_it_is_too_old(known: House) -> None:
    known.standing.stale_at = known.switches.stale_at = NOW
    assert known.ask() is not None
    assert (known.authenticator.standings, known.switches.asked) == ([known.standing], 1)
    known.standing.good_until = known.switches.good_until = NOW
    assert known.ask() is None
    assert (len(known.authenticator.standings), known.switches.asked) == (2, 2)


def test_a_hit_counts_as_use_of_the_answer(known: House) -> None:
    known.table.take_used()
    known.ask()
    assert known.table.take_used() == ["k1"]


def test_without_a_table_there_is_no_path_to_look_at() -> None:
    assert House().lane.paths == PATHS
    assert House(max_bytes=0).lane.paths == frozenset()


# --- what it notes ---


def test_what_is_not_held_yet_is_wanted(house: House) -> None:
    house.note(times=3)
    assert house.wanted == ["k1"] * 3
    assert house.nothing_left()


def test_only_what_comes_a_second_time_is_noted(house: House) -> None:
    house.hold()
    house.note(times=1)
    assert (house.ask(), house.nothing_left(), house.wanted) == (None, True, [])
    house.note(times=1)
    assert house.ask() is not None


def test_a_request_that_was_seen_before_its_answer_was_held_has_come_already(house: House) -> None:
    house.note(times=1)
    house.hold()
    house.note(times=1)
    assert house.ask() is not None


def test_a_client_that_never_repeats_itself_leaves_nothing(house: House) -> None:
    house.hold()
    for number in range(MAX_SEEN + 10):
        house.note(b"%d" % number, times=1)
    assert house.nothing_left()
    assert len(house.lane._seen) <= MAX_SEEN


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "f"},
        {"max_age": 60.0},
        {"verdict": "replay", "fingerprint": "f"},
        {"verdict": "replay"},
        {"lookup": False},
        {"standing": None},
        {"standing": Standing(Principal("other", "k1", is_admin=False, bring_own_key=False), "", float("inf"))},
        {"standing": Standing(Principal("acme", "k1", is_admin=False, bring_own_key=True), "", float("inf"))},
    ],
    ids=[
        *("with an idempotency key", "with a maximal age", "a replay", "a replay without a key", "not from the cache"),
        *("a key that is not certain", "a key of another tenant", "a key whose rights have changed"),
    ],
)
def test_what_the_next_request_may_not_get_as_well_is_not_noted(house: House, changes: dict[str, Any]) -> None:
    house.hold()
    house.note(**changes)
    assert house.nothing_left()
    assert house.ask() is None


@pytest.mark.parametrize("what", ["switches", "models"])
def test_a_change_while_the_application_decides_spoils_the_note(house: House, what: str) -> None:
    house.hold()
    basis = house.lane.basis()
    house.switches.version += what == "switches"
    house.models.current = object() if what == "models" else house.models.current
    house.note(basis=basis)
    assert house.ask() is None
    house.note(times=1)
    assert house.ask() is not None


def test_a_key_that_was_found_revoked_while_the_application_answered_is_not_served(house: House) -> None:
    house.hold()
    house.standing.good_until = 0.0
    house.note()
    assert house.ask() is None


def test_of_many_spellings_the_last_ones_are_kept(house: House) -> None:
    house.hold()
    keys = [b"%d" % number for number in range(MAX_SPELLINGS + 5)]
    for key in keys:
        house.note(key)
    assert [house.ask(key) is not None for key in keys] == [False] * 5 + [True] * MAX_SPELLINGS
    assert len(house.lane._known) == MAX_SPELLINGS


def test_the_same_request_may_be_noted_any_number_of_times(known: House) -> None:
    other = b"another spelling"
    known.note(other)
    for _ in range(3 * MAX_SPELLINGS):
        known.switches.version += 1  # nothing that was noted before holds any more
        assert known.ask() is None
        known.note(times=1)
        assert known.ask() is not None
    assert known.lane._known.keys() == {b"request", other}


def test_an_answer_is_charged_for_what_is_kept_of_it(house: House) -> None:
    held = house.hold()
    alone = held.bytes

    def charged() -> int:
        house.table.tend(time.monotonic())
        return held.bytes - alone

    house.note()
    once = charged()
    assert once > 500
    for _ in range(3):
        house.switches.version += 1
        house.note()
    assert charged() == once
    for number in range(2 * MAX_SPELLINGS):
        house.note(b"%d" % number)
    assert charged() == MAX_SPELLINGS * once


def test_what_is_dropped_leaves_nothing_behind(house: House) -> None:
    for number in range(3):
        house.hold(f"k{number}")
        for spelling in range(2 * MAX_SPELLINGS):
            house.note(b"%d %d" % (number, spelling), key=f"k{number}")
    house.table.drop("k1")
    assert len(house.lane._known) == 2 * MAX_SPELLINGS
    assert house.lane._spellings.keys() == {"k0", "k2"}
    house.table.forget_all()
    assert house.nothing_left()


def test_an_answer_that_goes_while_it_is_noted_leaves_nothing_behind(house: House) -> None:
    """The table's thread is let in at the one moment at which it may do harm: when the response is rendered."""
    house.hold()
    house.note(times=1)
    basis, receipt, standing, _ = house.noted()

    def render(*given: Any) -> Any:
        house.table.drop("k1")
        return stored(*given)

    house.lane.remember(b"request", basis, receipt, standing, render)
    assert house.nothing_left()


class DroppedWhenSeen:
    """A table with one answer, which the table's own thread begins to drop when somebody has just seen that it is live."""

    key, answer, max_bytes = "k1", make_answer(), 1

    def __init__(self) -> None:
        self.on_drop: Callable[[Any], None] = lambda _: None
        self._live = True
        self.thread = threading.Thread(target=self._drop)

    def _drop(self) -> None:
        self._live = False
        self.on_drop(self)

    @property
    def live(self) -> bool:
        seen = self._live
        if seen:
            self.thread.start()
            self.thread.join(0.1)  # it has ended by then, or waits for whoever has seen
        return seen

    def get(self, key: str) -> Any:
        return self

    def charge(self, held: Any, extra_bytes: int) -> None:
        pass

    def trust(self, until: float) -> None:
        pass


def test_an_answer_that_goes_right_after_it_was_seen_leaves_nothing_behind() -> None:
    table = DroppedWhenSeen()
    house = House(table=table)
    house.note()
    table.thread.join(20)
    assert house.nothing_left()


# --- what the ledger hears ---


def test_every_hit_is_in_the_ledger_once_under_the_id_that_its_caller_got(known: House) -> None:
    known.note(b"another")
    told = [parsed(known.ask(key))[1]["x-leo-request-id"] for key in [b"request", b"another"] * 10]
    assert known.ledger.entries == []
    known.lane.flush()
    known.lane.flush()
    assert sorted(hit.id for hit in known.ledger.hits()) == sorted(told)
    assert (len(known.ledger.entries), sum(known.ledger.weights)) == (2, 20)
    again = parsed(known.ask())[1]["x-leo-request-id"]
    known.lane.flush()
    assert [hit.id for hit in known.ledger.hits()][20:] == [again]


def test_a_hit_says_who_asked_for_what_and_what_it_saved(known: House) -> None:
    async def one() -> None:
        assert known.lane.reply(b"request", time.monotonic() - 0.25, DATE)

    before = time.time()
    asyncio.run(one())
    known.lane.flush()
    (hit,) = known.ledger.hits()
    assert (hit.tenant, hit.key_id, hit.endpoint, hit.model) == ("acme", "k1", "chat/completions", "m")
    assert (hit.cache, hit.route, hit.status, hit.cost, hit.cost_saved, hit.tokens_saved) == ("exact", "CACHE", 200, 0, 75, 4)
    assert before - 0.001 <= hit.at <= time.time()
    assert 250 <= hit.latency_ms == hit.overhead_ms < 60_000


def test_hits_are_handed_over_soon_and_without_being_asked(known: House) -> None:
    async def some() -> None:
        for _ in range(3):
            assert known.lane.reply(b"request", time.monotonic(), DATE)
        deadline = asyncio.get_running_loop().time() + 20
        while not known.ledger.entries and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(FLUSH_S / 5)
        assert known.lane.reply(b"request", time.monotonic(), DATE)
        while len(known.ledger.hits()) < 4 and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(FLUSH_S / 5)

    asyncio.run(some())
    wait_until(lambda: len(known.ledger.hits()) == 4, what="four hits in the ledger")
    assert known.ledger.weights == [3, 1]
