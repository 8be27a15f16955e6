"""JSON inside a text: found, checked, and written without white space. Nothing else of it changes, to the byte.

The document is parsed only to know that it is one and where it ends. What is written are its own tokens, so numbers,
the order of keys, keys that come twice and the bytes of strings stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pipeline.optimise.protected import Span

SMALLEST = 60  # characters; white space in less is hardly worth a token
MOST_FAILURES = 32  # openings that turn out to be no JSON, after which the text is taken to have none
_START = re.compile(r"^[ \t]*(?:[^\s{\[][^\n{\[]*[:=][ \t]*)?(?=[{\[])", re.MULTILINE)
_TOKENS = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|[ \t\r\n]+')


def documents(text: str) -> Iterator[Span]:
    """Where the JSON objects and arrays are that begin a line, or follow a colon in one. In order, none in another."""
    place, failures = 0, 0
    while failures < MOST_FAILURES and (opening := _START.search(text, place)):
        start = opening.end()
        end = _end(text, start)
        if end is None:
            failures += 1
            place = _next_line(text, start)
        else:
            yield start, end
            place = end


def compact(document: str) -> str:
    """A JSON document without white space between its tokens; a small one as it is."""
    return document if len(document) < SMALLEST else _TOKENS.sub(r"\1", document)


def _next_line(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# Numbers stay text: they are not looked at, and one of a million digits costs nothing.
_decoder = json.JSONDecoder(parse_constant=_refuse, parse_float=str, parse_int=str)


def _end(text: str, start: int) -> int | None:
    """Where the document that begins here ends. None: it is not JSON, or nested too deeply to be sure."""
    try:
        return _decoder.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None
