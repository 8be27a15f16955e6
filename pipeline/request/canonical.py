"""Canonical JSON: two bodies that mean the same have the same canonical bytes, in every process.

Object keys are sorted, white space goes, and numbers are compared by value (`1`, `1.0` and `1e0` are
one number; integers of any size stay exact). This is the idea of RFC 8785 without its limit to
53-bit integers, under which two different seeds could share a key.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from pipeline.errors import BadRequest


def _number(literal: str) -> int | float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError(f"the number {literal[:40]} is too large for JSON's numbers")
    return int(value) if value.is_integer() else value


_decoder = msgspec.json.Decoder(float_hook=_number)


def decode(body: bytes) -> Any:
    """Parse a JSON body strictly: UTF-8 only, no NaN, no lone surrogates, bounded nesting.

    Raises BadRequest with code `invalid_json` and what was wrong where.
    """
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise BadRequest("The JSON body is nested too deeply.", code="invalid_json") from None
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not valid UTF-8 (byte {error.start}). Encode it as UTF-8.", code="invalid_json") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise BadRequest(f"The body could not be parsed as JSON: {error}.", code="invalid_json") from None


def encode(value: Any) -> bytes:
    """The canonical bytes of a value that `decode` returned."""
    return msgspec.json.encode(value, order="deterministic")
