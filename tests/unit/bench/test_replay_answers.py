"""What the simulated model says, knows and bills; and that its answers can be told apart."""

from __future__ import annotations

import msgspec
import pytest

from bench.replay import knowledge as knowing
from bench.replay.answers import MIN_TOKENS, UNKNOWN, Verdict, answer_text, digest, judge
from bench.replay.context import Context, Contexts, Message, filler
from bench.replay.knowledge import Behaviour, Counts, Knowledge, messages_of, prompt_tokens, understand
from bench.replay.traces import Arrival
from bench.replay.workload import Request, Workload
from pipeline.upstream.sim.plan import prompt_tokens as simulated_prompt_tokens
from pipeline.upstream.tokens import count_tokens
from tests.unit.upstream.support import words


def request(number: int, answer: int, context: int, text: str) -> Request:
    return Request(number, 0.0, "new", answer, context, text, False)


def workload() -> Workload:
    contexts = [Context((Message("system", "one"),)), Context((Message("system", "two"),))]
    requests = [request(0, 0, 0, "hello"), request(1, 0, 0, "hi"), request(2, 1, 1, "hello"), request(3, 2, 1, "bye")]
    return Workload(7, requests, [20, 30, 40], contexts)


def known(failure_rate: float = 0.0, seed: int = 7) -> Knowledge:
    found = knowing.of(workload(), Behaviour(failure_rate=failure_rate, slow_rate=0.3), words)
    return msgspec.structs.replace(found, seed=seed)


@pytest.mark.parametrize("answer", [0, 7, 123, 9999, 12345])
@pytest.mark.parametrize("tokens", [MIN_TOKENS, 40, 700])
def test_an_answer_has_exactly_its_tokens(answer: int, tokens: int) -> None:
    assert count_tokens(answer_text(3, answer, tokens)) == tokens


@pytest.mark.parametrize("tokens", [16, 333, 1024])
def test_filler_has_exactly_its_tokens_and_depends_on_its_seed(tokens: int) -> None:
    assert count_tokens(filler("a", tokens)) == tokens
    assert filler("a", tokens) == filler("a", tokens)
    assert filler("a", tokens) != filler("b", tokens)


def test_a_context_is_as_long_as_the_trace_says_within_its_bounds() -> None:
    contexts = Contexts(1, 500, "system")
    lengths = [count_tokens(contexts.made[contexts.of(Arrival(0, tokens, 1))].messages[0].content) for tokens in (2, 300, 9000)]
    assert lengths == [16, 300, 500]


def test_answers_are_told_apart() -> None:
    right = answer_text(1, 12, 50)
    assert judge(right, 1, 12, 50) is Verdict.RIGHT
    assert judge(answer_text(1, 1, 50), 1, 12, 50) is Verdict.WRONG
    assert judge(answer_text(1, 123, 50), 1, 12, 50) is Verdict.WRONG
    assert judge(UNKNOWN, 1, 12, 50) is Verdict.WRONG
    assert judge(right[:-5], 1, 12, 50) is Verdict.DAMAGED
    assert judge(right + right, 1, 12, 50) is Verdict.DAMAGED
    assert judge(answer_text(2, 12, 50), 1, 12, 50) is Verdict.DAMAGED
    assert judge("", 1, 12, 50) is Verdict.DAMAGED


def test_the_model_knows_a_question_by_all_of_its_words() -> None:
    found = [understand(known(), workload().messages(request), words) for request in workload().requests]
    assert [one.answer for one in found] == [0, 0, 1, 2]
    assert not any(one.changed for one in found)


def test_a_shortened_prompt_is_known_by_its_question_unless_that_says_too_little() -> None:
    bye = understand(known(), [Message("user", "bye")], words)
    assert (bye.answer, bye.changed) == (2, True)
    assert understand(known(), [Message("user", "hello")], words).answer is None
    assert understand(known(), [Message("user", "what?")], words).answer is None


def test_how_the_json_is_written_does_not_matter() -> None:
    plain = {"messages": [{"role": "system", "content": "one"}, {"role": "user", "content": "hello"}]}
    parts = {"messages": [{"content": "one", "role": "system"}, {"role": "user", "content": [{"type": "text", "text": "hello"}]}]}
    assert digest(messages_of(plain)) == digest(messages_of(parts)) == digest(workload().messages(workload().requests[0]))


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": "x"}, {"messages": ["x"]}])
def test_a_body_without_messages_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="messages"):
        messages_of(body)


def test_prompt_tokens_are_counted_as_the_simulator_counts_them() -> None:
    messages = workload().messages(workload().requests[0])
    body = {"messages": [{"role": message.role, "content": message.content} for message in messages]}
    assert prompt_tokens(messages, count_tokens) == simulated_prompt_tokens(body, count_tokens)


def test_fate_depends_on_the_seed_the_words_and_the_number_of_the_call_alone() -> None:
    def fates(seed: int) -> list[bool]:
        return [knowing.fate(known(0.3, seed), name, n).fails for name in ("a", "b") for n in range(200)]

    assert fates(1) == fates(1)
    assert fates(1) != fates(2)
    assert fates(1)[:200] != fates(1)[200:]
    assert sum(fates(1)) / 400 == pytest.approx(0.3, abs=0.08)
    assert not any(knowing.fate(known(), "a", n).fails for n in range(100))
    assert {knowing.fate(known(), "a", n).factor for n in range(100)} == {1.0, 5.0}


def test_costs_are_exact() -> None:
    assert Behaviour(input_price=0.15, output_price=0.60).cost(12, 129) == 79_200_000


def test_failed_calls_are_counted_and_cost_nothing() -> None:
    counts = Counts()
    asked = understand(known(), workload().messages(workload().requests[0]), words)
    assert [counts.occurrence(asked.digest) for _ in range(2)] == [1, 2]
    counts.call(asked, failed=True, stream=True)
    counts.call(asked, failed=False, stream=False)
    counts.answered(10, 20, 300)
    shown = counts.shown()
    assert (shown["calls"], shown["failed"], shown["streams"], shown["different"]) == (2, 1, 1, 1)
    assert (shown["prompt_tokens"], shown["completion_tokens"], shown["cost"]) == (10, 20, 300)
