"""What the upstream says, so that whoever reads it can tell whether it is the right answer.

Answer 17 begins with "Answer 17." and goes on with filler that only it has. No request carries its number: the upstream
knows by the words that arrive which answer they want, as a model does.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec

from bench.replay.context import Message, pieces

MIN_TOKENS = 8  # no answer is shorter: its beginning must fit
UNKNOWN = "I have not seen this question."
_HEAD = re.compile(r"Answer (\d+)\.")


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"  # the answer to another question
    DAMAGED = "damaged"  # it begins as the right one and goes on differently: cut off, or glued together


@lru_cache(8192)
def answer_pieces(seed: int, answer: int, tokens: int) -> tuple[str, ...]:
    """The text of an answer in pieces of one token; the first piece is its head, of several."""
    head = f"Answer {answer}."
    # Tokens of the head in o200k_base: the word, the space, one for three digits, the full stop.
    said = pieces(f"{seed}:answer:{answer}", tokens - 3 - -(-len(str(answer)) // 3))
    return (head, *(piece if piece == "." else f" {piece.strip()}" for piece in said))


def answer_text(seed: int, answer: int, tokens: int) -> str:
    return "".join(answer_pieces(seed, answer, tokens))


def judge(text: str, seed: int, answer: int, tokens: int) -> Verdict:
    """Whether `text` is answer number `answer`."""
    if text == answer_text(seed, answer, tokens):
        return Verdict.RIGHT
    head = _HEAD.match(text)
    return Verdict.DAMAGED if not text or (head and int(head[1]) == answer) else Verdict.WRONG


def digest(messages: list[Message]) -> str:
    """The name of a conversation: equal messages, equal name, however the JSON around them is written."""
    return blake2b(msgspec.json.encode([[message.role, message.content] for message in messages]), digest_size=16).hexdigest()
