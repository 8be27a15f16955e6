"""Stored answers that may be found by meaning, and the stream of operations that indexes follow, on real databases."""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select, update

from pipeline import errors
from pipeline.cache.semantic.entries import AT_ONCE, Entries, Entry, NewEntry, Operation, Stamp, Use
from pipeline.cache.semantic.states import PRIVATE, PROBATION, REVOKED, SHARED
from pipeline.request.key import derive
from pipeline.storage.engine import create_engine, reading, writing
from pipeline.storage.tables import SemanticEntry as Row
from pipeline.storage.tables import SemanticOperation as Op
from tests.support.clock import FakeClock
from tests.support.postgres import database_down

SECRET = b"secret"
DAY = 86400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def entries(engine: Engine, clock: FakeClock) -> Entries:
    return Entries(engine, SECRET, clock)


def new(name: str, tenant: str = "t", **changes: Any) -> NewEntry:
    values = {
        "id": name,
        "tenant": tenant,
        "partition": "p",
        "text": f"What is {name}? ☃",
        "embedder": "e@1",
        "vector": name.encode() + b"\x00\xff",
        "answer": b"\x00\x01" + name.encode(),
        "answer_digest": derive(name),
        "author": "k1",
        "state": SHARED,
        "created_at": 1000.0,
        "expires_at": 2000.0,
    }
    return NewEntry(**{**values, **changes})


def seq_of(entries: Entries, name: str, tenant: str = "t") -> int:
    found = entries.find(tenant, name)
    assert found is not None
    return found.seq


def names(found: list[Entry]) -> list[str]:
    return [entry.id for entry in found]


def replayed(operations: list[Operation]) -> set[int]:
    """The numbers that an index has which has followed all of these."""
    live: set[int] = set()
    for operation in operations:
        (live.add if operation.kind == "add" else live.discard)(operation.seq)
    return live


def stored(engine: Engine) -> set[int]:
    with reading(engine) as connection:
        return set(connection.execute(select(Row.seq)).scalars())


# --- adding and loading ---


def test_what_was_added_comes_back_as_it_was(entries: Entries) -> None:
    added = new("a", vector=bytes(range(256)), answer=b"\x00" * 9, text="ünï\n☃'\"")
    entries.add([added])
    found = entries.find("t", "a")
    assert found is not None
    for name in NewEntry.__struct_fields__:
        assert getattr(found, name) == getattr(added, name), name
    assert (found.used_at, found.hits, found.saved, found.right, found.wrong) == (1000.0, 0, 0, 0.0, 0.0)


def test_entries_are_loaded_in_the_order_that_is_asked_for(entries: Entries) -> None:
    entries.add([new(name) for name in "abcd"])
    seqs = {name: seq_of(entries, name) for name in "abcd"}
    assert names(entries.load("t", [seqs["c"], 999, seqs["a"], seqs["d"]])) == ["c", "a", "d"]
    assert entries.load("t", []) == []


def test_adding_nothing_does_nothing(entries: Entries) -> None:
    entries.add([])
    assert entries.newest_operation() == 0


def test_times_may_be_whole_numbers(entries: Entries) -> None:
    entries.add([new("a", created_at=1000, expires_at=5000)])
    assert entries.find("t", "a") is not None


def test_one_with_the_same_id_takes_the_place_of_the_old(entries: Entries, engine: Engine) -> None:
    entries.add([new("a"), new("b")])
    old = seq_of(entries, "a")
    entries.judged(old, 3.0, 1.0)
    entries.add([new("a", answer=b"first"), new("c"), new("a", answer=b"second")])
    found = entries.find("t", "a")
    assert found is not None
    assert (found.answer, found.right) == (b"second", 0.0)
    assert found.seq > old
    assert entries.load("t", [old]) == []
    assert len(stored(engine)) == 3
    assert [operation.kind for operation in entries.operations(0)] == ["add", "add", "replace", "add", "add"]


def test_a_number_is_never_used_twice(entries: Entries) -> None:
    last = 0
    for _ in range(3):
        entries.add([new("a")])
        assert seq_of(entries, "a") > last
        last = seq_of(entries, "a")
        entries.remove("t", ["a"])


