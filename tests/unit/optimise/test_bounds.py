"""Whatever comes goes through in time that grows with its length alone."""

from __future__ import annotations

import time
from functools import partial

import pytest

from pipeline.optimise import linter
from pipeline.optimise.optimise import optimise
from tests.unit.optimise.support import BOTH

LENGTH = 50_000  # characters
AMPLE_S = 10.0  # a quadratic rule takes much longer; a linear one, a fraction of a second
PIECES = ["a", "b", " ", "\n", "[", "{", "<", '"', "'", "`", "(", "/", "@", "_", "$", "0", "-", ".", ":", "?", "*", "#", "\\", "é", "é", "\u200b", "\xa0a", "�", "👩\u200d", "مرحبا ", "你好", "<a>", "<!--", "</a>", '<a x="', "```\n", '{"a":', "[\n", " \n", "\r\n", "'a ", "Context:\n", "Q: a\n", "- a\n", "", " a \n", "you ", "please ", "if you could ", "I would like you to ", "thank you ", "e.g. ", "a? b ", "A. ", "a-a", "a.", "in order to ", "as you know, ", "http://a.b ", "I want to know ", "make a ", "<a1></a1>\n", '{"a":1}\n']  # fmt: skip  # noqa: E501


def _takes(work: object, text: str) -> float:
    started = time.process_time()
    work(text)  # type: ignore[operator]
    return time.process_time() - started


def _whole(text: str) -> None:
    optimise({"messages": [{"role": "user", "content": text}, {"role": "tool", "content": text}]}, BOTH, len)


@pytest.mark.parametrize("opening", ["", "I would like you to explain this to me please. "])
def test_one_piece_repeated_takes_no_longer_than_its_length(opening: str) -> None:
    slow = {
        piece: took for piece in PIECES if piece and (took := _takes(_whole, opening + piece * (LENGTH // len(piece)))) > AMPLE_S
    }
    assert slow == {}


def test_the_linter_takes_no_longer_than_a_texts_length() -> None:
    texts = {piece: piece * (LENGTH // len(piece)) for piece in PIECES if piece}
    slow = [piece for piece, text in texts.items() if _takes(partial(linter.check, "x "), text) > AMPLE_S]
    assert slow == []
