"""The table of answers in this process: what it serves, what it costs, and who has to give way."""

from __future__ import annotations

import logging
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from pipeline.admission import answer as answers
from pipeline.cache import hot
from pipeline.cache.hot import Held, HotTable, footprint
from tests.support.clock import FakeClock
from tests.support.runs import make_answer

EMPTY = footprint("k0", make_answer(body=b""))
HOUR = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(clock: FakeClock) -> HotTable:
    return trusted_table(clock)


def trusted_table(clock: FakeClock, max_bytes: int = 1_000_000, **options: object) -> HotTable:
    made = HotTable(max_bytes, clock=clock, **options)  # type: ignore[arg-type]
    made.trust(float("inf"))
    return made


def put(table: HotTable, key: str, size: int = 1000, tenant: str = "t", expires: float = 1000 + HOUR) -> bool:
    return table.put(key, make_answer(tenant=tenant, body=b"x" * size), expires)


def held(table: HotTable, key: str) -> Held:
    found = table.get(key)
    assert found is not None
    return found


# --- what is served ---


def test_what_was_put_is_served(table: HotTable) -> None:
    assert put(table, "a")
    found = held(table, "a")
    assert (found.key, found.answer.body, found.expires, found.live) == ("a", b"x" * 1000, 1000 + HOUR, True)
    assert table.valid(found, 1000.0)
    assert ("a" in table, "b" in table, table.get("b")) == (True, False, None)


def test_nothing_is_served_before_the_first_proof() -> None:
    table = HotTable(1_000_000, clock=FakeClock())
    put(table, "a")
    assert table.get("a") is None
    assert table.trusted_until <= 1000.0


def test_nothing_is_served_after_the_last_proof_has_run_out(clock: FakeClock) -> None:
    table = HotTable(1_000_000, clock=clock)
    put(table, "a")
    table.trust(1000.9)
    table.trust(1000.5)
    found = held(table, "a")
    clock.advance(0.89)
    assert table.get("a") is found
    assert clock() < table.trusted_until
    clock.advance(0.02)
    assert table.get("a") is None
    assert clock() >= table.trusted_until
    assert not table.valid(found, clock())
    table.trust(clock() + 0.9)
    assert table.get("a") is found


def test_nothing_is_served_beyond_its_end(table: HotTable, clock: FakeClock) -> None:
    put(table, "a", expires=1000.5)
    found = held(table, "a")
    clock.advance(0.5)
    assert table.get("a") is None
    assert not table.valid(found, clock())


@pytest.mark.parametrize("reason", ["invalidated", "expired", "evicted"])
def test_what_is_dropped_is_not_served_and_shows_it_to_whoever_kept_it(table: HotTable, reason: hot.Reason) -> None:
    put(table, "a")
    found = held(table, "a")
    table.drop("a", reason)
    assert table.get("a") is None
    assert not found.live
    assert not table.valid(found, 1000.0)
    assert table.drops == {**dict.fromkeys(table.drops, 0), reason: 1}
    assert (table.entries, table.bytes) == (0, 0)


def test_a_new_value_takes_the_place_of_the_old(table: HotTable) -> None:
    put(table, "a", 10)
    old = held(table, "a")
    put(table, "a", 20)
    assert (old.live, len(held(table, "a").answer.body), table.entries) == (False, 20, 1)


def test_a_value_that_is_too_large_takes_the_old_one_with_it(table: HotTable) -> None:
    put(table, "a", 10)
    assert not put(table, "a", 200_000)
    assert table.get("a") is None


def test_all_can_be_forgotten_and_only_a_lost_connection_takes_the_trust(table: HotTable) -> None:
    dropped: list[Held] = []
    table.on_drop = dropped.append
    for reason, trusted in (("invalidated", True), ("connection_lost", False)):
        put(table, "a")
        put(table, "b", tenant="other")
        table.forget_all(reason)  # type: ignore[arg-type]
        assert (table.entries, table.bytes, table.drops[reason]) == (0, 0, 2)  # type: ignore[index]
        assert (table.trusted_until > 1000.0) == trusted
    assert [entry.live for entry in dropped] == [False] * 4


