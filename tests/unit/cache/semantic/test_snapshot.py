"""Snapshots of the index: what comes back is what was there, together with what came after it, and anything else is refused."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from pipeline.cache.index import Graph, Rows, VectorIndex, pack, unit
from pipeline.cache.semantic.entries import AT_ONCE, Entries, NewEntry, Operation, Stamp
from pipeline.cache.semantic.mirror import Mirror
from pipeline.cache.semantic.snapshot import RENEWED_S, SNAPSHOT_EVERY_S, Keeper, Snapshots
from pipeline.errors import StoreUnavailable
from pipeline.storage.engine import create_engine
from pipeline.storage.migrate import upgrade
from tests.support.clock import FakeClock

SIZE = 8
EMBEDDER = "e@1"
VECTORS = unit(np.random.default_rng(3).normal(size=(6000, SIZE))).astype(np.float16)

Content = dict[int, tuple[str, bytes]]


class House:
    """A database, its entries, and a folder for snapshots."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.engine: Engine = create_engine(f"sqlite:///{database}")
        self.clock = FakeClock()
        self.entries = Entries(self.engine, b"secret", self.clock)
        self.snapshots = self.of()

    def of(self, embedder: str = EMBEDDER, dimensions: int = SIZE, entries: Entries | None = None) -> Snapshots:
        return Snapshots(self.folder, entries or self.entries, embedder, dimensions)

    def add(self, *numbers: int, partition: str | None = None) -> None:
        self.entries.add([self.entry(number, partition or "pqr"[number % 3]) for number in numbers])

    def entry(self, number: int, partition: str) -> NewEntry:
        return NewEntry(
            id=f"{number:040x}",
            tenant="t",
            partition=partition,
            text=f"Question {number}?",
            embedder=EMBEDDER,
            vector=pack(VECTORS[number]),
            answer=b"answer",
            answer_digest="digest",
            author="k1",
            state="shared",
            created_at=self.clock(),
            expires_at=self.clock() + 10_000_000,
        )

    def remove(self, *numbers: int) -> None:
        self.entries.remove("t", [f"{number:040x}" for number in numbers])

    def stored(self) -> Content:
        return {seq: (partition, vector) for seq, partition, vector in self.entries.vectors(EMBEDDER)}

    def mirror(self, snapshots: Snapshots | None = None) -> Mirror:
        """One that has caught up."""
        mirror = Mirror(self.entries, EMBEDDER, SIZE, snapshots=snapshots)
        mirror.catch_up()
        return mirror

    def save(self) -> None:
        assert self.snapshots.save(self.mirror().state)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshots") / "leo.db"
    upgrade(f"sqlite:///{path}")
    return path


@contextmanager
def opened(folder: Path, empty: Path) -> Iterator[House]:
    database = folder / "leo.db"
    shutil.copy(empty, database)
    house = House(folder / "index", database)
    yield house
    house.engine.dispose()


@pytest.fixture
def house(tmp_path: Path, empty: Path) -> Iterator[House]:
    with opened(tmp_path, empty) as made:
        yield made


def content(index: VectorIndex) -> Content:
    """All that an index holds."""
    found: Content = {}
    for part in index.copies():
        assert isinstance(part, Rows), "this reads only what is searched exactly"
        names = [name for name, count in zip(part.partitions, part.counts, strict=True) for _ in range(count)]
        for seq, name, vector in zip(part.seqs.tolist(), names, part.vectors, strict=True):
            assert seq not in found
            found[seq] = (name, vector.tobytes())
    return found


def graphs(index: VectorIndex) -> list[str]:
    return [part.partition for part in index.copies() if isinstance(part, Graph)]


def held(mirror: Mirror) -> Content:
    state = mirror.state()
    assert state is not None
    return content(state[0])


def always(index: VectorIndex, seen: int) -> Callable[[], tuple[VectorIndex, int]]:
    return lambda: (index, seen)


def refusals(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "refused" in record.message]


# --- the way to the disk and back ---


