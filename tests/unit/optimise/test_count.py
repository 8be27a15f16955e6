"""Tokens: exact where the vocabulary is public, else an estimate that `usage` corrects."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.optimise.count import LEAST, MOST, MOST_MODELS, PER_MESSAGE, PER_REPLY, Counter, Ratios, family
from pipeline.upstream.tokens import TokenCounter, count_tokens

TEXT = "Zażółć gęślą jaźń, and the quick brown fox. " * 20


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o-mini", "o200k"),
        ("gpt-4.1", "o200k"),
        ("gpt-5-nano", "o200k"),
        ("openai/o3-mini", "o200k"),
        ("chatgpt-4o-latest", "o200k"),
        ("gpt-4", "cl100k"),
        ("gpt-4-turbo", "cl100k"),
        ("gpt-3.5-turbo", "cl100k"),
        ("text-embedding-3-small", "cl100k"),
        ("claude-sonnet-5", "claude"),
        ("anthropic/claude-opus-4", "claude"),
        ("mixtral-8x7b", "mistral"),
        ("Llama-3-8B", "llama"),
        ("my-own", "unknown"),
    ],
)
def test_models_are_told_by_their_names(model: str, name: str) -> None:
    assert family(model).name == name


def test_public_vocabularies_are_counted_with() -> None:
    counter = Counter()
    assert counter.count("gpt-4o", TEXT) == count_tokens(TEXT)
    assert counter.count("gpt-4", TEXT) == TokenCounter("cl100k_base").count(TEXT) != count_tokens(TEXT)
    assert counter.count("gpt-4o", "") == 0


def test_messages_cost_more_than_their_texts() -> None:
    counter = Counter()
    messages = [
        {"role": "user", "content": TEXT},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]},
    ]
    assert counter.count_messages("gpt-4o", messages) == PER_REPLY + 2 * (PER_MESSAGE + 1) + count_tokens(TEXT) + 1


def test_a_text_that_the_vocabulary_refuses_at_once_is_counted_in_pieces() -> None:
    assert Counter().count("gpt-4o", "\U0001f469 x" * 100_000) > 200_000


def test_usage_corrects_the_estimate() -> None:
    counter = Counter()
    messages = [{"role": "user", "content": TEXT}]
    before = counter.count_messages("my-own", messages)
    for _ in range(100):
        counter.learn("my-own", messages, round(before * 1.3))
    assert counter.count_messages("my-own", messages) == pytest.approx(before * 1.3, rel=0.05)
    assert counter.count_messages("another", messages) == before


def test_one_short_prompt_does_not_decide() -> None:
    ratios = Ratios()
    ratios.learn("m", 10, 18)
    assert ratios.of("m") == pytest.approx(1, abs=0.01)


def test_what_is_new_counts_more_than_what_is_old() -> None:
    ratios = Ratios()
    for told in (1_500, 1_000):
        for _ in range(200):
            ratios.learn("m", 1_000, told)
    assert ratios.of("m") == pytest.approx(1, abs=0.03)


def test_the_ratio_is_bounded_and_what_is_of_something_else_is_not_taken() -> None:
    ratios = Ratios()
    for _ in range(200):
        ratios.learn("high", 1_000, 3_900)
        ratios.learn("low", 1_000, 260)
        ratios.learn("image", 100, 100_000)
        ratios.learn("none", 0, 10)
    assert (ratios.of("high"), ratios.of("low")) == (MOST, LEAST)
    assert ratios.of("image") == ratios.of("none") == 1


def test_old_models_are_forgotten() -> None:
    ratios = Ratios()
    for number in range(MOST_MODELS + 1):
        for _ in range(20):
            ratios.learn(f"m{number}", 10_000, 15_000)
    assert ratios.of("m0") == 1
    assert ratios.of(f"m{MOST_MODELS}") > 1.4


def test_threads_may_learn_at_once() -> None:
    ratios = Ratios()
    start = threading.Barrier(4)

    def learn() -> None:
        start.wait()
        for _ in range(500):
            ratios.learn("m", 1_000, 1_200)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(learn) for _ in range(4)]:
            done.result()
    assert ratios.of("m") == pytest.approx(1.2, abs=0.02)
