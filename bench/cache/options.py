"""What a run was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from bench.cache.data import Data
from bench.cache.models import Models
from bench.cache.pairs import HELD_OUT

SEEDS = (1, 2, 3, 4, 5)


class Options(msgspec.Struct, frozen=True):
    """`tell` is told what is being done."""

    data: Data
    models: Models
    tell: Callable[[str], None]
    quick: bool = False
    seeds: tuple[int, ...] = SEEDS
    pairs: Path = HELD_OUT

    @property
    def requests(self) -> int:
        """In each stream."""
        return 1_500 if self.quick else 12_000

    @property
    def share(self) -> int:
        """Traps are made of every so many prompts."""
        return 10 if self.quick else 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the index."""
        return (1_000, 10_000, 100_000) if self.quick else (1_000, 10_000, 100_000, 1_000_000)

    @property
    def projected(self) -> int:
        """Vectors in the comparison of projections."""
        return 10_000 if self.quick else 100_000


def seeds(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """A callback: "3" is 1, 2 and 3; "5,9" is those."""
    try:
        return tuple(map(int, value.split(","))) if "," in value else tuple(range(1, max(1, int(value)) + 1))
    except ValueError:
        raise click.BadParameter("a number, or numbers with commas between them") from None
