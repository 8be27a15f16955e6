"""What a caller may ask of the gateway, request by request, in headers.

    Cache-Control: no-cache | no-store | max-age=SECONDS
    X-LEO-Disable: all | cache, dedup, semantic, decompose, optimize, ...
    X-LEO-Deadline: SECONDS
    X-LEO-Memory: on | off
    Idempotency-Key: up to 255 visible characters

`no-cache` asks for a fresh answer, which then replaces the stored one; `no-store` keeps this request
to itself: nothing is looked up, shared or stored.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pipeline.errors import BadRequest
from pipeline.request.parameters import Reuse

SWITCHES: dict[str, frozenset[Reuse]] = {
    "all": frozenset(Reuse),
    "cache": frozenset({Reuse.EXACT, Reuse.SEMANTIC}),
    **{reuse.value: frozenset({reuse}) for reuse in Reuse},
}
_MAX_KEY = 255


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's wishes. `max_age` and `deadline` are in seconds; None means not asked."""

    no_cache: bool = False
    no_store: bool = False
    max_age: float | None = None
    disabled: frozenset[Reuse] = frozenset()
    deadline: float | None = None
    idempotency_key: str | None = None
    memory: bool | None = None


def parse_controls(header: Callable[[str], str | None]) -> Controls:
    """Controls from request headers; `header` gives the value of one by its name. Raises BadRequest."""
    no_cache, no_store, max_age = _cache_control(header("Cache-Control") or "")
    if no_store and header("Idempotency-Key") is not None:
        raise BadRequest(
            "Idempotency-Key asks for the answer to be kept, Cache-Control: no-store forbids it. Send one of them.",
            param="Idempotency-Key",
        )
    return Controls(
        no_cache=no_cache,
        no_store=no_store,
        max_age=max_age,
        disabled=_disabled(header("X-LEO-Disable") or ""),
        deadline=_deadline(header("X-LEO-Deadline")),
        idempotency_key=_idempotency_key(header("Idempotency-Key")),
        memory=_memory(header("X-LEO-Memory")),
    )


def _cache_control(header: str) -> tuple[bool, bool, float | None]:
    # RFC 9111 5.2: directives that a cache does not know are ignored.
    directives = {part.strip().lower() for part in header.split(",") if part.strip()}
    max_age: float | None = None
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age":
            max_age = _seconds("Cache-Control", value, "max-age takes whole seconds, as in max-age=300")
    return "no-cache" in directives or max_age == 0, "no-store" in directives, max_age


def _disabled(header: str) -> frozenset[Reuse]:
    wished: frozenset[Reuse] = frozenset()
    for name in filter(None, (part.strip().lower() for part in header.split(","))):
        if name not in SWITCHES:
            known = ", ".join(SWITCHES)
            raise BadRequest(f"X-LEO-Disable does not know '{name[:40]}'. Known: {known}.", param="X-LEO-Disable")
        wished |= SWITCHES[name]
    return wished


def _deadline(header: str | None) -> float | None:
    if header is None:
        return None
    seconds = _seconds("X-LEO-Deadline", header, "it takes seconds, as in 30 or 2.5")
    if seconds == 0:
        raise BadRequest("X-LEO-Deadline must be more than 0 seconds.", param="X-LEO-Deadline")
    return seconds


def _memory(header: str | None) -> bool | None:
    if header is None:
        return None
    wished = header.strip().lower()
    if wished not in ("on", "off"):
        raise BadRequest(f"X-LEO-Memory must be 'on' or 'off', not '{header[:40]}'.", param="X-LEO-Memory")
    return wished == "on"


def _idempotency_key(header: str | None) -> str | None:
    if header is None:
        return None
    if not 1 <= len(header) <= _MAX_KEY or not header.isascii() or not header.isprintable():
        raise BadRequest(f"Idempotency-Key must be 1 to {_MAX_KEY} printable ASCII characters.", param="Idempotency-Key")
    return header


def _seconds(param: str, text: str, hint: str) -> float:
    digits = text.strip()
    if not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        raise BadRequest(f"{param} was not understood ('{text[:40]}'): {hint}.", param=param)
    return float(digits)
