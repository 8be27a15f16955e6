"""The vector index: it finds what a search through everything would find, whatever was added, replaced and removed before."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pipeline.cache import index
from pipeline.cache.index import Graph, Neighbour, VectorIndex, pack, unit, unpack

SIZE = 16
VECTORS = unit(np.random.default_rng(5).normal(size=(200, SIZE)))
NEAR = 0.004  # what half precision may move a cosine by
PARTITIONS = st.sampled_from(["a", "b", "c"])
SEQS = st.integers(0, 60)
PLACES = st.integers(0, len(VECTORS) - 1)


def nearest(stored: dict[int, tuple[str, np.ndarray]], partition: str, vector: np.ndarray) -> dict[int, float]:
    """Cosines by number, of everything."""
    return {seq: float(other @ vector) for seq, (where, other) in stored.items() if where == partition}


class Model(RuleBasedStateMachine):
    """An index beside a plain dictionary, with a graph from the sixth vector on."""

    @initialize(exact_up_to=st.sampled_from([0, 1, 5, 1000]))
    def start(self, exact_up_to: int) -> None:
        self.exact_up_to = exact_up_to
        self.index = VectorIndex(SIZE, exact_up_to=exact_up_to)
        self.stored: dict[int, tuple[str, np.ndarray]] = {}

    @rule(partition=PARTITIONS, seq=SEQS, place=PLACES)
    def add(self, partition: str, seq: int, place: int) -> None:
        self.index.add(partition, seq, VECTORS[place])
        self.stored[seq] = (partition, VECTORS[place])

    @rule(partition=PARTITIONS, first=PLACES, count=st.integers(1, 30))
    def add_many(self, partition: str, first: int, count: int) -> None:
        for seq in range(count):
            self.add(partition, seq, (first + seq) % len(VECTORS))

    @rule(seq=SEQS)
    def remove(self, seq: int) -> None:
        assert self.index.remove(seq) == (seq in self.stored)
        self.stored.pop(seq, None)

    @rule(seqs=st.sets(SEQS, min_size=10))
    def remove_many(self, seqs: set[int]) -> None:
        for seq in seqs:
            self.remove(seq)

    @rule(at_once=st.sampled_from([1, 20, 1000]))
    def go_on_with_a_copy(self, at_once: int) -> None:
        copy = VectorIndex(SIZE, exact_up_to=self.exact_up_to)
        for part in self.index.copies(at_once):
            copy.take(part)
        self.index = copy

    @rule(partition=PARTITIONS, place=PLACES, count=st.integers(1, 12))
    def search(self, partition: str, place: int, count: int) -> None:
        found = self.index.search(partition, VECTORS[place], count)
        expected = nearest(self.stored, partition, VECTORS[place])
        assert [n.cosine for n in found] == sorted((n.cosine for n in found), reverse=True)
        assert len({n.seq for n in found}) == len(found) == min(count, len(expected))
        for neighbour in found:
            assert neighbour.cosine == pytest.approx(expected[neighbour.seq], abs=NEAR)
        if expected:
            # So few are searched as good as exactly, also in the graph.
            limit = sorted(expected.values(), reverse=True)[: len(found)][-1]
            assert all(neighbour.cosine >= limit - NEAR for neighbour in found)

    @invariant()
    def as_many(self) -> None:
        if hasattr(self, "index"):
            assert len(self.index) == len(self.stored)
            assert all((seq in self.index) == (seq in self.stored) for seq in range(61))


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


# --- what is refused ---


@pytest.mark.parametrize(
    "vector",
    [
        VECTORS[0][:8],
        np.concatenate([VECTORS[0], VECTORS[0]]),
        VECTORS[:1],
        VECTORS[0] * 0.9,
        VECTORS[0] * 1.1,
        np.zeros(SIZE, np.float32),
        np.full(SIZE, np.nan, np.float32),
        np.full(SIZE, np.inf, np.float32),
    ],
)
def test_what_is_no_unit_vector_is_refused_and_changes_nothing(vector: np.ndarray) -> None:
    made = VectorIndex(SIZE)
    made.add("a", 1, VECTORS[0])
    with pytest.raises(ValueError, match="vector 1"):
        made.add("a", 1, vector)
    assert [n.seq for n in made.search("a", VECTORS[0], 5)] == [1]


@pytest.mark.parametrize("exact_up_to", [1, 100])
def test_a_search_with_a_vector_of_another_length_is_refused(exact_up_to: int) -> None:
    made = VectorIndex(SIZE, exact_up_to=exact_up_to)
    for seq in range(5):
        made.add("a", seq, VECTORS[seq])
    with pytest.raises(ValueError):
        made.search("a", VECTORS[0][:8], 3)


def test_half_precision_is_enough_for_a_vector_to_be_taken() -> None:
    made = VectorIndex(SIZE)
    made.add("a", 1, VECTORS[0].astype(np.float16))
    assert made.search("a", VECTORS[0].astype(np.float16), 1)[0].cosine == pytest.approx(1, abs=NEAR)


def test_nothing_is_found_where_nothing_is() -> None:
    made = VectorIndex(SIZE)
    assert made.search("a", VECTORS[0], 5) == []
    made.add("a", 1, VECTORS[0])
    assert made.search("b", VECTORS[0], 5) == []
    assert made.search("a", VECTORS[0], 1) == [Neighbour(1, pytest.approx(1.0, abs=1e-5))]


# --- graphs ---


def test_a_vector_that_moves_to_another_partition_is_found_there_only() -> None:
    made = VectorIndex(SIZE, exact_up_to=10)
    for seq in range(50):
        made.add("a", seq, VECTORS[seq])
    made.add("b", 7, VECTORS[100])
    assert 7 not in {n.seq for n in made.search("a", VECTORS[7], 50)}
    assert [n.seq for n in made.search("b", VECTORS[7], 5)] == [7]


def test_a_graph_of_which_most_was_removed_still_finds_all_that_is_left() -> None:
    made = VectorIndex(SIZE, exact_up_to=10)
    for seq, vector in enumerate(VECTORS):
        made.add("a", seq, vector)
    for seq in range(len(VECTORS)):
        if seq % 10:
            assert made.remove(seq)
    for seq in range(0, len(VECTORS), 10):
        assert made.search("a", VECTORS[seq], 1)[0].seq == seq
    assert {n.seq for n in made.search("a", VECTORS[1], 100)} == set(range(0, len(VECTORS), 10))


def test_a_graph_finds_nearly_all_that_is_nearest() -> None:
    drawn = np.random.default_rng(1)
    vectors, asked = unit(drawn.normal(size=(800, 48))), unit(drawn.normal(size=(40, 48)))
    made = VectorIndex(48, exact_up_to=100)
    for seq, vector in enumerate(vectors):
        made.add("a", seq, vector)
    right = [set(np.argsort(-(vectors @ vector))[:8]) for vector in asked]
    found = [{n.seq for n in made.search("a", vector, 8)} for vector in asked]
    assert sum(len(mine & theirs) for mine, theirs in zip(right, found, strict=True)) > 0.97 * 8 * len(asked)


# --- copies ---


def filled(count: int, exact_up_to: int) -> VectorIndex:
    made = VectorIndex(SIZE, exact_up_to=exact_up_to)
    for seq in range(count):
        made.add("abc"[seq % 3], seq, VECTORS[seq])
    return made


def test_a_part_that_is_there_already_is_refused() -> None:
    made = filled(30, 5)
    for part in filled(30, 5).copies():
        with pytest.raises(ValueError, match="already"):
            made.take(part)
    assert len(made) == 30


@pytest.mark.parametrize(("partition", "seq"), [("b", 1), ("a", 2)])
def test_a_part_with_a_number_or_a_partition_that_is_there_already_is_refused(partition: str, seq: int) -> None:
    made, other = VectorIndex(SIZE), VectorIndex(SIZE)
    made.add("a", 1, VECTORS[0])
    other.add(partition, seq, VECTORS[1])
    with pytest.raises(ValueError, match="already"):
        made.take(*other.copies())
    assert [near.seq for near in made.search("a", VECTORS[1], 5)] == [1]
    assert made.search("b", VECTORS[1], 1) == []
    assert 2 not in made


@pytest.mark.parametrize("exact_up_to", [5, 1000])
def test_a_part_with_vectors_of_another_length_is_refused(exact_up_to: int) -> None:
    made = VectorIndex(SIZE // 2)
    for part in filled(30, exact_up_to).copies():
        with pytest.raises(ValueError):
            made.take(part)
    assert len(made) == 0


def test_a_graph_of_which_something_is_missing_is_refused() -> None:
    made = VectorIndex(SIZE)
    for part in filled(30, 5).copies():
        assert isinstance(part, Graph)
        for broken in (part._replace(data=part.data[:-20]), part._replace(data=bytearray()), part._replace(size=11)):
            with pytest.raises((ValueError, RuntimeError)):
                made.take(broken)
    assert len(made) == 0


def test_a_copied_graph_knows_how_worn_it_is() -> None:
    """Else the vectors that were removed before would never be cleared away."""
    made, copy = filled(90, 5), VectorIndex(SIZE)
    for seq in range(0, 15, 3):
        made.remove(seq)
    for part in made.copies():
        copy.take(part)
    assert [part.gone for part in copy.copies() if isinstance(part, Graph) and part.partition == "a"] == [5]
    for seq in (15, 18):  # with these, more than a fifth
        copy.remove(seq)
    assert [part.gone for part in copy.copies() if isinstance(part, Graph) and part.partition == "a"] == [0]


def test_a_partition_that_ends_between_two_parts_is_left_out() -> None:
    made, copy = filled(9, 100), VectorIndex(SIZE)
    parts = made.copies(at_once=1)
    copy.take(next(parts))
    for seq in range(9):
        made.remove(seq)
    for part in parts:
        copy.take(part)
    assert len(copy) == 3


# --- threads ---


def test_threads_that_write_and_search_leave_it_whole() -> None:
    made = VectorIndex(SIZE, exact_up_to=20)
    done = threading.Event()

    def write(first: int) -> None:
        for turn in range(3):
            for seq in range(first, 150, 3):
                made.add("a" if (seq + turn) % 2 else "b", seq, VECTORS[(seq + turn) % len(VECTORS)])
            for seq in range(first, 150, 6):
                made.remove(seq)

    def search() -> None:
        for place in itertools.cycle(range(len(VECTORS))):
            found = [neighbour for partition in "ab" for neighbour in made.search(partition, VECTORS[place], 5)]
            assert all(neighbour.cosine < 1.01 for neighbour in found)
            if done.is_set():
                return

    with ThreadPoolExecutor(4) as pool:
        searching = pool.submit(search)
        for writing in [pool.submit(write, first) for first in range(3)]:
            writing.result(60)
        done.set()
        searching.result(60)
    left = {seq for seq in range(150) if seq in made}
    assert left == set(range(150)) - {seq for first in range(3) for seq in range(first, 150, 6)}
    assert {n.seq for partition in "ab" for n in made.search(partition, VECTORS[0], 200)} == left


def test_others_go_on_while_a_graph_is_built() -> None:
    """usearch keeps the interpreter's lock, so many vectors at once would stop the whole process for seconds."""
    vectors = unit(np.random.default_rng(2).normal(size=(1501, 128)))
    made = VectorIndex(128, exact_up_to=1500)
    for seq, vector in enumerate(vectors[:1500]):
        made.add("a", seq, vector)
    building = threading.Thread(target=made.add, args=("a", 1500, vectors[1500]))
    searches = 0
    building.start()
    while building.is_alive():
        assert made.search("a", vectors[3], 1)[0].seq == 3
        searches += 1
        time.sleep(0.001)
    assert searches > 3
    assert made.search("a", vectors[1500], 1)[0].seq == 1500
    assert index.AT_ONCE < 100


# --- how vectors are stored ---


@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=8))
def test_a_packed_vector_comes_back(numbers: list[float]) -> None:
    data = pack(np.array(numbers, np.float32))
    assert len(data) == 2 * len(numbers)
    assert unpack(data, len(numbers)).tolist() == numbers
    assert unpack(data, len(numbers)).dtype == np.float32


@pytest.mark.skipif(sys.byteorder != "little", reason="compares with the machine's own order")
def test_it_is_stored_in_little_endian() -> None:
    assert pack(np.array([1.0, -2.0])) == np.array([1.0, -2.0], np.float16).tobytes()


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00" * 31, b"\x00" * 34])
def test_bytes_of_another_length_are_no_vector(data: bytes) -> None:
    with pytest.raises(ValueError, match="bytes"):
        unpack(data, SIZE)


def test_rows_are_scaled_to_length_one() -> None:
    assert unit([[3, 4], [0, -2]]).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, -1]]


@pytest.mark.parametrize("rows", [[[0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], [[float("nan"), 1.0]], [[float("inf"), 1.0]]])
def test_a_row_without_direction_is_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="direction"):
        unit(rows)
