"""The notes of the memory on real databases: who sees them, what replaces them, and what a killed or doubled writer leaves."""

from __future__ import annotations

import itertools
import json
import logging
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import IntegrityError

from pipeline import errors
from pipeline.memory.decay import DAY, LIFETIME, expiry
from pipeline.memory.items import Item, Kind, Owner, Slot
from pipeline.memory.memory import Memory
from pipeline.memory.shelf import Edit
from pipeline.memory.store import KEPT_S, MOST, MemoryStore
from pipeline.storage.engine import create_engine, reading, writing
from pipeline.storage.tables import MemoryItem as Row
from tests.support.clock import FakeClock
from tests.support.postgres import database_down
from tests.support.waiting import wait_until

OWNER, OTHER, FOREIGN = Owner("acme", "ana"), Owner("acme", "bo"), Owner("other", "ana")
SECRET = b"secret of the tests"
NOW = 1_800_000_000.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def store(engine: Engine, clock: FakeClock) -> MemoryStore:
    return MemoryStore(engine, SECRET, clock)


@pytest.fixture
def memory(store: MemoryStore, clock: FakeClock) -> Memory:
    numbers = itertools.count(1)
    return Memory(store, lambda text: len(text.split()), clock, lambda: f"mem_{next(numbers):024x}")


def note(name: str, text: str = "lives in: Oslo", relation: str = "home", **changes: Any) -> Item:
    values = {
        "id": name, "tenant": "acme", "principal": "ana", "conversation": "", "slot": Slot("user", relation), "text": text,
        "kind": Kind.FACT, "importance": 0.7, "created": NOW, "last": NOW, "expires": expiry(Kind.FACT, NOW), "source": "s",
    }  # fmt: skip
    return Item(**{**values, **changes})


def add(store: MemoryStore, *items: Item, owner: Owner = OWNER, delivery: str = "d") -> None:
    assert store.edit(owner, delivery, lambda standing: Edit(put=items)) is not None


def texts(store: MemoryStore, owner: Owner = OWNER) -> list[str]:
    return [item.text for item in store.standing(owner)]


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def rows(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(Row)).scalar_one())


# --- keeping and finding ---


def test_what_was_kept_comes_back_as_it_was(store: MemoryStore) -> None:
    item = note("1", "likes: ünï ☃ '\"", conversation="c", importance=0.55, strength=1.5)
    add(store, item)
    assert store.standing(OWNER) == [item]
    assert store.find(OWNER, "1") == item


def test_nobody_else_finds_it(store: MemoryStore) -> None:
    add(store, note("1"))
    for owner in (OTHER, FOREIGN):
        assert store.standing(owner) == store.page(owner, 0, 10) == []
        assert store.find(owner, "1") is None
        assert not store.forget(owner, "1")
        assert store.amend(owner, "1", lambda item: item) is None
        assert store.erase(owner.tenant, owner.principal) == 0
        assert json.loads(store.export(owner)) == []
    assert texts(store) == ["lives in: Oslo"]


def test_nothing_of_a_note_can_be_read_in_the_database(store: MemoryStore, sqlite_url: str, tmp_path: Path) -> None:
    engine = create_engine(sqlite_url)
    MemoryStore(engine, SECRET, FakeClock(NOW)).put(
        OWNER, note("1", "lives in: Timbuktu", relation="residence", conversation="chat-77")
    )
    engine.dispose()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("leo.db*"))
    assert b"acme" in written
    for secret in (b"Timbuktu", b"residence", b"chat-77"):
        assert secret not in written


def test_a_note_that_was_changed_in_the_database_is_left_out(
    store: MemoryStore, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, note("1"), note("2", "name: Ana", "name"))
    with writing(engine) as connection:
        other = connection.execute(select(Row.sealed).where(Row.id == "2")).scalar_one()
        connection.execute(update(Row).where(Row.id == "1").values(sealed=other))
    with caplog.at_level(logging.ERROR):
        assert texts(store) == ["name: Ana"]
    assert "memory_items_unreadable" in caplog.text
    add(store, note("3", "lives in: Rome"), delivery="e")  # and a new value takes its place
    assert sorted(texts(store)) == ["lives in: Rome", "name: Ana"]


def test_a_note_cannot_be_moved_to_another_owner(store: MemoryStore, engine: Engine) -> None:
    add(store, note("1"))
    with writing(engine) as connection:
        connection.execute(update(Row).values(principal="bo"))
    assert texts(store, OTHER) == []


def test_another_secret_reads_nothing(store: MemoryStore, engine: Engine, clock: FakeClock) -> None:
    add(store, note("1"))
    assert MemoryStore(engine, b"another", clock).standing(OWNER) == []


# --- replacing ---


