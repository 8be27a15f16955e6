"""What is remembered: short notes, each in a slot of which one value stands at a time."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum

import msgspec

MOST_TOKENS = 40  # of one note
EVERYWHERE = ""  # the conversation of a note that holds in all of them


class Kind(StrEnum):
    """How long a note is good for (see `decay`)."""

    FACT = "fact"
    PREFERENCE = "preference"
    TASK = "task"
    EPHEMERAL = "ephemeral"


class Owner(msgspec.Struct, frozen=True):
    """Whose notes these are. `principal` is a name for one caller within the tenant; nobody else ever sees the notes."""

    tenant: str
    principal: str


class Slot(msgspec.Struct, frozen=True):
    """What a note is about: `home` of the `user`, `name` of the `dog`. A new value takes the place of the old one."""

    subject: str
    relation: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One note. Times are unix seconds in UTC.

    `text` is a label and the user's own words. `strength` grows with use. `source` is `digest_of` the message that the note
    comes from, empty when it was written by hand. `superseded`: when a newer value took its place, None while it stands.
    """

    id: str
    tenant: str
    principal: str
    conversation: str
    slot: Slot
    text: str
    kind: Kind
    importance: float
    strength: float = 1.0
    created: float
    last: float
    expires: float
    source: str = ""
    superseded: float | None = None


def new_id() -> str:
    """The id of a note: 'mem_' and 96 random bits in hex."""
    return "mem_" + secrets.token_hex(12)


def digest_of(*parts: str) -> str:
    """A digest of texts, each with its length before it. Takes unpaired surrogates, which no other form of a text does."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
