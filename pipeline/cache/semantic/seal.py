"""The seal of a stored answer: whoever can write to the database, but has not the secret, cannot change one unseen.

It says that a row is as the gateway wrote it, and not that it is the last that was written: of a row that was put back as it
stood before, nothing can be seen.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec

# What is served, and what decides whether and to whom. Uses and savings only decide what has to go when there is no room.
SEALED = ("id", "tenant", "partition", "text", "embedder", "vector", "answer", "answer_digest", "author", "state")
NUMBERS = ("created_at", "expires_at", "right", "wrong")


class Seal:
    """A keyed digest of a row's fields; the key is the tenant's own, made from the `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, values: Mapping[str, Any]) -> bytes:
        """The tag of a row with these fields, by name."""
        key = hmac.digest(self._secret, b"semantic entry of " + str(values["tenant"]).encode(), "sha256")
        sealed = [*(values[name] for name in SEALED), *(float(values[name]) for name in NUMBERS)]  # 5 comes back as 5.0
        return hmac.digest(key, msgspec.msgpack.encode(sealed), hashlib.sha256)

    def fits(self, tag: bytes, values: Mapping[str, Any]) -> bool:
        """Whether the row is as it was when it got this tag."""
        return hmac.compare_digest(tag, self.of(values))
