"""Keys that cannot be printed by accident, and the removal of keys from what others say."""

from __future__ import annotations

from typing import overload

MASK = "***"


class Secret:
    """A provider key. `repr`, `str` and formatting show '***'; only `reveal()` gives the key."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never serialised")

    @overload
    def masked_in(self, said: str) -> str: ...
    @overload
    def masked_in(self, said: bytes) -> bytes: ...
    def masked_in(self, said: str | bytes) -> str | bytes:
        """`said` with every occurrence of the key replaced by '***', also where JSON escaped its slashes."""
        if not self._value:
            return said
        for form in (self._value, self._value.replace("/", "\\/")):
            said = said.replace(form, MASK) if isinstance(said, str) else said.replace(form.encode(), MASK.encode())
        return said
