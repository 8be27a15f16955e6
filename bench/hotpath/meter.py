"""CPU: of the whole machine, of this run, and so of everybody else."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from typing import Self

import psutil

HZ = os.sysconf("SC_CLK_TCK")
BUSY_CORES = 0.3  # more than this used by others, and a figure may be theirs


class Meter:
    """`with Meter() as m: ...`, then `m.seconds` and `m.other`: cores that other programs used meanwhile.

    Started processes count as this run's when they are its descendants, also when they have ended and were waited for.
    """

    seconds = 0.0
    other = 0.0

    def __enter__(self) -> Self:
        self._before = _look()
        return self

    def __exit__(self, *_: object) -> None:
        at, busy, own = _look()
        self.seconds = at - self._before[0]
        self.other = round(max(0.0, (busy - self._before[1]) - (own - self._before[2])) / max(self.seconds, 0.01), 2)


def _look() -> tuple[float, float, float]:
    """(now, CPU seconds of the machine, those of this run)."""
    return time.monotonic(), _machine(), _own()


def _machine() -> float:
    with open("/proc/stat") as file:
        numbers = [int(word) for word in file.readline().split()[1:]]
    return (sum(numbers) - numbers[3] - numbers[4]) / HZ  # all but idle and waiting for disks; stolen time is somebody's


def _own() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])  # its own, and that of its ended children
    return total
