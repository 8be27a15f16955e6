"""Classes and streams, out of a small folder of data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cache.classes import Classes
from bench.cache.data import Data, MissingDataError, normalised
from bench.cache.streams import STREAMS, Stream
from bench.cache.streams import clinc as clinc_stream

PAIRS = [("a", "b", 1), ("b", "c", 1), ("c", "a", 0), ("d", "e", 0), ("f", "g", 1), *((f"s{n}", f"t{n}", 0) for n in range(20))]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    def rows(name: str, found: list[dict[str, object]]) -> None:
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))

    labelled = [{"a": one, "b": other, "label": label, "suspect": int((one, other) == ("c", "a"))} for one, other, label in PAIRS]
    rows("qqp_train", labelled)
    rows("qqp_test", [{"a": "u", "b": "v", "label": 1, "suspect": 0}])
    rows("paws_qqp_train", [{"a": "a", "b": "x", "label": 0}, {"a": "x", "b": "y", "label": 1}])
    rows("clinc150", [{"text": "Play it"}, {"text": "play it!"}, {"text": "stop"}])
    return Data(tmp_path)


def test_classes_are_what_is_connected_by_positive_pairs() -> None:
    classes = Classes([(one, other, bool(label)) for one, other, label in PAIRS])
    assert classes.of("a") == classes.of("c") != classes.of("d")
    assert sorted(map(sorted, classes.groups()))[:4] == [["a", "b", "c"], ["d"], ["e"], ["f", "g"]]
    assert classes.of("never seen") == "never seen"


def test_suspect_negatives_are_left_out(data: Data) -> None:
    pairs = data.pairs("qqp_train")
    assert ("c", "a", False) not in pairs
    assert len(pairs) == len(PAIRS) - 1


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"qqp_train\.jsonl"):
        Data(tmp_path).pairs("qqp_train")


def test_paraphrases_ask_each_text_once_and_whole_classes(data: Data) -> None:
    stream = STREAMS["paraphrases"](data, 1_000, 1)
    assert sorted(stream.requests) == list(range(len(stream.texts)))
    assert stream.repeats == 0
    by_class = {
        name: {text for text, of in zip(stream.texts, stream.classes, strict=True) if of == name} for name in stream.classes
    }
    assert {"a", "b", "c"} in by_class.values()
    assert stream.ceiling == pytest.approx(4 / len(stream.texts))


@pytest.mark.parametrize("name", list(STREAMS))
def test_a_seed_makes_the_same_stream_and_another_one_another(data: Data, name: str) -> None:
    make = STREAMS[name]
    assert make(data, 40, 1) == make(data, 40, 1)
    if name != "clinc":
        assert make(data, 40, 1) != make(data, 40, 2)


def test_zipf_repeats_texts_and_asks_as_often_as_it_is_told(data: Data) -> None:
    stream = STREAMS["zipf"](data, 500, 1)
    assert len(stream.requests) == 500
    assert stream.repeats > 0.8


def test_paws_is_half_near_misses_and_half_strangers(data: Data) -> None:
    stream = STREAMS["paws"](data, 6, 1)
    near = {"a", "x", "y"} & set(stream.texts)
    assert len(near) == len(stream.texts) - len(near) == 3
    where = dict(zip(stream.texts, stream.classes, strict=True))
    assert where["x"] == where["y"] != where["a"]


def test_in_clinc_only_the_same_words_are_the_same(data: Data) -> None:
    stream = clinc_stream(data, 10, 1)
    where = dict(zip(stream.texts, stream.classes, strict=True))
    assert where["Play it"] == where["play it!"] != where["stop"]
    assert normalised("Play  it!") == "play it"


def test_shares_of_a_stream() -> None:
    stream = Stream(["one", "uno", "two"], ["1", "1", "2"], [0, 1, 0, 2])
    assert (stream.ceiling, stream.repeats) == (0.5, 0.25)
