"""Reading what comes in an event loop, from tests that have none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


def read_all(batches: AsyncIterator[list[T]]) -> list[T]:
    """All items of all batches."""

    async def run() -> list[T]:
        return [item async for batch in batches for item in batch]

    return asyncio.run(run())


class Reader:
    """One batch after the other, as a test asks for them. Use it as a context manager."""

    def __init__(self, batches: AsyncIterator[list[T]]) -> None:
        self._batches = batches
        self._runner = asyncio.Runner()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def next(self) -> list[T]:
        async def run() -> list[T]:
            return await anext(self._batches)

        return self._runner.run(run())

    def rest(self) -> list[T]:
        async def run() -> list[T]:
            return [item async for batch in self._batches for item in batch]

        return self._runner.run(run())
