"""Intervals: of shares, pooled (Wilson), and of means over seeds (Student's t)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev

Z = 1.959964  # two-sided 95 %
# Student's t, two-sided 95 %, by degrees of freedom.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


def wilson(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, spread = count / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / 4 / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval; 0 for a single value, which has none."""
    if len(values) < 2:
        return mean(values), 0.0
    t = T[len(values) - 2] if len(values) - 2 < len(T) else Z
    return mean(values), t * stdev(values) / math.sqrt(len(values))
