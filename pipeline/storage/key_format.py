"""What a gateway key looks like, and who presents one."""

from __future__ import annotations

import hashlib

import msgspec

PREFIX = "leo"
DEFAULT_TENANT = "default"
MAX_KEY_CHARS = 256
HINT_CHARS = 4


class Principal(msgspec.Struct, frozen=True):
    """Who is calling. `key_id` is the key's public id, never the key."""

    tenant: str
    key_id: str
    is_admin: bool
    bring_own_key: bool


def key_digest(plaintext: str) -> str:
    """The SHA-256 of a presented key, in hex: what is stored, compared and used as a cache key."""
    return hashlib.sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()


def public_id_of(plaintext: str) -> str | None:
    """The public id inside a gateway key; None when the text does not look like a gateway key."""
    if len(plaintext) > MAX_KEY_CHARS or not plaintext.isascii():
        return None
    # The secret is url-safe base 64 and may hold dashes itself.
    parts = plaintext.split("-", 2)
    if len(parts) != 3 or parts[0] != PREFIX or not parts[1].isalnum() or not parts[2]:
        return None
    return parts[1]