def test_a_slot_has_one_value_and_the_old_one_is_kept_for_a_week(store: MemoryStore, clock: FakeClock, engine: Engine) -> None:
    add(store, note("1"))
    clock.advance(5)
    add(store, note("2", "lives in: Rome"), delivery="e")
    assert texts(store) == ["lives in: Rome"]
    old = store.find(OWNER, "1")
    assert old is not None
    assert old.superseded == NOW + 5
    assert [item.text for _, item in store.page(OWNER, 0, 10, replaced=True)] == ["lives in: Oslo", "lives in: Rome"]
    clock.advance(KEPT_S - 1)
    assert store.purge() == 0
    clock.advance(2)
    assert store.purge() == 1
    assert store.find(OWNER, "1") is None
    assert rows(engine) == 1


def test_the_database_itself_takes_no_second_value(store: MemoryStore, engine: Engine) -> None:
    add(store, note("1"), note("2", "name: Ana", "name"))
    with reading(engine) as connection:
        place = connection.execute(select(Row.place).where(Row.id == "1")).scalar_one()
    with writing(engine) as connection, pytest.raises(IntegrityError):
        connection.execute(update(Row).where(Row.id == "2").values(place=place))


def test_what_is_forgotten_leaves_no_word_behind(store: MemoryStore, engine: Engine) -> None:
    add(store, note("1"))
    assert store.forget(OWNER, "1")
    assert not store.forget(OWNER, "1")
    with reading(engine) as connection:
        assert connection.execute(select(Row.sealed)).scalars().all() == [b""]
    assert store.find(OWNER, "1") is None
    assert store.page(OWNER, 0, 10, replaced=True) == []
    assert json.loads(store.export(OWNER)) == []


def test_a_correction_does_not_keep_what_was_wrong(store: MemoryStore, engine: Engine) -> None:
    add(store, note("1"))
    made = store.amend(OWNER, "1", lambda item: msgspec.structs.replace(item, text="lives in: Ski"))
    assert made is not None
    assert texts(store) == ["lives in: Ski"]
    assert rows(engine) == 1


def test_erasing_leaves_nothing(store: MemoryStore, engine: Engine) -> None:
    add(store, note("1"))
    add(store, note("2", "lives in: Rome"), delivery="e")
    add(store, note("3"), owner=OTHER)
    add(store, note("4"), owner=FOREIGN)
    assert store.erase("acme", "ana", dry_run=True) == 2
    assert rows(engine) == 4
    assert store.erase("acme", "ana") == 2
    assert rows(engine) == 2
    assert store.erase("acme") == 1
    assert texts(store, FOREIGN) == ["lives in: Oslo"]


def test_an_export_has_old_values_as_well(store: MemoryStore) -> None:
    add(store, note("1"))
    add(store, note("2", "lives in: Rome"), delivery="e")
    found = json.loads(store.export(OWNER))
    assert [(item["text"], item["superseded"]) for item in found] == [("lives in: Oslo", NOW), ("lives in: Rome", None)]


# --- time and bounds ---


def test_what_is_over_is_not_found_and_is_removed_by_and_by(store: MemoryStore, clock: FakeClock, engine: Engine) -> None:
    add(store, note("1", kind=Kind.TASK, expires=expiry(Kind.TASK, NOW)), note("2", "name: Ana", "name"))
    clock.advance(LIFETIME[Kind.TASK] + 1)
    assert texts(store) == ["name: Ana"]
    assert store.purge() == 1
    clock.advance(200 * DAY)  # faded, though its time has not come
    assert store.purge() == 1
    assert rows(engine) == 0


def test_a_value_whose_time_is_over_makes_room(store: MemoryStore, clock: FakeClock) -> None:
    add(store, note("1", kind=Kind.TASK, expires=expiry(Kind.TASK, NOW)))
    clock.advance(LIFETIME[Kind.TASK] + 1)
    add(store, note("2", "lives in: Rome"), delivery="e")
    assert texts(store) == ["lives in: Rome"]


def test_an_owner_has_so_many_notes_and_the_least_go_first(store: MemoryStore) -> None:
    first = [note(f"a{n:03}", f"a: {n}", f"r{n}", importance=0.9 if n else 0.1) for n in range(MOST)]
    add(store, *first)
    add(store, note("new", "lives in: Oslo"), delivery="e")
    found = {item.id for item in store.standing(OWNER)}
    assert len(found) == MOST
    assert "new" in found
    assert "a000" not in found


def test_a_use_strengthens_unless_there_was_one_just_now(store: MemoryStore, clock: FakeClock) -> None:
    add(store, note("1"))
    clock.advance(20 * DAY)
    for _ in range(3):
        store.used(OWNER, store.standing(OWNER))
    (item,) = store.standing(OWNER)
    assert (item.strength, item.last) == (pytest.approx(1.243, abs=0.01), clock.now)


def test_pages_are_by_number(store: MemoryStore) -> None:
    add(store, *(note(str(n), f"a: {n}", f"r{n}") for n in range(5)))
    one = store.page(OWNER, 0, 2)
    two = store.page(OWNER, one[-1][0], 10)
    assert [item.text for _, item in one + two] == [f"a: {n}" for n in range(5)]


# --- learning, twice and at once ---