@pytest.mark.parametrize(("exact_up_to", "are_graphs"), [(0, 35), (60, 1), (10_000, 0)])
def test_what_was_saved_comes_back(house: House, exact_up_to: int, are_graphs: int) -> None:
    """Exact partitions and graphs, some of one vector, with what was removed left out."""
    house.add(0)
    made = VectorIndex(SIZE, exact_up_to=exact_up_to)
    for seq in range(200):
        made.add("large" if seq % 2 else "half" if seq % 4 else f"alone {seq}", seq, VECTORS[seq])
    for seq in range(0, 200, 3):
        made.remove(seq)
    assert house.snapshots.save(always(made, 1))
    loaded = house.of().load()
    assert loaded is not None
    index, seen = loaded
    assert seen == 1
    assert len(index) == len(made) == 133
    for partition in ("large", "half", "alone 4", "alone 0", "nowhere"):
        for place in (0, 7, 500):
            assert index.search(partition, VECTORS[place], 100) == made.search(partition, VECTORS[place], 100)
    assert sorted(graphs(index)) == sorted(graphs(made))
    assert len(graphs(made)) == are_graphs
    # It is an index as any other.
    index.add("large", 500, VECTORS[500])
    index.remove(1)
    assert index.search("large", VECTORS[500], 1)[0].seq == 500
    assert 1 not in {near.seq for near in index.search("large", VECTORS[1], 200)}


def test_without_a_snapshot_there_is_none(house: House, caplog: pytest.LogCaptureFixture) -> None:
    assert house.snapshots.load() is None
    assert caplog.records == []


def test_a_mirror_without_an_index_leaves_nothing(house: House) -> None:
    assert not house.snapshots.save(Mirror(house.entries, EMBEDDER, SIZE).state)
    assert not house.folder.exists()


