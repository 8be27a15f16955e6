"""What is asked in a running text: its questions and requests one by one, and what is said about all of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.decompose import refuse, shared
from pipeline.decompose.acts import act, opened
from pipeline.decompose.clauses import clauses
from pipeline.decompose.plan import MOST_PARTS
from pipeline.decompose.sentences import sentences
from pipeline.decompose.text import Piece

_HEAD = re.compile(r"(?P<head>[^:?\n]{2,90}):\s+(?=\S)")


class Asked(NamedTuple):
    """A question or request. `joined`: it stands in one sentence with the one before. `odd`: only its mark says that it asks."""

    text: Piece
    asks: bool
    joined: bool = False
    odd: bool = False


class Gathered(NamedTuple):
    """`shapes` are sentences about how to answer; `topic` is put before each question."""

    asked: tuple[Asked, ...]
    shapes: tuple[str, ...]
    topic: str


def gathered(text: Piece) -> Gathered | str:
    """All that is asked in a text; why it is one task when something in it is neither asked nor about the answer."""
    asked: list[Asked] = []
    shapes: list[str | None] = []
    topic = ""
    for sentence in _headed(sentences(text)):
        one = opened(sentence)
        kind = act(one)
        if kind in ("question", "request") or (kind == "statement" and one.masked.endswith("?")):
            asked += _asked(one, odd=kind == "statement")
        elif kind == "statement":
            return "context"
        elif kind == "shape":
            shapes.append(shared.shape(one))
        elif kind == "announcement":
            topic = topic or shared.topic(one)
        if len(asked) > MOST_PARTS:
            return "too_many"
    if any(refuse.makes(one.text) for one in asked):
        return "artefact"
    said = tuple(shape for shape in shapes if shape is not None)
    return Gathered(tuple(asked), said, topic) if len(said) == len(shapes) else "whole_answer"


def _asked(sentence: Piece, *, odd: bool) -> list[Asked]:
    if odd:
        return [Asked(sentence, asks=True, odd=True)]
    parts = [opened(clause) for clause in clauses(sentence)]
    return [Asked(part, act(part) != "request", joined=place > 0) for place, part in enumerate(parts)]


def _headed(found: list[Piece]) -> list[Piece]:
    """With what stands before a colon as a sentence of its own, where it is about the questions: "two questions: ..."."""
    parted: list[Piece] = []
    for sentence in found:
        match = _HEAD.match(sentence.masked)
        if match and act(opened(sentence.group(match, "head"))) in ("announcement", "courtesy", "shape"):
            parted += [sentence.group(match, "head"), sentence.cut(match.end())]
        else:
            parted.append(sentence)
    return parted