def test_a_message_that_is_delivered_twice_changes_nothing(memory: Memory, store: MemoryStore, engine: Engine) -> None:
    for text in ("My name is Ana and I live in Oslo.", "Actually, I moved to Rome.", "Forget my name."):
        for _ in range(3):
            memory.learn(OWNER, "c", said(text), delivery=text)
    for text in ("My name is Ana and I live in Oslo.", "Forget my name.", "Actually, I moved to Rome."):
        assert memory.learn(OWNER, "c", said(text), delivery=text) is None
    assert texts(store) == ["lives in: Rome"]
    assert rows(engine) == 3


def test_a_note_that_was_erased_by_hand_does_not_come_back_with_a_late_copy(memory: Memory, store: MemoryStore) -> None:
    memory.learn(OWNER, "c", said("I live in Oslo."), delivery="1")
    (item,) = store.standing(OWNER)
    store.forget(OWNER, item.id)
    memory.learn(OWNER, "c", said("I live in Oslo."), delivery="1")
    assert texts(store) == []


def test_the_same_statement_again_keeps_a_note_young(
    memory: Memory, store: MemoryStore, clock: FakeClock, engine: Engine
) -> None:
    memory.learn(OWNER, "c", said("I live in Oslo."), delivery="1")
    clock.advance(300 * DAY)
    memory.learn(OWNER, "c", said("I live in Oslo."), delivery="2")
    (item,) = store.standing(OWNER)
    assert (item.created, item.last, item.expires) == (NOW, clock.now, expiry(Kind.FACT, clock.now))
    assert rows(engine) == 1


def test_writers_at_once_leave_one_value_and_lose_none(memory: Memory, store: MemoryStore) -> None:
    cities = ["Oslo", "Rome", "Ghent", "Porto", "Leipzig", "Bristol"]
    pets = ["dog", "cat", "rabbit", "hamster", "parrot", "horse"]

    def learn(number: int) -> None:
        memory.learn(OWNER, "c", said(f"I live in {cities[number]}."), at=NOW + number, delivery=f"city {number}")
        memory.learn(OWNER, "c", said(f"My {pets[number]} is called Rex."), at=NOW + number, delivery=f"pet {number}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(learn, range(6)))
    found = texts(store)
    assert [text for text in found if text.startswith("lives in")] == ["lives in: Bristol"]  # said last, whoever wrote last
    assert sorted(text for text in found if "Rex" in text) == sorted(f"{pet}'s name: Rex" for pet in pets)


def test_copies_of_one_message_at_once_count_once(memory: Memory, engine: Engine) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: memory.learn(OWNER, "c", said("I live in Oslo."), delivery="1"), range(6)))
    assert sum(edit is not None for edit in made) == 1
    assert rows(engine) == 1


KILLED = """
import sys, time
from pipeline.memory.items import Owner
from pipeline.memory.memory import Memory
from pipeline.memory.store import MemoryStore
from pipeline.storage.engine import create_engine

class Slow(MemoryStore):
    def _apply(self, *args):
        super()._apply(*args)
        print("applied", flush=True)
        time.sleep(60)

store = Slow(create_engine(sys.argv[1]), b"secret of the tests", lambda: 1_800_000_000.0)
memory = Memory(store, lambda text: len(text.split()), lambda: 1_800_000_000.0, lambda: "mem_killed")
memory.learn(Owner("acme", "ana"), "c", [{"role": "user", "content": "I moved to Rome."}], delivery="1")
"""


def test_a_writer_that_is_killed_leaves_nothing_half_done(memory: Memory, store: MemoryStore, database_url: str) -> None:
    memory.learn(OWNER, "c", said("I live in Oslo."), delivery="0")
    with subprocess.Popen([sys.executable, "-c", KILLED, database_url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "applied\n"
        process.send_signal(signal.SIGKILL)
    assert texts(store) == ["lives in: Oslo"]
    wait_until(lambda: _learned(memory), 20, "the lock of the killed writer being gone")
    assert texts(store) == ["lives in: Rome"]


def _learned(memory: Memory) -> bool:
    try:
        return memory.learn(OWNER, "c", said("I moved to Rome."), delivery="1") is not None
    except errors.StoreUnavailable:
        time.sleep(0.2)
        return False


def test_recall_over_a_database(memory: Memory, store: MemoryStore, clock: FakeClock) -> None:
    memory.learn(OWNER, "a", said("My dog is called Rex."))
    clock.advance(20 * DAY)
    request = [{"role": "system", "content": "word " * 400}, *said("What is my dog called?")]
    found = memory.recall(OWNER, "b", request)
    assert [item.text for item in found.items] == ["dog's name: Rex"]
    assert store.standing(OWNER)[0].last == clock.now


def test_a_database_that_is_down_is_unavailable(store: MemoryStore, request: pytest.FixtureRequest, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("an SQLite file is always there")
    with database_down(request.getfixturevalue("postgres_url"), database_url), pytest.raises(errors.StoreUnavailable):
        store.standing(OWNER)
