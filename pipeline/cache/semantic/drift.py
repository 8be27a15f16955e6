"""Has the share of wrong answers grown? Page and Hinkley's test on audited answers (Page, Biometrika 41, 1954)."""

from __future__ import annotations

import msgspec

TOLERANCE = 0.01  # growth of the share that is not worth an alarm
ALARM = 6.0  # how many wrong answers too many, above the tolerance, raise it
SOONEST = 20  # audits


class Drift(msgspec.Struct):
    """Feed it audited answers in order; true from `add` is the alarm, after which it begins anew."""

    count: int = 0
    mean: float = 0.0
    sum: float = 0.0
    least: float = 0.0

    def add(self, wrong: bool) -> bool:
        self.count += 1
        self.mean += (wrong - self.mean) / self.count
        self.sum += wrong - self.mean - TOLERANCE
        self.least = min(self.least, self.sum)
        if self.count >= SOONEST and self.sum - self.least > ALARM:
            self.count, self.mean, self.sum, self.least = 0, 0.0, 0.0, 0.0
            return True
        return False