def test_what_is_over_is_not_found_and_is_removed_by_and_by(entries: Entries, clock: FakeClock, engine: Engine) -> None:
    entries.add([new("a", expires_at=1500.0), new("b", expires_at=1500.0), new("c")])
    seqs = sorted(stored(engine))
    clock.now = 1499.0
    assert entries.expire() == 0
    clock.now = 1501.0
    assert names(entries.load("t", seqs)) == ["c"]
    assert entries.find("t", "a") is None
    assert names(entries.page("t", 0, 1)) == ["c"]
    assert [entries.expire(1), entries.expire(1), entries.expire(1)] == [1, 1, 0]
    assert replayed(entries.operations(0)) == stored(engine) == {seqs[2]}


# --- another tenant ---


def test_another_tenants_entries_are_never_found(entries: Entries) -> None:
    entries.add([new("a"), new("b", tenant="other")])
    mine, theirs = seq_of(entries, "a"), seq_of(entries, "b", "other")
    assert names(entries.load("t", [mine, theirs])) == ["a"]
    assert entries.load("", [mine, theirs]) == []
    assert entries.find("t", "b") is None
    assert names(entries.page("t", 0, 10)) == ["a"]
    assert entries.find_by_answer("t", "b") == []
    assert entries.remove("t", ["b"]) == 0
    assert entries.purge("t", dry_run=True) == 1
    assert entries.purge("t") == 1
    assert seq_of(entries, "b", "other") == theirs
    assert (entries.held("t").entries, entries.held("other").entries) == (0, 1)


# --- removing ---


def test_removed_entries_are_gone_and_every_index_hears_of_it(entries: Entries, engine: Engine) -> None:
    entries.add([new(name) for name in "abcd"])
    seqs = {name: seq_of(entries, name) for name in "abcd"}
    assert entries.remove("t", ["a", "b", "nothing"]) == 2
    assert entries.remove("t", ["a"]) == 0
    assert entries.remove("t", []) == 0
    assert entries.remove_seqs([seqs["c"], 999]) == 1
    assert replayed(entries.operations(0)) == stored(engine) == {seqs["d"]}


def test_a_purge_says_beforehand_what_it_would_remove(entries: Entries, engine: Engine) -> None:
    entries.add([new("a"), new("b", state=PRIVATE), new("c", created_at=1200.0), new("d", state=PRIVATE, created_at=1200.0)])
    entries.add([new("e", tenant="other", state=PRIVATE)])
    before = entries.operations(0)
    for wanted in ({"state": PRIVATE, "before": 1100.0}, {"state": PRIVATE}, {"before": 1100.0}, {}):
        counted = entries.purge("t", dry_run=True, **wanted)  # type: ignore[arg-type]
        assert entries.operations(0) == before
        assert entries.purge("t", **wanted) == counted == 1  # type: ignore[arg-type]
        before = entries.operations(0)
    assert names(entries.page("other", 0, 5)) == ["e"]
    assert replayed(before) == stored(engine)


