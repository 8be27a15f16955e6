"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.01


def wait_until(condition: Callable[[], T], timeout: float = 10.0, what: str = "the condition") -> T:
    """Asks `condition` again and again until it is true, and returns what it said.

    `timeout` is in seconds and only bounds a hang: make it generous, no test should depend on its length.
    Raises AssertionError naming `what` and the last value when it never becomes true.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s (last value: {value!r})")
        time.sleep(POLL_S)
