"""Forms of words."""

from __future__ import annotations

import pytest

from pipeline.decompose.morphology import article, base, is_verb_form, positive, singular


@pytest.mark.parametrize(
    "pair",
    [
        "released/release",
        "founded/found",
        "located/locate",
        "died/die",
        "played/play",
        "stopped/stop",
        "visited/visit",
        "came/come",
        "won/win",
        "produced/produce",
        "opened/open",
        "carried/carry",
        "publishes/publish",
        "featured/feature",
        "lived/live",
        "covered/cover",
        "used/use",
        "directed/direct",
        "aired/air",
    ],
)
def test_the_plain_verb_of_a_form(pair: str) -> None:
    form, plain = pair.split("/")
    assert base(form) == plain


@pytest.mark.parametrize(
    "pair",
    [
        "bigger/big",
        "larger/large",
        "healthier/healthy",
        "older/old",
        "best/good",
        "longest/long",
        "safer/safe",
        "hotter/hot",
        "further/far",
    ],
)
def test_the_plain_adjective_of_a_comparison(pair: str) -> None:
    form, plain = pair.split("/")
    assert positive(form) == plain


@pytest.mark.parametrize("word", ["number", "player", "forest", "water", "computer", "under", "sister", "per"])
def test_a_noun_is_no_comparison(word: str) -> None:
    assert positive(word) == ""


@pytest.mark.parametrize(
    "pair",
    ["cities/city", "singers/singer", "species/species", "genuses/genus", "classes/class", "people/person", "movies/movie"],
)
def test_one_of_many(pair: str) -> None:
    many, one = pair.split("/")
    assert singular(many) == one


def test_articles() -> None:
    assert [article(word) for word in ("apple", "university", "hour", "river")] == ["an", "a", "an", "a"]


def test_past_tenses_are_told_from_nouns() -> None:
    assert [is_verb_form(word) for word in ("won", "released", "hundred", "speed")] == [True, True, False, False]
