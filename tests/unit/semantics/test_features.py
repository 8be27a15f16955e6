"""What the scorer sees of a pair of prompts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cache.guards.reading import read
from pipeline.semantics.features import NAMES, features

cosines, logits = st.floats(-1, 1), st.floats(-10, 10)
words = st.sampled_from(
    ["how", "do", "I", "boil", "two", "eggs", "in", "Paris", "without", "salt", "what", "is", "the", "capital", "?"]
)
prompts = st.lists(words).map(" ".join) | st.text(max_size=80)


def named(one: str, other: str, cosine: float = 0.9, verifier: float = 1.0) -> dict[str, float]:
    return dict(zip(NAMES, features(read(one), read(other), cosine, verifier).tolist(), strict=True))


@given(prompts, prompts, cosines, logits)
def test_they_are_the_same_in_either_order(one: str, other: str, cosine: float, verifier: float) -> None:
    mine, theirs = read(one), read(other)
    assert features(mine, theirs, cosine, verifier).tolist() == features(theirs, mine, cosine, verifier).tolist()


@given(prompts, prompts, cosines, logits)
def test_all_but_the_verifiers_opinion_are_between_zero_and_one(one: str, other: str, cosine: float, verifier: float) -> None:
    row = named(one, other, cosine, verifier)
    assert all(np.isfinite(value) for value in row.values())
    assert (row.pop("verifier"), row.pop("cosine")) == (verifier, cosine)
    assert row.pop("verifier_high") == max(0.0, verifier - 2)
    assert all(0 <= value <= 1 for value in row.values())


@given(prompts)
def test_a_prompt_overlaps_with_itself(text: str) -> None:
    row = named(text, text)
    assert (row["words_jaccard"], row["content_jaccard"], row["bigram_jaccard"], row["names_jaccard"]) == (1, 1, 1, 1)
    assert (row["length_ratio"], row["extra_least"], row["extra_most"]) == (1 if read(text).words else 0, 0, 0)
    assert (row["same_asking"], row["same_end"], row["same_content"]) == (1, 1, 1)
    assert row["order_kept"] == row["content_containment"] == (1 if read(text).content else 0)


def test_they_are_what_they_are_called() -> None:
    row = named("What is the capital of France?", "capital of Spain")
    assert row["words_jaccard"] == pytest.approx(2 / 7)  # capital, of | what is the france spain
    assert row["content_jaccard"] == pytest.approx(1 / 3)
    assert row["content_containment"] == pytest.approx(1 / 2)
    assert row["bigram_jaccard"] == pytest.approx(1 / 6)  # capital of
    assert row["length_ratio"] == pytest.approx(3 / 6)
    assert (row["extra_least"], row["extra_most"]) == (pytest.approx(1 / 4), pytest.approx(1 / 6))
    assert (row["same_asking"], row["same_end"], row["names_jaccard"], row["same_content"]) == (0, 0, 0, 0)


def test_words_in_another_order_are_seen() -> None:
    assert named("lions eat grey hyenas", "grey hyenas eat lions")["order_kept"] == pytest.approx(2 / 4)
    assert named("how long do eggs boil", "how hard do eggs boil")["same_asking"] == 0
    assert named("how long do eggs boil", "how long to boil eggs")["same_asking"] == 1


def test_a_long_prompt_costs_no_more_than_its_beginning() -> None:
    one, other = "egg " * 5000 + "one", "egg " * 5000 + "two"
    assert named(one, other)["order_kept"] == 1
