"""Every identifier and every clock of the gateway, made in one place."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime


def request_id() -> str:
    """One caller's request: 'req_' and 128 random bits in hex. Also the ledger event's unique id."""
    return "req_" + secrets.token_hex(16)


def hit_batch_id() -> str:
    """One batch of cache hits (pipeline.ledger.hits): 'req_' and 80 random bits in hex."""
    return "req_" + secrets.token_hex(10)


def hit_id(batch: str, number: int) -> str:
    """The request id of a batch's hit `number`, counted from 0: as long as any other request's id."""
    return f"{batch}{number:012x}"


def completion_id() -> str:
    """The fresh id of a completion that is served again from the cache, in OpenAI's form."""
    return "chatcmpl-" + secrets.token_hex(12)


def completion_ids() -> Callable[[], bytes]:
    """A source of completion ids for one thread: the first is random, the others count on from it, which costs less."""
    numbers = itertools.count(secrets.randbits(95))
    return lambda: b"chatcmpl-%024x" % next(numbers)


def lookup_id() -> str:
    """One lookup by meaning."""
    return "look_" + secrets.token_hex(12)


def process_id(role: str) -> str:
    """One running process, e.g. the owner of a lease: 'web-3f9c2a7e41d0'."""
    return f"{role}-{secrets.token_hex(6)}"


def key_public_id() -> str:
    return secrets.token_hex(6)


def key_secret() -> str:
    return secrets.token_urlsafe(32)


def utc_now() -> datetime:
    return datetime.now(UTC)


def unix_now() -> float:
    """Seconds since 1970 in UTC: for what leaves the process (`created`, the ledger). Never for waiting."""
    return time.time()


def unique_key() -> str:
    """The log key of a run that nobody may share: as long as a content key, and random."""
    return secrets.token_hex(20)
