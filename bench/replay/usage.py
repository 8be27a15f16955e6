"""CPU time: of a way, and of whatever else the machine was busy with meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec
import psutil

from bench.replay.processes import tree


class Usage(msgspec.Struct, frozen=True):
    """Seconds of CPU time since processes began. `machine`: of everything, `own`: of the player and the upstream."""

    clock: float
    machine: float
    own: float
    way: float

    def since(self, before: Usage) -> tuple[float, float]:
        """(seconds of the way, cores that something else used)."""
        way, clock = self.way - before.way, self.clock - before.clock
        others = (self.machine - before.machine) - (self.own - before.own) - way
        return way, max(0.0, others / clock) if clock > 0 else 0.0


def usage(clock: float, way: Iterable[int], upstream: int) -> Usage:
    """At this moment: `way` and `upstream` are the roots of their processes."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # guest time is counted in user time already
    machine = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    player = psutil.Process(os.getpid()).cpu_times()
    return Usage(clock, machine, player.user + player.system + _seconds([upstream]), _seconds(way))


def _seconds(roots: Iterable[int]) -> float:
    total = 0.0
    for root in roots:
        for process in tree(root):
            try:
                used = process.cpu_times()
            except psutil.Error:
                continue
            total += used.user + used.system
    return total
