"""Workloads of the trace player: the same from the same seed, with the promised mix, and with traps that are traps."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from bench.replay import prompts, tiny, traces
from bench.replay.answers import digest
from bench.replay.context import Contexts
from bench.replay.plan import TINY, Library, Plan
from bench.replay.prompts import Question
from bench.replay.traces import Arrival, MissingDataError
from bench.replay.workload import KINDS, Mix, Workload, generate
from bench.replay.zipf import Popular

DATA = Path(os.environ.get("REPLAY_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the evaluation data is not in {DATA}; REPLAY_DATA says where it is")


def many_questions(count: int = 3000) -> list[Question]:
    """Questions with three wordings each, and one near miss each."""
    pairs = []
    for number in range(count):
        pairs += [(f"q{number} one", f"q{number} two", True), (f"q{number} one", f"q{number} three", True)]
        pairs += [(f"q{number} two", f"near q{number}", False)]
    return prompts.questions(pairs)


def many_arrivals(count: int, blocks: bool = False) -> list[Arrival]:
    rng = Random(5)
    return [Arrival(n / 10, rng.randrange(500), rng.randrange(300), (0, n % 7, n % 35) if blocks else ()) for n in range(count)]


def make(seed: int = 1, count: int = 2000, mix: Mix | None = None, *, blocks: bool = False, place: str = "system") -> Workload:
    contexts = Contexts(seed, 256, place)
    return generate(many_arrivals(count, blocks), many_questions(), contexts, mix or Mix(), seed)


def tiny_workload(seed: int) -> Workload:
    return Library(Plan(traces=(TINY,), prompts=(TINY,), mix=tiny.MIX, requests=150), DATA).workload(TINY, seed)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert make(seed=1).encoded() == make(seed=1).encoded()
    assert make(seed=1).encoded() != make(seed=2).encoded()
    assert tiny_workload(1).encoded() == tiny_workload(1).encoded()
    assert tiny_workload(1).encoded() != tiny_workload(2).encoded()


@pytest.mark.parametrize("place", ["system", "prompt", "blocks"])
def test_the_kinds_have_their_shares(place: str) -> None:
    workload = make(blocks=place == "blocks", place="system" if place == "blocks" else place)
    kinds = Counter(request.kind for request in workload.requests)
    for kind in KINDS:
        assert kinds[kind] / 2000 == pytest.approx(getattr(Mix(), kind), abs=0.02), kind
    assert sum(request.stream for request in workload.requests) == 600


def test_popularity_follows_zipf() -> None:
    popular: Popular[int] = Popular(1.0, 1000, Random(3))
    for number in range(1000):
        popular.add(number)
    drawn = Counter(popular.draw() for _ in range(200_000))
    ordered = [count for _, count in drawn.most_common(200)]
    for rank in (2, 5, 10, 50):
        assert ordered[0] / ordered[rank - 1] == pytest.approx(rank, rel=0.15)


def test_an_exponent_of_zero_asks_all_equally_often() -> None:
    popular: Popular[int] = Popular(0.0, 10, Random(3))
    for number in range(10):
        popular.add(number)
    drawn = Counter(popular.draw() for _ in range(20_000))
    assert max(drawn.values()) / min(drawn.values()) < 1.2


def test_only_what_is_eligible_is_drawn() -> None:
    popular: Popular[int] = Popular(1.0, 500, Random(3))
    assert popular.draw() is None
    for number in range(500):
        popular.add(number)
    assert {popular.draw(lambda number: number == 321) for _ in range(20)} == {321}
    assert popular.draw(lambda number: False) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_trap_never_shares_the_answer_of_what_it_looks_like(seed: int) -> None:
    for workload in (make(seed=seed), tiny_workload(seed)):
        context_of = {request.answer: request.context for request in workload.requests}
        traps = [request for request in workload.requests if request.kind == "trap"]
        assert traps
        for trap in traps:
            assert trap.like is not None
            assert trap.like != trap.answer
            assert context_of[trap.like] == trap.context
            said = {request.text for request in workload.requests if request.answer == trap.like}
            assert trap.text not in said


def test_the_same_words_after_another_context_want_another_answer() -> None:
    workload = make()
    said = {(request.answer, request.text) for request in workload.requests}
    found = [request for request in workload.requests if request.kind == "context"]
    assert found
    for request in found:
        assert request.like != request.answer
        assert (request.like, request.text) in said


@pytest.mark.parametrize("blocks", [False, True])
def test_each_conversation_has_one_answer_and_only_repeats_come_twice(blocks: bool) -> None:
    workload = make(blocks=blocks)
    answer_of: dict[str, int] = {}
    asked: set[int] = set()
    for request in workload.requests:
        name = digest(workload.messages(request))
        assert (name in answer_of) == (request.kind == "repeat")
        assert answer_of.setdefault(name, request.answer) == request.answer
        assert (request.answer in asked) == (request.kind in ("repeat", "paraphrase"))
        asked.add(request.answer)


def test_all_that_look_alike_in_one_context_are_labelled_different() -> None:
    """What is unlike something that is unlike a third may be like the third: no chain of traps may hide that."""
    pairs = [("a", "b", False), ("b", "c", False), ("c", "d", False)]  # of a and c nothing is known
    workload = generate(
        many_arrivals(3), prompts.questions(pairs), Contexts(1, 64, "system"), Mix(repeat=0, paraphrase=0, trap=0.9, context=0), 1
    )
    labelled = {frozenset(pair[:2]) for pair in pairs}
    for one in workload.requests:
        for other in workload.requests:
            if one.context == other.context and one.text != other.text:
                assert frozenset((one.text, other.text)) in labelled


def test_without_contexts_nothing_stands_before_a_question() -> None:
    workload = make(place="none", mix=Mix(repeat=0.5, paraphrase=0.1, trap=0.1, context=0.1))
    assert {len(workload.messages(request)) for request in workload.requests} == {1}
    assert all(request.kind != "context" for request in workload.requests)


def test_requests_of_one_conversation_share_their_first_messages() -> None:
    contexts = Contexts(1, 1024, "system")
    first, second, other = (contexts.made[contexts.of(Arrival(0, 1, 1, blocks))] for blocks in ((0, 1, 2), (0, 1, 2, 3), (0, 9)))
    assert second.messages[: len(first.messages)] == first.messages
    assert other.messages[0] == first.messages[0]
    assert other.messages[1] != first.messages[1]
    assert contexts.of(Arrival(5, 1, 1, (0, 1, 2))) == 0


def test_too_few_questions_are_told() -> None:
    with pytest.raises(ValueError, match="too few questions"):
        generate(many_arrivals(50), many_questions(3), Contexts(1, 64, "system"), Mix(repeat=0, paraphrase=0), 1)


def test_shares_over_one_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        Mix(repeat=0.9, paraphrase=0.2)


def test_the_window_keeps_the_gaps_and_divides_them_by_the_speed() -> None:
    arrivals = [Arrival(float(n * n), n, n) for n in range(100)]
    chosen = traces.window(arrivals, 10, 2.0, Random(1))
    first = chosen[0].in_tokens
    assert [arrival.at for arrival in chosen] == [((first + n) ** 2 - first**2) / 2 for n in range(10)]
    assert traces.window(arrivals, 10, 2.0, Random(1)) == chosen
    assert len(traces.window(arrivals, 1000, 2.0, Random(1))) == 100


def test_missing_data_is_named_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"azure_llm_trace_2023.*--data.*REPLAY_DATA.*--tiny"):
        Library(Plan(), tmp_path).workload("azure-conv", 1)


@needs_data
@pytest.mark.parametrize("trace", traces.TRACES)
def test_the_real_traces_and_prompts_give_every_kind(trace: str) -> None:
    library = Library(Plan(requests=1000), DATA)
    workload = library.workload(trace, 1)
    kinds = Counter(request.kind for request in workload.requests)
    for kind in KINDS:
        assert kinds[kind] / 1000 == pytest.approx(getattr(Mix(), kind), abs=0.03), kind
    assert workload.encoded() == Library(Plan(requests=1000), DATA).workload(trace, 1).encoded()
    assert [request.at for request in workload.requests] == sorted(request.at for request in workload.requests)
