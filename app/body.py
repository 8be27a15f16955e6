"""Bodies of whole completions: the upstream's bytes, with this gateway's own fields added at the end."""

from __future__ import annotations

from typing import Any

import msgspec

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_fields(body: bytes, fields: dict[str, Any]) -> bytes:
    """A JSON object with fields added before its closing brace; all that was there stays byte for byte."""
    text = body.rstrip()
    added = msgspec.json.encode(fields)[1:-1]
    separator = b"" if text[:-1].rstrip().endswith(b"{") else b","
    return text[:-1] + separator + added + b"}"


def served_again(body: bytes, id: str, created: int) -> bytes:
    """A stored completion as a new response: with a fresh `id` and `created` (unix seconds), all else byte for byte."""
    fields = _raw.decode(body)
    if "id" in fields:
        fields["id"] = msgspec.Raw(msgspec.json.encode(id))
    if "created" in fields:
        fields["created"] = msgspec.Raw(msgspec.json.encode(created))
    return msgspec.json.encode(fields)
