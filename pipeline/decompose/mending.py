"""One object of a model's JSON as (id, answer), also where the JSON is faulty.

Models leave out escapes: line breaks, quotes, and above all the backslashes of formulas, where JSON reads a form feed for the
"\\f" of "\\frac". What a faulty text can mean in one way only is read in that way.
"""

from __future__ import annotations

import json
import re
from typing import Any

_DECODER = json.JSONDecoder(strict=False)  # a line break in a string may stand as it is
# An object in which an answer to another question begins.
ANOTHER = re.compile(
    r'\{\s{0,9}"(?:id|number|index|question_id)"\s{0,9}:\s{0,9}"?\d{1,9}"?\s{0,9},\s{0,9}"(?:answer|response|text)"\s{0,9}:'
)
ANSWERS = ("answer", "response", "text")
_IDS = ("id", "question_id", "number", "index")
_NAMED = "|".join(ANSWERS)
_ID_FIRST = re.compile(
    rf'\{{\s*"(?:{"|".join(_IDS)})"\s*:\s*"?(?P<id>\d{{1,9}})"?\s*,\s*"(?:{_NAMED})"\s*:\s*"(?P<body>.*)"\s*\}}', re.DOTALL
)
_ID_LAST = re.compile(
    rf'\{{\s*"(?:{_NAMED})"\s*:\s*"(?P<body>.*)"\s*,\s*"(?:{"|".join(_IDS)})"\s*:\s*"?(?P<id>\d{{1,9}})"?\s*\}}', re.DOTALL
)
_FAULT = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\\"]')
# Control characters which no answer holds, read out of the names of formulas: \frac, \beta, \times, \rho, \nabla.
_FORMULA = re.compile(
    r"\f(?=[a-z])|\x08(?=[a-z])|\r(?=[a-z])|\t(?=imes\b|heta\b|frac|ext[a-z]*\{|riangle|ilde\b|"
    r"au\b)|\n(?=abla\b|eq\b|otin\b)"
)
_LETTERS = {"\f": r"\f", "\x08": r"\b", "\r": r"\r", "\t": r"\t", "\n": r"\n"}


def whole(text: str) -> list[tuple[int, str]] | None:
    """What a sound object says; None when it is none, or not yet."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return _of(value) if isinstance(value, dict) else None


def mended(text: str, *, last: bool) -> list[tuple[int, str]] | None:
    """What an object says whose string has quotes or backslashes without the escape they need.

    `last`: nothing comes behind it, so that its last brace ends it, even if the answer has one too few.
    """
    match = _ID_FIRST.fullmatch(text) or _ID_LAST.fullmatch(text)
    if not match or (not last and match["body"].count("{") > match["body"].count("}")):
        return None  # the brace may be one of the answer's
    body = _FAULT.sub(lambda found: found.group() if len(found.group()) > 1 else "\\" + found.group(), match["body"])
    try:
        return [(int(match["id"]), _text(_DECODER.decode(f'"{body}"')))]
    except ValueError:
        return None


def _of(value: dict[str, Any]) -> list[tuple[int, str]]:
    number = next((value[key] for key in _IDS if key in value), None)
    answer = next((value[key] for key in ANSWERS if key in value), None)
    if number is not None and answer is not None:
        return [(int(number), _text(answer))] if str(number).isdecimal() and len(str(number)) < 10 else []
    return [(int(key), _text(found)) for key, found in value.items() if key.isdecimal() and len(key) < 10]


def _text(answer: Any) -> str:
    if isinstance(answer, str):
        return _FORMULA.sub(lambda match: _LETTERS[match.group()], answer)
    if isinstance(answer, list) and all(isinstance(one, str) for one in answer):
        return "\n".join(answer)
    return "" if answer is None else json.dumps(answer, ensure_ascii=False)
