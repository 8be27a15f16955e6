"""What a part of the bench is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class Missing(Exception):
    """Something that a part needs is not here. Its message says what; the report repeats it."""


@dataclass(frozen=True)
class Options:
    """`quick`: a look, not a measurement. `peers`: the folder of the peers' harness. `say` shows progress."""

    quick: bool = False
    peers: Path = Path("../shared/peers")
    say: Callable[[str], None] = print