def test_what_is_worth_least_gives_way(entries: Entries, engine: Engine) -> None:
    entries.add([new(name) for name in "abcdef"])
    seqs = {name: seq_of(entries, name) for name in "abcdef"}
    entries.used([Use(seqs[name], 1000.0, 0) for name in "abcd"])
    entries.used([Use(seqs["e"], 1000.0, 10**12)])
    entries.judged(seqs["b"], 0.0, 2.0)
    assert entries.evict(6, 10**9) == 0
    assert entries.evict(4, 10**9) == 2
    assert stored(engine) == {seqs[name] for name in "acde"}
    size = entries.held("t").bytes
    assert entries.evict(100, size // 2) == 2
    assert replayed(entries.operations(0)) == stored(engine)
    assert seqs["e"] in stored(engine)


# --- what is known of an entry ---


def test_uses_are_counted(entries: Entries) -> None:
    entries.add([new("a"), new("b")])
    one, other = seq_of(entries, "a"), seq_of(entries, "b")
    entries.used([Use(one, 1100.0, 5), Use(other, 1150.0, 1), Use(one, 1200.0, 7), Use(one, 1190.0, 2**40), Use(999, 1.0, 1)])
    first, second = entries.load("t", [one, other])
    assert (first.hits, first.saved, first.used_at) == (3, 12 + 2**40, 1200.0)
    assert (second.hits, second.saved, second.used_at) == (1, 1, 1150.0)
    entries.used([])
    assert entries.newest_operation() == 2


def test_what_was_said_of_an_entry_adds_up(entries: Entries) -> None:
    entries.add([new("a")])
    seq = seq_of(entries, "a")
    entries.judged(seq, 1.0, 0.0)
    entries.judged(seq, 0.5, 0.25)
    entries.judged(999, 1.0, 0.0)
    (found,) = entries.load("t", [seq])
    assert (found.right, found.wrong) == (1.5, 0.25)


# --- states ---


def get(entries: Entries, name: str, tenant: str = "t") -> Entry:
    found = entries.find(tenant, name)
    assert found is not None
    return found


@pytest.mark.parametrize(("before", "after"), [(PROBATION, SHARED), (SHARED, PROBATION)])
def test_an_entry_moves_to_another_state(entries: Entries, before: str, after: str) -> None:
    entries.add([new("a", state=before), new("b", state=before)])
    assert entries.move(get(entries, "a"), after)
    assert (get(entries, "a").state, get(entries, "b").state) == (after, before)
    assert entries.newest_operation() == 2  # no index has anything to do with that


def test_an_entry_that_is_not_any_more_as_it_was_seen_does_not_move(entries: Entries) -> None:
    entries.add([new(name, state=PROBATION) for name in "abcd"])
    moved, blamed, revoked, gone = (get(entries, name) for name in "abcd")
    entries.move(moved, SHARED)
    entries.judged(blamed.seq, 1.0, 0.3)
    entries.revoke("t", ["c"])
    entries.remove("t", ["d"])
    assert [entries.move(entry, SHARED) for entry in (moved, blamed, revoked, gone)] == [False] * 4
    assert (get(entries, "b").state, get(entries, "c").state) == (PROBATION, REVOKED)


def test_nothing_moves_to_revoked_without_a_word_to_the_indexes(entries: Entries) -> None:
    entries.add([new("a")])
    with pytest.raises(ValueError, match="revoke"):
        entries.move(get(entries, "a"), REVOKED)
    with pytest.raises(ValueError, match="cannot become"):
        entries.move(get(entries, "a"), PRIVATE)
    assert get(entries, "a").state == SHARED


@pytest.mark.parametrize("state", [PRIVATE, PROBATION, SHARED])
def test_a_revoked_entry_is_there_to_be_seen_and_in_no_index(entries: Entries, state: str) -> None:
    entries.add([new("a", state=state), new("b", state=state), new("a2", tenant="other")])
    seq, others = seq_of(entries, "a"), {seq_of(entries, "b"), seq_of(entries, "a2", "other")}
    entries.revoke("t", ["a", "a2", "nothing"])
    assert get(entries, "a").state == REVOKED
    assert names(entries.page("t", 0, 5)) == ["a", "b"]
    assert entries.held("t").by_state == {REVOKED: 1, state: 1}
    assert entries.held("t").removed == {"revoke": 1}
    assert entries.find_by_answer("t", "a") == []
    assert {number for number, *_ in entries.vectors("e@1")} == others
    assert replayed(entries.operations(0)) == others
    assert [operation.vector for operation in entries.operations(0) if operation.seq == seq] == [None, None]
    assert entries.find("t", "a", reader="k1") is not None
    assert entries.find("t", "a", reader="k2") is None


def test_a_revoked_entry_gets_no_vector_of_another_embedder(entries: Entries) -> None:
    entries.add([new("a")])
    before = get(entries, "a")
    entries.revoke("t", ["a"])
    assert entries.foreign("e@2", 5) == []
    entries.embedded(before, "e@2", b"new")
    assert (get(entries, "a").vector, replayed(entries.operations(0))) == (before.vector, set())


def test_only_an_answer_that_was_given_later_takes_the_place_of_a_revoked_one(entries: Entries, clock: FakeClock) -> None:
    entries.add([new("a")])
    clock.now = 1100.0
    entries.revoke("t", ["a"])
    entries.add([new("a", answer=b"on its way", created_at=1099.0)])
    assert (get(entries, "a").state, get(entries, "a").answer) == (REVOKED, b"\x00\x01a")
    entries.add([new("a", answer=b"fresh", created_at=1101.0)])
    assert (get(entries, "a").state, get(entries, "a").answer) == (SHARED, b"fresh")
    assert replayed(entries.operations(0)) == {seq_of(entries, "a")}


def test_an_entry_is_revoked_once(entries: Entries) -> None:
    entries.add([new("a")])
    entries.revoke("t", ["a"])
    entries.revoke("t", ["a"])
    assert [operation.kind for operation in entries.operations(0)] == ["add", "revoke", "refuse", "refuse"]


@pytest.mark.parametrize("way", ["delete", "purge", "purge of the state", "expiry", "eviction"])
def test_a_revoked_entry_goes_like_any_other(entries: Entries, engine: Engine, clock: FakeClock, way: str) -> None:
    entries.add([new("b"), new("a"), new("c")])
    entries.used([Use(seq_of(entries, "a"), 1900.0, 10**12)])
    entries.revoke("t", ["a"])
    if way == "delete":
        assert entries.remove("t", ["a"], "k1") == 1
    elif way.startswith("purge"):
        assert entries.purge("t", state=REVOKED if "state" in way else None) == (1 if "state" in way else 3)
    elif way == "expiry":
        clock.now = 2001.0
        entries.expire()
    else:
        assert entries.evict(2, 10**9) == 1
    assert entries.find("t", "a") is None
    assert replayed(entries.operations(0)) == stored(engine)


def test_the_id_of_another_tenants_entry_cannot_be_taken(entries: Entries) -> None:
    entries.add([new("a", answer=b"mine")])
    entries.add([new("a", tenant="other", answer=b"planted"), new("b", tenant="other")])
    assert get(entries, "a").answer == b"mine"
    assert names(entries.page("other", 0, 5)) == ["b"]


def test_a_tenants_entries_are_summed_up(entries: Entries, clock: FakeClock) -> None:
    later = 1000.0 + 10 * DAY
    entries.add([new(name, expires_at=later) for name in "acx"])
    entries.add([new("b", state=PRIVATE, expires_at=later), new("o", tenant="other", expires_at=later)])
    entries.remove("t", ["x"])
    clock.advance(2 * DAY)
    entries.add([new("a", expires_at=later), new("d", expires_at=clock() - 1), new("e", expires_at=later)])
    entries.expire()
    entries.remove("t", ["c"])
    held = entries.held("t")
    assert (held.entries, held.by_state) == (3, {SHARED: 2, PRIVATE: 1})
    assert held.removed == {"replace": 1, "expire": 1, "remove": 1}  # of the last day
    assert held.bytes > 0
    assert entries.held("nobody").entries == 0


def test_entries_are_found_by_what_they_answer(entries: Entries) -> None:
    entries.add([new("a"), new("b", answer_digest=derive("a")), new("c")])
    assert entries.find_by_answer("t", "a") == ["a", "b"]
    assert entries.find_by_answer("t", "A") == []


# --- pages ---


def test_pages_hold_all_entries_once(entries: Entries) -> None:
    wanted = [f"n{number:02}" for number in range(25)]
    for name in wanted:
        entries.add([new(name), new(f"x{name}", tenant="other")])
    found: list[str] = []
    after = 0
    while page := entries.page("t", after, 7):
        found += names(page)
        after = page[-1].seq
    assert found == wanted


def test_a_page_is_empty_only_at_the_end(entries: Entries, engine: Engine, clock: FakeClock) -> None:
    entries.add([new("a", expires_at=1100.0), new("b", expires_at=1100.0), new("c"), new("d"), new("e")])
    with writing(engine) as connection:
        connection.execute(update(Row).where(Row.id.in_(["c", "d"])).values(text="tampered"))
    clock.now = 1500.0
    assert names(entries.page("t", 0, 2)) == ["e"]


# --- vectors ---


def test_an_index_can_begin_with_the_vectors_of_its_embedder(entries: Entries) -> None:
    entries.add([new("a"), new("b", embedder="e@2"), new("c", tenant="other", partition="q")])
    seqs = seq_of(entries, "a"), seq_of(entries, "c", "other")
    assert list(entries.vectors("e@1")) == [(seqs[0], "p", b"a\x00\xff"), (seqs[1], "q", b"c\x00\xff")]
    assert list(entries.vectors("e@3")) == []


def test_an_entry_gets_the_vector_of_another_embedder(entries: Entries) -> None:
    entries.add([new("a"), new("b", embedder="e@2")])
    (foreign,) = entries.foreign("e@2", 10)
    entries.embedded(foreign, "e@2", b"new")
    assert entries.foreign("e@2", 10) == []
    found = entries.find("t", "a")
    assert found is not None
    assert (found.embedder, found.vector) == ("e@2", b"new")
    last = entries.operations(2)
    assert [(operation.seq, operation.kind, operation.vector) for operation in last] == [(foreign.seq, "add", b"new")]
    entries.remove("t", ["a"])
    entries.embedded(foreign, "e@3", b"newer")
    assert [operation.kind for operation in entries.operations(3)] == ["remove"]


# --- the stream ---


def test_operations_say_what_happened_in_order(entries: Entries) -> None:
    entries.add([new("a"), new("b", partition="q", embedder="e@2")])
    first, second = seq_of(entries, "a"), seq_of(entries, "b")
    entries.remove("t", ["a"])
    assert [msgspec.structs.astuple(operation)[1:] for operation in entries.operations(0)] == [
        (first, "add", None, None, None),
        (second, "add", "q", "e@2", b"b\x00\xff"),
        (first, "remove", None, None, None),
    ]
    ids = [operation.id for operation in entries.operations(0)]
    assert ids == sorted(ids)
    assert [operation.id for operation in entries.operations(ids[0], 1)] == ids[1:2]
    assert (entries.oldest_operation(), entries.newest_operation()) == (ids[0], ids[-1])
    assert entries.operations(ids[-1]) == []


def test_old_steps_are_forgotten_but_never_the_last(entries: Entries, clock: FakeClock) -> None:
    entries.add([new("a")])
    clock.advance(10)
    entries.add([new("b")])
    newest = entries.newest_operation()
    entries.forget_operations(clock() - 5)
    assert (entries.oldest_operation(), entries.newest_operation()) == (newest, newest)
    entries.forget_operations(clock() + 5)
    assert entries.newest_operation() == newest
    entries.remove("t", ["a"])
    assert entries.newest_operation() > newest


def test_what_is_forgotten_is_always_the_beginning(entries: Entries, clock: FakeClock) -> None:
    """The clocks of two machines differ; a stream with a hole would leave out what somebody has still to hear of."""
    for moved, name in ((0, "a"), (20, "b"), (-10, "c"), (20, "d")):
        clock.advance(moved)
        entries.add([new(name)])
    times = [stamp.at for number in range(1, 5) if (stamp := entries.stamp(number))]
    assert times == [times[0] + by for by in (0, 20, 10, 30)]
    entries.forget_operations(times[0] + 15)
    assert [operation.id for operation in entries.operations(0)] == [2, 3, 4]


def test_a_step_is_recognised_by_what_it_was(entries: Entries, clock: FakeClock) -> None:
    clock.advance(0.1234567)
    entries.add([new("a"), new("b")])
    seq = seq_of(entries, "b")
    assert entries.stamp(2) == Stamp(2, seq, clock())
    assert entries.stamp(3) is None
    clock.advance(10)
    entries.remove("t", ["a"])
    entries.forget_operations(clock() - 5)
    assert entries.stamp(2) is None


def test_whatever_is_done_the_stream_leads_to_what_is_stored(entries: Entries, engine: Engine, clock: FakeClock) -> None:
    drawn = random.Random(4)
    for _ in range(60):
        chosen = [f"n{drawn.randrange(25)}" for _ in range(drawn.randrange(1, 6))]
        clock.advance(1)
        match drawn.randrange(5):
            case 0:
                entries.remove("t", chosen)
            case 1:
                entries.expire(drawn.randrange(1, 4))
            case 2:
                entries.purge("t", before=clock() - 20)
            case _:
                entries.add([new(name, created_at=clock(), expires_at=clock() + drawn.randrange(1, 30)) for name in chosen])
        assert replayed(entries.operations(0)) == stored(engine)


def test_a_reader_never_misses_a_step_of_two_writers(entries: Entries, engine: Engine, database_url: str) -> None:
    """Numbers are given out before they can be seen: without turns, the reader would see 8 and later never hear of 7."""
    engines = [create_engine(database_url) for _ in range(2)]
    done = threading.Event()

    def write(number: int) -> None:
        mine, drawn = Entries(engines[number], SECRET, FakeClock()), random.Random(number)
        for turn in range(40):
            mine.add([new(f"w{number}-{turn % 7}-{place}") for place in range(drawn.choice((1, 1, 2, 30)))])
            if turn % 3 == 0:
                mine.remove("t", [f"w{number}-{turn % 7}-{place}" for place in range(9)])

    def read() -> list[Operation]:
        seen: list[Operation] = []
        while True:
            finished = done.is_set()
            while found := entries.operations(seen[-1].id if seen else 0):
                seen += found
            if finished:
                return seen

    with ThreadPoolExecutor(3) as pool:
        following = pool.submit(read)
        for writing_ in [pool.submit(write, number) for number in range(2)]:
            writing_.result(60)
        done.set()
        seen = following.result(60)
    for made in engines:
        made.dispose()
    with reading(engine) as connection:
        everything = list(connection.execute(select(Op.id).order_by(Op.id)).scalars())
    assert [operation.id for operation in seen] == everything
    assert len(everything) > AT_ONCE
    assert replayed(seen) == stored(engine)


def test_processes_that_count_the_same_entries_do_not_wait_in_a_circle(entries: Entries, database_url: str) -> None:
    entries.add([new(f"n{number}") for number in range(40)])
    seqs = [entry.seq for entry in entries.page("t", 0, 40)]
    engines = [create_engine(database_url) for _ in range(2)]

    def count(engine: Engine, order: list[int]) -> None:
        for _ in range(15):
            Entries(engine, SECRET, FakeClock()).used([Use(seq, 1.0, 1) for seq in order])

    with ThreadPoolExecutor(2) as pool:
        for counting in [pool.submit(count, *both) for both in zip(engines, (seqs, seqs[::-1]), strict=True)]:
            counting.result(60)
    for made in engines:
        made.dispose()
    assert {entry.hits for entry in entries.page("t", 0, 40)} == {30}


# --- what was not written by us ---


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "z"},
        {"partition": "q"},
        {"text": "What is z?"},
        {"embedder": "e@2"},
        {"vector": b"other"},
        {"answer": b"planted"},
        {"answer_digest": derive("planted")},
        {"author": "k2"},
        {"state": PROBATION},
        {"right": 9.0},
        {"wrong": -9.0},
        {"created_at": 999.0},
        {"expires_at": 9999.0},
        {"tag": b"\x00" * 32},
        {"tag": b""},
    ],
)
def test_an_entry_that_was_tampered_with_is_left_out_and_removed(
    entries: Entries, engine: Engine, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    entries.add([new("a"), new("b")])
    one, other = seq_of(entries, "a"), seq_of(entries, "b")
    with writing(engine) as connection:
        connection.execute(update(Row).where(Row.seq == one).values(changed))
    with caplog.at_level(logging.ERROR):
        assert names(entries.load("t", [one, other])) == ["b"]
    assert f"semantic_entries_tampered tenant=t seqs=[{one}]" in caplog.text
    assert "What is" not in caplog.text
    assert "planted" not in caplog.text
    assert stored(engine) == {other}
    assert replayed(entries.operations(0)) == {other}


def test_an_entry_that_was_given_to_another_tenant_is_not_served_there(entries: Entries, engine: Engine) -> None:
    entries.add([new("a")])
    seq = seq_of(entries, "a")
    with writing(engine) as connection:
        connection.execute(update(Row).where(Row.seq == seq).values(tenant="other"))
    assert entries.load("t", [seq]) == []
    assert entries.load("other", [seq]) == []
    assert stored(engine) == set()


def test_two_entries_cannot_exchange_their_answers(entries: Entries, engine: Engine) -> None:
    entries.add([new("a"), new("b")])
    with writing(engine) as connection:
        rows = {row.id: row for row in connection.execute(select(Row.id, Row.answer, Row.tag))}
        connection.execute(update(Row).where(Row.id == "a").values(answer=rows["b"].answer, tag=rows["b"].tag))
    assert entries.find("t", "a") is None
    assert entries.find("t", "b") is not None


def test_what_may_change_does_not_break_the_seal(entries: Entries) -> None:
    entries.add([new("a")])
    seq = seq_of(entries, "a")
    entries.used([Use(seq, 1500.0, 3)])
    entries.judged(seq, 1.0, 1.0)
    entries.move(get(entries, "a"), PROBATION)
    entries.revoke("t", ["a"])
    assert names(entries.load("t", [seq])) == ["a"]


def test_what_was_tampered_with_is_not_sealed_anew(entries: Entries, engine: Engine) -> None:
    entries.add([new(name) for name in "abcd"])
    seen = [get(entries, name) for name in "abcd"]
    with writing(engine) as connection:
        connection.execute(update(Row).values(answer=b"planted"))
    entries.judged(seen[0].seq, 1.0, 0.0)
    assert not entries.move(seen[1], PROBATION)
    entries.revoke("t", ["c"])
    entries.embedded(seen[3], "e@2", b"new")
    assert entries.load("t", [one.seq for one in seen]) == []
    assert stored(engine) == set()


def test_with_another_secret_nothing_is_believed(entries: Entries, engine: Engine, clock: FakeClock) -> None:
    entries.add([new("a")])
    seq = seq_of(entries, "a")
    assert Entries(engine, b"another", clock).load("t", [seq]) == []
    assert entries.load("t", [seq]) == []


# --- a process that dies, and a database that is away ---

DIE = """
import os, signal, sys
from sqlalchemy import event
from pipeline.storage.engine import create_engine
from tests.integration.test_semantic_entries import SECRET, Entries, new

url, after, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = create_engine(url)
seen = 0

@event.listens_for(engine, "after_cursor_execute")
def die(connection, cursor, statement, parameters, context, executemany):
    global seen
    seen += statement.startswith(after)
    if seen == times:
        os.kill(os.getpid(), signal.SIGKILL)

Entries(engine, SECRET, lambda: 1000.0).add([new("a", answer=b"new"), new("c")])
print("survived")
"""


@pytest.mark.parametrize(
    ("after", "times"),
    [
        ("DELETE FROM semantic_entries", 1),
        ("INSERT INTO semantic_operations", 1),
        ("INSERT INTO semantic_entries", 1),
        ("INSERT INTO semantic_operations", 2),
    ],
)
def test_a_writer_that_is_killed_leaves_entries_and_operations_that_agree(
    entries: Entries, engine: Engine, database_url: str, after: str, times: int
) -> None:
    entries.add([new("a"), new("b")])
    before = entries.operations(0)
    died = subprocess.run(
        [sys.executable, "-c", DIE, database_url, after, str(times)], capture_output=True, text=True, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert entries.operations(0) == before
    assert replayed(before) == stored(engine)
    assert names(entries.page("t", 0, 10)) == ["a", "b"]
    # Whoever comes next has its turn.
    entries.add([new("a", answer=b"newer")])
    found = entries.find("t", "a")
    assert found is not None
    assert found.answer == b"newer"
    assert replayed(entries.operations(0)) == stored(engine)


@pytest.fixture
def postgres_entries(postgres_database_url: str, clock: FakeClock) -> Iterator[Entries]:
    made = create_engine(postgres_database_url)
    yield Entries(made, SECRET, clock)
    made.dispose()


def test_a_database_that_is_away_is_unavailable(postgres_entries: Entries, postgres_url: str, postgres_database_url: str) -> None:
    postgres_entries.add([new("a")])
    with database_down(postgres_url, postgres_database_url):
        for attempt in (
            lambda: postgres_entries.add([new("b")]),
            lambda: postgres_entries.find("t", "a"),
            lambda: postgres_entries.operations(0),
            lambda: postgres_entries.used([Use(1, 1.0, 1)]),
            lambda: list(postgres_entries.vectors("e@1")),
        ):
            with pytest.raises(errors.StoreUnavailable):
                attempt()
    assert names(postgres_entries.page("t", 0, 5)) == ["a"]
