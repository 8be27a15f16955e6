"""Notes that somebody writes or corrects by hand, checked like those that are learned."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec

from pipeline.errors import BadRequest
from pipeline.memory.decay import expiry
from pipeline.memory.extract import extract
from pipeline.memory.items import EVERYWHERE, MOST_TOKENS, Item, Kind, Owner, Slot
from pipeline.memory.ops import Put
from pipeline.memory.select import Count
from pipeline.memory.sensitive import sensitive
from pipeline.memory.slots import key

LONGEST = 60  # characters of a subject or a relation
LASTING = frozenset({Kind.FACT, Kind.PREFERENCE})


def written(fields: dict[str, Any], owner: Owner, conversation: str, count: Count, id: str, now: float) -> Item:
    """A note of `text`, with `subject`, `relation`, `kind` and `importance` if they are given.

    Without them, a text that says what a message might say ("I live in Oslo") goes into the slot that the message would fill.
    Tasks and what passes belong to the conversation. Raises BadRequest naming the field.
    """
    text = _text(fields["text"], count)
    learned = _learned(text) if not {"subject", "relation"} & fields.keys() else None
    kind = _kind(fields.get("kind"), learned.kind if learned else Kind.FACT)
    slot = learned.slot if learned else _slot(fields, text)
    return Item(
        id=id,
        tenant=owner.tenant,
        principal=owner.principal,
        conversation=EVERYWHERE if kind in LASTING else conversation,
        slot=slot,
        text=learned.text if learned else text,
        kind=kind,
        importance=_importance(fields.get("importance"), learned.importance if learned else 0.9),
        created=now,
        last=now,
        expires=expiry(kind, now),
    )


def corrected(item: Item, fields: dict[str, Any], count: Count, now: float) -> Item:
    """The note with another `text`, `kind` or `importance`. Raises BadRequest naming the field."""
    if not fields:
        raise BadRequest("Send at least one of 'text', 'kind' and 'importance'.", param="text", code="missing_required_parameter")
    kind = _kind(fields.get("kind"), item.kind)
    return msgspec.structs.replace(
        item,
        text=_text(fields["text"], count) if "text" in fields else item.text,
        kind=kind,
        importance=_importance(fields.get("importance"), item.importance),
        last=now,
        expires=expiry(kind, now) if kind != item.kind else item.expires,
    )


def _learned(text: str) -> Put | None:
    found = extract(text)
    return found[0] if len(found) == 1 and isinstance(found[0], Put) else None


def _slot(fields: dict[str, Any], text: str) -> Slot:
    subject, relation = (_short(name, fields.get(name)) for name in ("subject", "relation"))
    return Slot(subject or "note", relation or key(text)[:LONGEST])


def _short(name: str, text: str | None) -> str:
    if text is None:
        return ""
    plain = " ".join(text.split()).lower()
    if not 1 <= len(plain) <= LONGEST or not plain.isprintable():
        raise BadRequest(f"Invalid '{name}': it must be 1 to {LONGEST} printable characters.", param=name, code="invalid_value")
    return plain


def _text(text: str, count: Count) -> str:
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain or not plain.isprintable():
        raise BadRequest("Invalid 'text': it must be printable and not empty.", param="text", code="invalid_value")
    if len(plain) > LONGEST * MOST_TOKENS or count(plain) > MOST_TOKENS:
        raise BadRequest(f"Invalid 'text': it has more than {MOST_TOKENS} tokens.", param="text", code="too_long")
    reason = sensitive(plain)
    if reason:
        raise BadRequest(f"Invalid 'text': notes of this kind are not kept ({reason}).", param="text", code="sensitive")
    return plain


def _kind(text: str | None, default: Kind) -> Kind:
    if text is None:
        return default
    try:
        return Kind(text)
    except ValueError:
        known = ", ".join(Kind)
        raise BadRequest(f"Invalid 'kind': it must be one of {known}.", param="kind", code="invalid_value") from None


def _importance(value: float | None, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise BadRequest("Invalid 'importance': it must be more than 0 and at most 1.", param="importance", code="invalid_value")
    return float(value)
