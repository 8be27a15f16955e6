"""The texts of notes as they lie in the database: encrypted, and bound to their row and their owner.

AES-256-GCM (NIST SP 800-38D) with a random nonce, under a key of each owner's own that is derived from the deployment's secret
(HKDF, RFC 5869). Who can read the database learns when notes were made and used, and of which kind, and not what they say; who
can write to it cannot put one person's note into another's memory.
"""

from __future__ import annotations

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipeline.memory.items import Owner
from pipeline.request.key import derive

VERSION = b"\x01"
NONCE = 12  # bytes


class Content(msgspec.Struct, frozen=True, array_like=True):
    """What of a note is encrypted."""

    conversation: str
    subject: str
    relation: str
    text: str
    source: str


class Seal:
    """Encrypts and decrypts for any owner. `secret` is the deployment's own."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def close(self, owner: Owner, id: str, content: Content) -> bytes:
        """The content as it is stored in the row with this id."""
        nonce = os.urandom(NONCE)
        sealed = AESGCM(self._key(owner, b"text")).encrypt(nonce, msgspec.msgpack.encode(content), _bound(owner, id))
        return VERSION + nonce + sealed

    def open(self, owner: Owner, id: str, sealed: bytes) -> Content | None:
        """The content; None where this is not what was stored for this owner in this row, or the secret is another one."""
        if sealed[:1] != VERSION:
            return None
        nonce, text = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
        try:
            return msgspec.msgpack.decode(AESGCM(self._key(owner, b"text")).decrypt(nonce, text, _bound(owner, id)), type=Content)
        except (InvalidTag, ValueError, msgspec.DecodeError):
            return None

    def place(self, owner: Owner, conversation: str, subject: str, relation: str) -> str:
        """A name for a slot that tells nothing without the secret, since there are few slots to guess."""
        return derive(self._key(owner, b"slot"), conversation, subject, relation)

    def _key(self, owner: Owner, purpose: bytes) -> bytes:
        info = msgspec.msgpack.encode([b"leo memory", purpose, owner.tenant, owner.principal])
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secret)


def _bound(owner: Owner, id: str) -> bytes:
    return msgspec.msgpack.encode([owner.tenant, owner.principal, id])