def test_derived_data_that_cannot_go_stops_nothing(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    table = trusted_table(clock, on_drop=lambda entry: 1 // 0)
    put(table, "secret-key")
    put(table, "b")
    with caplog.at_level(logging.ERROR):
        table.forget_all()
    assert (table.entries, table.bytes) == (0, 0)
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


# --- ends ---


def test_what_has_ended_leaves_the_memory_within_a_second_or_two(table: HotTable, clock: FakeClock) -> None:
    for number in range(10):
        put(table, f"k{number}", expires=1000.5 + number)
    for number in range(10):
        table.tend(1001.0 + number)
        assert table.entries == 9 - number
    assert table.drops["expired"] == 10


def test_ends_are_found_after_a_long_time_without_entries(table: HotTable) -> None:
    put(table, "a", expires=1001.0)
    table.tend(1002.0)
    put(table, "b", expires=1e9)
    put(table, "c", expires=1e9 - 5)
    table.tend(1e9 - 4)
    assert ("b" in table, "c" in table) == (True, False)


# --- the bound ---


def test_an_answer_above_an_eighth_of_the_bound_is_not_kept(clock: FakeClock) -> None:
    table = trusted_table(clock, 8 * (EMPTY + 1000))
    assert not put(table, "k1", 1001)
    assert put(table, "k2", 1000)


def test_an_entry_that_was_used_gets_a_second_chance(clock: FakeClock) -> None:
    table = trusted_table(clock, 10 * (EMPTY + 100))
    for number in range(10):
        assert put(table, f"k{number}", 100)
    held(table, "k0")
    held(table, "k1")
    assert put(table, "n1", 100)
    assert put(table, "n2", 100)
    assert {"k0", "k1"} <= set(table._entries)
    assert not {"k2", "k3"} & set(table._entries)
    for number in range(3, 9):
        assert put(table, f"m{number}", 100)
    assert table.get("k0") is not None


def test_second_chances_in_a_row_are_bounded(clock: FakeClock) -> None:
    table = trusted_table(clock, 500 * (footprint("k000", make_answer(body=b""))))
    for number in range(500):
        assert put(table, f"k{number:03}", 0)
        held(table, f"k{number:03}")
    assert put(table, "new1", 0)
    assert (f"k{hot.MAX_CHANCES:03}" in table, "k000" in table) == (False, True)


def test_one_tenants_traffic_pushes_out_nobody_else(clock: FakeClock) -> None:
    table = trusted_table(clock, 100 * (footprint("00-0", make_answer(body=b"")) + 100))
    for tenant in range(10):
        for number in range(5):
            assert put(table, f"{tenant:02}-{number}", 100, tenant=f"t{tenant}")
    for number in range(1000):
        put(table, f"loud-{number}", 100, tenant="loud")
    assert all(f"{tenant:02}-{number}" in table for tenant in range(10) for number in range(5))
    assert table.drops["evicted"] > 900


def test_a_newcomer_gets_room_from_the_largest(clock: FakeClock) -> None:
    table = trusted_table(clock, 100 * (EMPTY + 100))
    for number in range(200):
        put(table, f"old{number}", 100, tenant="old")
    for number in range(200):
        put(table, f"new{number}", 100, tenant="new")
    shares = Counter(entry.answer.tenant for entry in table._entries.values())
    assert abs(shares["old"] - shares["new"]) <= 3


def test_it_is_the_largest_who_makes_room_and_not_the_first(clock: FakeClock) -> None:
    table = trusted_table(clock, 100 * (EMPTY + 100))
    for tenant, count in (("first", 20), ("largest", 50), ("last", 30)):
        for number in range(count):
            assert put(table, f"{tenant}{number}", 94, tenant)
    for number in range(10):
        assert put(table, f"new{number}", 97, tenant="new")
    shares = Counter(entry.answer.tenant for entry in table._entries.values())
    assert (shares["first"], shares["last"], shares["new"]) == (20, 30, 10)


def test_an_answer_for_which_only_smaller_tenants_could_make_room_is_not_kept(clock: FakeClock) -> None:
    table = trusted_table(clock, 100 * (EMPTY + 100))
    kept = [f"k{number:02}" for number in range(95) if put(table, f"k{number:02}", 100, tenant=f"t{number}")]
    assert not put(table, "large", 10 * EMPTY, tenant="new")
    assert all(key in table for key in kept)


def test_what_is_derived_counts_and_pays(clock: FakeClock) -> None:
    table = trusted_table(clock, 10 * (EMPTY + 1000))
    for number in range(8):
        assert put(table, f"k{number}", 1000)
    last, before = held(table, "k7"), table.bytes
    table.charge(last, 500)
    table.tend(1000.0)
    assert (table.bytes, last.bytes) == (before + 500, EMPTY + 1500)
    table.charge(last, -500)
    table.charge(last, 2 * (EMPTY + 1000) + 1)
    table.tend(1000.0)
    assert last.live
    assert "k0" not in table
    assert table.bytes <= table.max_bytes
    table.drop("k7")
    table.charge(last, 10_000)
    table.tend(1000.0)
    assert table.bytes == sum(entry.bytes for entry in table._entries.values())


def test_what_derives_more_than_there_is_room_for_goes_itself(clock: FakeClock) -> None:
    table = trusted_table(clock, 10 * (EMPTY + 1000))
    put(table, "k0", 1000)
    put(table, "k1", 1000, tenant="other")
    table.charge(held(table, "k0"), 20 * (EMPTY + 1000))
    table.tend(1000.0)
    assert ("k0" in table, "k1" in table) == (False, True)


def test_the_used_are_told_once(table: HotTable) -> None:
    put(table, "a")
    put(table, "b")
    held(table, "a")
    assert (table.take_used(), table.take_used()) == (["a"], [])


@pytest.mark.parametrize(("size", "headers"), [(300, 0), (2000, 4), (20_000, 8)])
def test_the_estimate_is_honest(clock: FakeClock, size: int, headers: int) -> None:
    table = trusted_table(clock, 1_000_000_000)
    count = 3000

    def packed(number: int) -> bytes:
        extra = {f"x-header-{i}": f"value {i} {number}" for i in range(headers)}
        return answers.pack(make_answer(body=bytes(size), headers=extra, call_id=f"call-{number}", stored_at=number + 0.5))

    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(count):
        table.put(f"{number:064}", answers.unpack(packed(number)), 1e6 + number)
    real = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert real <= table.bytes <= 1.25 * real


# --- any order of events ---

TENANTS = st.sampled_from(["a", "b", "c", "d"])
KEYS = st.sampled_from([f"k{number}" for number in range(40)])


class Events(RuleBasedStateMachine):
    """Whatever happens in whatever order: the bound, the accounts, the flags and the callbacks are right."""

    entries = Bundle("entries")

    @initialize(max_bytes=st.integers(16 * EMPTY, 40 * EMPTY))
    def start(self, max_bytes: int) -> None:
        self.clock = FakeClock()
        self.dropped: Counter[int] = Counter()
        self.evicted = 0
        self.payers: set[str] = set()
        self.seen: list[Held] = []  # keeps them, so that no id is used twice
        self.table = trusted_table(self.clock, max_bytes, on_drop=self.on_drop)

    def on_drop(self, entry: Held) -> None:
        assert not entry.live
        assert self.table._entries.get(entry.key) is not entry
        self.dropped[id(entry)] += 1
        if self.table.drops["evicted"] > self.evicted:
            self.evicted += 1
            self.paid_by_the_largest(entry)

    def paid_by_the_largest(self, entry: Held) -> None:
        """Who needs the room pays for it, or somebody who holds as much as anybody."""
        shares = {tenant: share.bytes for tenant, share in self.table._shares.items()}
        tenant = entry.answer.tenant
        assert tenant in self.payers or shares.get(tenant, 0) + entry.bytes >= max(shares.values(), default=0)

    @rule(target=entries, key=KEYS, tenant=TENANTS, size=st.integers(0, 3 * EMPTY), lasts=st.floats(0.1, 50))
    def put(self, key: str, tenant: str, size: int, lasts: float) -> Held | None:
        self.payers = {tenant}
        kept = put(self.table, key, size, tenant, self.clock() + lasts)
        entry = self.table._entries.get(key)
        assert (entry is not None) == kept
        if entry is not None:
            self.seen.append(entry)
        return entry

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        entry = self.table.get(key)
        assert entry is None or (entry.live and entry.used and self.clock() < entry.expires)

    @rule(key=KEYS, reason=st.sampled_from(["invalidated", "expired"]))
    def drop(self, key: str, reason: hot.Reason) -> None:
        self.table.drop(key, reason)
        assert self.table.get(key) is None

    @rule(entry=entries, extra=st.integers(-50, 20 * EMPTY))
    def charge(self, entry: Held | None, extra: int) -> None:
        if entry is not None:
            self.table.charge(entry, extra)
            self.payers = {entry.answer.tenant}
            self.table.tend(self.clock())

    @rule(entry=consumes(entries))
    def recheck(self, entry: Held | None) -> None:
        if entry is not None:
            assert self.table.valid(entry, self.clock()) == (self.table.get(entry.key) is entry)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.table.tend(self.clock())
        assert all(entry.expires >= int(self.clock()) for entry in self.table._entries.values())

    @rule(reason=st.sampled_from(["invalidated", "connection_lost"]))
    def forget_all(self, reason: hot.Reason) -> None:
        self.table.forget_all(reason)
        assert self.table.entries == 0
        self.table.trust(float("inf"))

    @invariant()
    def accounts_are_right(self) -> None:
        table = self.table
        assert 0 <= table.bytes <= table.max_bytes
        assert table.bytes == sum(entry.bytes for entry in table._entries.values())
        assert table.bytes == sum(share.bytes for share in table._shares.values())
        assert all(share.ring for share in table._shares.values())
        assert sum(len(share.ring) for share in table._shares.values()) == table.entries
        assert sum(map(len, table._ends.values())) == table.entries

    @invariant()
    def each_entry_is_live_or_was_dropped_once(self) -> None:
        for entry in self.seen:
            assert entry.live == (self.table._entries.get(entry.key) is entry)
            assert self.dropped[id(entry)] == (0 if entry.live else 1)
        assert sum(self.table.drops.values()) == self.dropped.total()


TestEvents = Events.TestCase
TestEvents.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TENANTS, st.integers(0, 2 * EMPTY)), min_size=50, max_size=100), st.integers(3, 8))
def test_the_bound_holds_and_whoever_stays_under_his_part_loses_nothing(puts: list[tuple[str, int]], places: int) -> None:
    table = trusted_table(FakeClock(), max_bytes=8 * places * EMPTY)
    part = table.max_bytes // 4  # there are four tenants, and no answer is above an eighth
    wanted: Counter[str] = Counter()
    for number, (tenant, size) in enumerate(puts):
        put(table, f"k{number}", size, tenant)
        wanted[tenant] += footprint(f"k{number}", make_answer(tenant=tenant, body=b"x" * size))
        assert table.bytes <= table.max_bytes
    for tenant, total in wanted.items():
        if total <= part:
            assert table._shares[tenant].bytes == total
