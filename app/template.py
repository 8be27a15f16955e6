"""A response that is rendered once by the application, and then again and again with other values where it changes.

It is rendered with marks instead of the values that differ from one request to the next; what stands between the marks is
kept. So whatever the application puts into a response is in its repetitions too, without a second description of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from flask import Response

from app.receipt import Receipt
from pipeline import ids
from pipeline.admission.answer import Answer

TIME_DIGITS = 10  # of `created`, until 2286


@dataclass(frozen=True)
class Marks:
    """Values that no answer holds by chance: they are made anew in each process.

    The numbers are longer than those that they stand for: embeddings are full of digits, and in a million of them any
    ten digits may well turn up.
    """

    request_id: str
    completion_id: str
    created: int
    ms: float
    age: int


MARKS = Marks(
    request_id=ids.request_id(),
    completion_id=ids.completion_id(),
    created=7 * 10**17 + secrets.randbelow(10**17),
    ms=10.0**11 + secrets.randbelow(10**11) + 0.127,  # its three decimals print alike as a header and in JSON
    age=10**17 + secrets.randbelow(10**17),
)
_TEXTS = [
    text.encode() for text in (MARKS.request_id, MARKS.completion_id, f"{MARKS.created}", f"{MARKS.ms:.3f}", f"{MARKS.age}")
]
_LENGTH = secrets.token_hex(16).encode()
_PLACES = {text: place for place, text in enumerate([*_TEXTS, _LENGTH])}
_ANY = re.compile(b"|".join(map(re.escape, _PLACES)))
_ID, _, _CREATED, _MS, _AGE = _TEXTS


class Specimen(Receipt):
    """A receipt that shows marks where others show their values."""

    def __init__(self, like: Receipt) -> None:
        super().__init__(like.endpoint)
        self.id = MARKS.request_id
        self.principal, self.request, self.entry, self.simulated = like.principal, like.request, like.entry, like.simulated

    def elapsed_ms(self) -> float:
        return MARKS.ms

    def new_completion(self) -> tuple[str, int]:
        return MARKS.completion_id, MARKS.created

    def age(self, answer: Answer) -> int:
        return MARKS.age


@dataclass(frozen=True)
class Template:
    """The bytes of a response behind its first lines, which are the server's. `size` is what it takes in memory, in bytes."""

    _format: bytes
    _pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    _length: int
    _times: int
    size: int

    @classmethod
    def of(cls, response: Response) -> Template | None:
        """The template of a response to a `Specimen`.

        None for one that does not show its id, and so is not made from it, or whose body tells its age: of what has now
        one length and now another, only the milliseconds may be there.
        """
        body = response.get_data()
        lines = [f"{name.lower()}: {value}\r\n" for name, value in response.headers if name.lower() != "content-length"]
        text = "".join(lines).encode("latin-1") + b"content-length: " + _LENGTH + b"\r\n\r\n" + body
        places = [_PLACES[mark] for mark in _ANY.findall(text)]
        if _PLACES[_ID] not in places or _AGE in body:
            return None
        pieces = [piece.replace(b"%", b"%%") for piece in _ANY.split(text)]
        times = body.count(_MS)
        length = len(body) - times * len(_MS) - body.count(_CREATED) * (len(_CREATED) - TIME_DIGITS)
        return cls(b"%b".join(pieces), itemgetter(*places), length, times, len(text))

    def render(self, request_id: bytes, completion_id: bytes, created: bytes, ms: bytes, age: bytes) -> bytes:
        """Headers and body with these values: `ms` in milliseconds with three decimals, `age` in seconds."""
        length = b"%d" % (self._length + self._times * len(ms))
        return self._format % self._pick((request_id, completion_id, created, ms, age, length))