def test_only_its_owner_can_read_it(house: House) -> None:
    house.add(*range(10))
    house.save()
    assert stat.S_IMODE(house.snapshots.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(house.folder.stat().st_mode) == 0o700
    assert [path.name for path in house.folder.iterdir()] == [house.snapshots.path.name]


def test_whoever_is_reading_the_old_one_reads_it_to_its_end(house: House) -> None:
    """The new one takes its name, and does not overwrite it."""
    house.add(*range(10))
    house.save()
    with house.snapshots.path.open("rb") as file:
        before = house.snapshots.path.read_bytes()
        house.add(*range(10, 20))
        house.save()
        assert file.read() == before != house.snapshots.path.read_bytes()


def test_each_embedder_has_its_own(house: House) -> None:
    house.add(*range(10))
    other = house.of("another/model: 2")
    index = VectorIndex(SIZE)
    index.add("p", 1, VECTORS[0])
    assert other.save(always(index, 3))
    house.save()
    loaded, mine = house.of("another/model: 2").load(), house.of().load()
    assert loaded is not None
    assert mine is not None
    assert (len(loaded[0]), len(mine[0])) == (1, 10)


# --- what came after it ---


def test_a_mirror_goes_on_from_a_snapshot(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.add(*range(30))
    house.save()
    house.add(*range(30, 40), 5)  # the fifth takes the place of itself
    house.remove(1, 2, 35)
    caplog.clear()
    mirror = house.mirror(house.of())
    assert held(mirror) == house.stored()
    assert len(mirror) == 37
    assert "semantic_snapshot_loaded entries=30 operation=30" in caplog.text
    assert "semantic_index_built" not in caplog.text


def test_a_graph_goes_on_from_a_snapshot(house: House) -> None:
    house.add(*range(4500), partition="p")
    house.save()
    house.add(*range(4500, 4600), partition="p")
    house.remove(*range(0, 4500, 50))
    mirror = house.mirror(house.of())
    state, stored = mirror.state(), house.stored()
    assert state is not None
    assert graphs(state[0]) == ["p"]
    assert len(mirror) == len(stored) == 4510
    assert all(seq in state[0] for seq in stored)
    for number in (1, 77, 4599):
        (near,) = mirror.search("p", VECTORS[number].astype(np.float32), 1)
        assert stored[near.seq] == ("p", pack(VECTORS[number]))
    (near,) = mirror.search("p", VECTORS[50].astype(np.float32), 1)
    assert stored[near.seq] != ("p", pack(VECTORS[50]))


class Watched(Entries):
    """Entries that tell when somebody reads the stream."""

    def __init__(self, house: House, heard: Callable[[], None]) -> None:
        super().__init__(house.engine, b"secret", house.clock)
        self._heard = heard

    def operations(self, after: int, most: int = AT_ONCE) -> list[Operation]:
        self._heard()
        return super().operations(after, most)


def test_it_is_not_ready_before_all_that_came_after_was_taken_in(house: House) -> None:
    house.add(*range(10))
    house.save()
    for start in range(10, 10 + 2 * AT_ONCE, 100):
        house.add(*range(start, start + 100))
    seen: list[tuple[bool, int]] = []
    mirror = Mirror(
        Watched(house, lambda: seen.append((mirror.ready, len(mirror)))),
        EMBEDDER,
        SIZE,
        clock=lambda: 5.0,
        snapshots=house.of(),
    )
    mirror.catch_up()
    assert seen == [(False, 10), (False, 10 + AT_ONCE), (False, 10 + 2 * AT_ONCE)]
    assert mirror.ready


class Away(Entries):
    """A database that is away when it is asked for the first time."""

    def __init__(self, house: House) -> None:
        super().__init__(house.engine, b"secret", house.clock)
        self.asked = 0

    def stamp(self, operation: int) -> Stamp | None:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable("away")
        return super().stamp(operation)


def test_a_database_that_is_away_is_no_reason_to_give_a_snapshot_up(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.add(*range(10))
    house.save()
    entries = Away(house)
    mirror = Mirror(entries, EMBEDDER, SIZE, snapshots=house.of(entries=entries))
    with pytest.raises(StoreUnavailable):
        mirror.catch_up()
    assert not mirror.ready
    mirror.catch_up()
    assert held(mirror) == house.stored()
    assert "semantic_snapshot_loaded" in caplog.text
    assert "refused" not in caplog.text


def test_one_that_led_to_an_error_is_not_tried_again(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    house.add(*range(10))
    house.save()
    caplog.clear()
    asked: list[int] = []

    def fail_once() -> None:
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError("what the snapshot led to")

    mirror = Mirror(Watched(house, fail_once), EMBEDDER, SIZE, snapshots=house.of())
    mirror.start()
    with closing(mirror):
        until(lambda: mirror.ready)
    assert caplog.text.count("semantic_snapshot_loaded") == 1
    assert caplog.text.count("semantic_index_built") == 1


def test_an_index_that_was_built_anew_meanwhile_is_not_saved(house: House) -> None:
    """Its parts need not be of the stream at which the new one stands."""
    house.add(*range(10))
    states = iter([(VectorIndex(SIZE), 1), (VectorIndex(SIZE), 10)])
    assert not house.snapshots.save(lambda: next(states))
    assert list(house.folder.iterdir()) == []


# --- whatever happens, an index says what SQL says ---

NUMBERS = st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True)
WRITES = st.one_of(st.tuples(st.just("add"), NUMBERS), st.tuples(st.just("remove"), NUMBERS))
STEPS = st.one_of(
    WRITES,
    st.tuples(st.sampled_from(["follow", "save", "restart", "forget"]), st.just([])),
    st.tuples(st.just("save while"), st.lists(WRITES, max_size=3)),
)


class Busy:
    """An index that is written to while it is copied: before the first part, and before each that follows."""

    def __init__(self, index: VectorIndex, write: Callable[[], None]) -> None:
        self._index = index
        self._write = write

    def copies(self) -> Iterator[Rows | Graph]:
        self._write()
        for part in self._index.copies(at_once=1):
            yield part
            self._write()


class Life:
    """Processes that come and go, one after another."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.mirror = house.mirror()
        self.snapshots = house.snapshots

    def do(self, what: str, with_: list[Any]) -> None:
        self.house.clock.advance(1.0)
        if what == "add":
            self.house.add(*with_)
        elif what == "remove":
            self.house.remove(*with_)
        elif what == "follow":
            self.mirror.catch_up()
        elif what == "forget":
            self.house.entries.forget_operations(self.house.clock() - 2)
        elif what == "restart":
            self.snapshots = self.house.of()
            self.mirror = self.house.mirror(self.snapshots)
        else:
            self.save(with_)

    def save(self, writes: list[Any]) -> None:
        waiting = list(writes)

        def write() -> None:
            if waiting:
                self.do(*waiting.pop())
                self.mirror.catch_up()

        state = self.mirror.state()
        assert state is not None
        busy = Busy(state[0], write)

        def source() -> Any:
            now = self.mirror.state()
            assert now is not None
            return busy, now[1]

        self.snapshots.save(source)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_it_holds_what_sql_holds(empty: Path, steps: list[tuple[str, list[Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), empty) as house:
        house.add(0)  # a stream that has not begun cannot be recognised
        life = Life(house)
        for what, with_ in steps:
            life.do(what, with_)
            if what in ("follow", "restart"):
                assert held(life.mirror) == house.stored()
        life.do("restart", [])
        assert held(life.mirror) == house.stored()


# --- what is refused ---


def cut(length: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:length]


def change(place: int) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return changed


def rewrite(**changes: Any) -> Callable[[bytes], bytes]:
    """Another head, with a checksum that is right."""

    def rewritten(data: bytes) -> bytes:
        length = int.from_bytes(data[-8:], "little")
        parts, head = data[40 : -8 - length], msgspec.msgpack.decode(data[-8 - length : -8])
        assert changes.keys() <= head.keys()
        new = msgspec.msgpack.encode({**head, **changes})
        rest = parts + new + len(new).to_bytes(8, "little")
        return data[:8] + hashlib.sha256(rest).digest() + rest

    return rewritten


REFUSED = {
    "empty": (cut(0), "version"),
    "cut in the magic": (cut(5), "version"),
    "cut in the checksum": (cut(20), "checksum"),
    "cut in a part": (cut(300), "checksum"),
    "cut at the end": (cut(-1), "checksum"),
    "longer": (lambda data: data + b"\0", "checksum"),
    "another version": (lambda data: data[:7] + b"2" + data[8:], "version"),
    "no snapshot": (lambda data: b"SQLite format 3\0" + data, "version"),
    "a changed byte of the checksum": (change(8), "checksum"),
    "a changed byte of a part": (change(45), "checksum"),
    "a changed byte in the middle": (change(400), "checksum"),
    "a changed byte of the head": (change(-20), "checksum"),
    "a changed byte at the end": (change(-1), "checksum"),
    "another embedder": (rewrite(embedder="e@2"), "another embedder"),
    "other dimensions": (rewrite(dimensions=SIZE * 2), "16 dimensions"),
    "another usearch": (rewrite(usearch="1.0.0"), "usearch"),
    "a head that says nothing": (rewrite(last=None), "Expected"),
    "a part too many": (rewrite(parts=[[240, ["p"], [10], None], [960, ["q"], [40], None]]), "missing"),
    "a graph that is none": (rewrite(parts=[[240, ["p"], [10], 0]]), ""),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_does_not_fit_is_refused_and_removed(house: House, caplog: pytest.LogCaptureFixture, how: str) -> None:
    do, reason = REFUSED[how]
    house.add(*range(30))
    house.save()
    path = house.snapshots.path
    before = path.read_bytes()
    path.write_bytes(do(before))
    assert path.read_bytes() != before
    caplog.clear()
    mirror = house.mirror(house.of())
    (line,) = refusals(caplog)
    assert reason in line.partition("reason=")[2]
    assert "built anew from SQL" in line
    assert not path.exists()
    assert held(mirror) == house.stored()


def refused(house: House, caplog: pytest.LogCaptureFixture) -> str:
    """Why the snapshot of a house was refused."""
    caplog.clear()
    snapshots = house.of()
    assert held(house.mirror(snapshots)) == house.stored()
    (line,) = refusals(caplog)
    assert not snapshots.path.exists()
    assert snapshots.last is None
    return line


def test_one_of_another_database_is_refused(house: House, tmp_path: Path, empty: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also when the other has as many steps, of the same entries."""
    house.add(*range(30))
    house.save()
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other", empty) as other:
        other.clock.advance(0.001)
        other.add(*range(30))
        shutil.copytree(house.folder, other.folder)
        assert "another database" in refused(other, caplog)
    (tmp_path / "bare").mkdir()
    with opened(tmp_path / "bare", empty) as bare:
        shutil.copytree(house.folder, bare.folder)
        assert "another database" in refused(bare, caplog)


def test_one_of_a_database_that_was_put_back_is_refused(house: House, tmp_path: Path, empty: Path) -> None:
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other", empty) as other:
        for one in (house, other):
            one.add(*range(20))
        house.add(20)
        house.save()
        other.clock.advance(9.0)
        other.add(21)
        shutil.copytree(house.folder, other.folder)
        assert house.of().load() is not None
        assert other.of().load() is None


def test_of_a_database_that_lost_its_end_nothing_is_left(house: House, tmp_path: Path, empty: Path) -> None:
    """What came while the parts were copied is in the snapshot, and may be lost with the machine's power."""
    (tmp_path / "other").mkdir()
    with opened(tmp_path / "other", empty) as other:
        for one in (house, other):
            one.add(*range(20))
        life = Life(house)
        life.save([("add", [33])])
        shutil.copytree(house.folder, other.folder)
        assert other.of().load() is None


def test_one_that_is_too_old_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.add(*range(30))
    house.save()
    house.clock.advance(100.0)
    house.remove(3)
    house.entries.forget_operations(house.clock() - 50)
    assert "too old" in refused(house, caplog)


def test_one_to_which_the_stream_just_reaches_back_is_taken(house: House) -> None:
    house.add(*range(29))
    house.clock.advance(100.0)
    house.add(29)
    house.save()
    house.clock.advance(100.0)
    house.remove(3)
    house.entries.forget_operations(house.clock() - 150)
    assert house.entries.oldest_operation() == 30
    assert house.of().load() is not None


def test_one_of_which_the_first_step_is_too_old_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The step that it is recognised by is still there, but the parts were copied before it."""
    house.add(*range(30))
    house.clock.advance(100.0)
    Life(house).save([("remove", [3]), ("remove", [4])])
    house.entries.forget_operations(house.clock() - 0.5)
    assert "too old" in refused(house, caplog)


def test_clocks_that_differ_make_no_hole_in_the_stream(house: House) -> None:
    """The step after the snapshot was written by a machine that is ten seconds behind."""
    house.add(*range(10))
    house.save()
    house.clock.advance(-10.0)
    house.remove(3)
    house.clock.advance(10.0)
    house.add(11)
    house.entries.forget_operations(house.clock() - 5)
    assert held(house.mirror(house.of())) == house.stored()


def test_a_snapshot_that_cannot_be_read_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.add(*range(10))
    house.snapshots.path.mkdir(parents=True)
    assert held(house.mirror(house.of())) == house.stored()
    assert len(refusals(caplog)) == 1


# --- a process that ends in the middle of writing ---

DIE = """
import os, signal, sys
from pathlib import Path
from tests.unit.cache.semantic.test_snapshot import Busy, House

house = House(Path(sys.argv[1]), Path(sys.argv[2]))
mirror = house.mirror()
index, seen = mirror.state()
turns = iter(range(9))
die = lambda: next(turns) == int(sys.argv[3]) and os.kill(os.getpid(), signal.SIGKILL)
house.snapshots.save(lambda: (Busy(index, die), seen))
print("survived")
"""


@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("before", [False, True])
def test_a_process_that_is_killed_while_it_writes_leaves_what_was_there(house: House, at: int, before: bool) -> None:
    house.add(*range(30))
    if before:
        house.save()
    house.add(31)
    arguments = [str(house.folder), str(house.engine.url.database), str(at)]
    died = subprocess.run([sys.executable, "-c", DIE, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert len(list(house.folder.glob("*.draft"))) == 1
    loaded = house.of().load()
    assert list(house.folder.glob("*.draft")) == []
    if before:
        assert loaded is not None
        assert loaded[1] == 30
    else:
        assert loaded is None
    assert held(house.mirror(house.of())) == house.stored()


def test_what_another_process_is_writing_is_left_alone(house: House) -> None:
    house.folder.mkdir()
    draft = house.folder / "a.draft"
    with draft.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert house.of().load() is None
        assert draft.exists()
    assert house.of().load() is None
    assert not draft.exists()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_without_room_leaves_what_was_there(house: House) -> None:
    house.add(*range(30))
    house.save()
    before = house.snapshots.path.read_bytes()
    house.add(*range(30, 60))
    mirror = house.mirror()
    with file_size_limit(500), pytest.raises(OSError):
        house.snapshots.save(mirror.state)
    assert [path.read_bytes() for path in house.folder.iterdir()] == [before]


# --- when it is saved ---


class Desk:
    """A keeper, and what it decides by."""

    def __init__(self, house: House, size: int = 100) -> None:
        self.house = house
        self.mirror = house.mirror()
        self.leads = True
        self.now = 0.0
        self.snapshots = house.snapshots
        self.keeper = Keeper(
            self.snapshots, self.mirror.state, lambda: self.leads, house.clock, clock=lambda: self.now, fewest=size, rest=0.01
        )

    def saved(self, *, closing: bool = False, after: float = SNAPSHOT_EVERY_S) -> bool:
        """Whether a look at the index, some seconds after the one before, saves it."""
        self.now += after
        self.mirror.catch_up()
        before = self.snapshots.last
        self.keeper.look(closing=closing)
        return self.snapshots.last is not before


def test_a_small_index_is_not_worth_it(house: House) -> None:
    desk = Desk(house)
    house.add(*range(99))
    assert not desk.saved()
    assert not desk.saved(closing=True)
    assert not house.folder.exists()
    house.add(99)
    assert desk.saved()


def test_a_snapshot_of_what_has_become_small_is_removed(house: House) -> None:
    """Else what was deleted would stay on disk for good."""
    house.add(*range(110))
    desk = Desk(house)
    assert desk.saved()
    house.remove(*range(20))
    desk.leads = False
    assert not desk.saved()
    assert house.snapshots.path.exists()
    desk.leads = True
    assert desk.saved()
    assert not house.snapshots.path.exists()
    assert not desk.saved()


def test_who_does_not_lead_saves_nothing(house: House) -> None:
    house.add(*range(110))
    desk = Desk(house)
    desk.leads = False
    assert not desk.saved()
    assert not desk.saved(closing=True)
    desk.leads = True
    assert desk.saved()


def test_without_an_index_nothing_is_saved(house: House) -> None:
    keeper = Keeper(house.snapshots, lambda: None, lambda: True, house.clock, fewest=0)
    keeper.look()
    keeper.look(closing=True)
    assert not house.folder.exists()


def test_it_is_saved_when_enough_has_changed(house: House) -> None:
    house.add(*range(150))
    desk = Desk(house)
    assert desk.saved()
    assert not desk.saved()
    house.add(200)
    house.remove(1)
    assert not desk.saved()
    house.remove(2)
    assert desk.saved()


def test_it_is_saved_once_a_minute_at_most(house: House) -> None:
    house.add(*range(110))
    desk = Desk(house)
    assert desk.saved()
    house.add(*range(110, 150))
    assert not desk.saved(after=SNAPSHOT_EVERY_S - 1)
    assert desk.saved(after=2)


def test_what_has_hardly_changed_is_saved_before_the_stream_is_forgotten(house: House) -> None:
    house.add(*range(110))
    desk = Desk(house)
    assert desk.saved()
    house.clock.advance(RENEWED_S + 1)
    assert not desk.saved()
    house.remove(1)
    assert desk.saved()
    assert not desk.saved()


def test_at_the_end_it_is_saved_when_anything_material_has_changed(house: House) -> None:
    house.add(*range(150))
    desk = Desk(house)
    assert desk.saved()
    assert not desk.saved(closing=True)
    house.remove(1, 2)
    assert not desk.saved(closing=True, after=1)
    house.remove(3)
    assert desk.saved(closing=True, after=1)


def test_one_that_was_loaded_is_not_saved_at_once(house: House) -> None:
    house.add(*range(110))
    house.save()
    house.snapshots = house.of()
    house.snapshots.load()
    desk = Desk(house)
    assert not desk.saved()
    assert not desk.saved(closing=True)


def test_a_folder_that_cannot_be_written_is_one_warning(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.add(*range(110))
    desk = Desk(house)
    house.folder.write_bytes(b"a file where the folder should be")
    for _ in range(3):
        assert not desk.saved()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "semantic_snapshot_not_written" in caplog.text
    house.folder.unlink()
    assert desk.saved()
    house.add(*range(110, 130))
    shutil.rmtree(house.folder)
    house.folder.touch()
    assert not desk.saved()
    assert len(caplog.records) == 2


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    pause = threading.Event()
    while not done():
        assert time.monotonic() < end, "it did not happen"
        pause.wait(0.005)


def test_the_thread_saves_while_it_runs_and_at_its_end(house: House) -> None:
    house.add(*range(110))
    desk = Desk(house)
    desk.keeper.start()
    until(house.snapshots.path.exists)
    house.add(*range(110, 130))
    desk.mirror.catch_up()
    desk.keeper.close()
    loaded = house.of().load()
    assert loaded is not None
    assert loaded[1] == 130


def test_the_thread_outlives_errors(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.add(*range(110))
    mirror = house.mirror()
    outcomes = iter([StoreUnavailable("away"), RuntimeError("a mistake")])

    def source() -> tuple[VectorIndex, int] | None:
        for error in outcomes:
            raise error
        return mirror.state()

    keeper = Keeper(house.snapshots, source, lambda: True, house.clock, fewest=1, rest=0.01)
    keeper.start()
    with closing(keeper):
        until(house.snapshots.path.exists)
    assert caplog.text.count("semantic_snapshot_failed") == 1


def test_searches_and_writes_go_on_while_it_is_saved(house: House) -> None:
    """What a process serves meanwhile is what it would serve without."""
    house.add(*range(2000))
    mirror = house.mirror()
    state = mirror.state()
    assert state is not None
    writing = threading.Event()

    def slow() -> None:
        writing.set()
        assert written.wait(20)

    written = threading.Event()
    busy: Any = Busy(state[0], slow)
    saving = threading.Thread(target=house.snapshots.save, args=(always(busy, state[1]),))
    saving.start()
    assert writing.wait(20)
    house.remove(7)
    house.add(2001)
    mirror.catch_up()
    assert held(mirror) == house.stored()
    assert len(mirror.search("q", VECTORS[7].astype(np.float32), 5)) == 5
    written.set()
    saving.join(20)
    assert held(house.mirror(house.of())) == house.stored()


# --- partitions ---


def test_an_entry_of_another_partition_is_not_loaded(house: House) -> None:
    """Were the index wrong, it would still not lead from one partition into another."""
    house.add(1, 2, 3)
    seqs = sorted(house.stored())
    assert [entry.seq for entry in house.entries.load("t", seqs)] == seqs
    for seq, partition in zip(seqs, "qrp", strict=True):
        assert [entry.seq for entry in house.entries.load("t", seqs, partition)] == [seq]
    assert house.entries.load("t", seqs, "x") == []
    assert house.entries.load("t", seqs, "") == []
    assert len(house.stored()) == 3
