"""Does a stage earn its place? What it saved against what it cost, for each tenant, while it runs.

A stage that costs more than it saves on a workload is left out there, but for a few requests on which it is tried, so that it
can come back when the workload changes. What is sure is told from what is luck by the empirical Bernstein bound (Maurer and
Pontil, 2009), which holds for savings of any distribution, also for few large ones among many of nothing.
"""

from __future__ import annotations

import math
import random
import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec

PICOS_PER_MS = 11_000  # a core at 4 cents an hour
ENOUGH = 100  # requests before a stage can be left out
TRIALS = 20  # requests before one that was left out can come back
TRIED = 0.02  # of the requests, while it is left out
DOUBT = 0.01  # the chance that the bound is wrong
FORGETS = 0.998  # the weight of what is known, after each request: about the last five hundred count
MOST = 4_096  # pairs of tenant and stage; the one that came last longest ago is forgotten, and runs again


class Standing(msgspec.Struct, frozen=True):
    """Where a stage stands with a tenant. Money in pico-dollars: `net` is the mean of a request, `upper` its upper bound, with
    the time it took in it; None as long as too little is known. `saved`, `cost` and `ms` are sums since the process began.
    """

    on: bool = True
    requests: int = 0
    saved: int = 0
    cost: int = 0
    ms: float = 0.0
    net: float | None = None
    upper: float | None = None


class _Meter:
    def __init__(self) -> None:
        self.on = True
        self.requests, self.saved, self.cost, self.ms = 0, 0, 0, 0.0
        self._begin()

    def add(self, saved: int, cost: int, ms: float, price_of_ms: int) -> None:
        self.requests += 1
        self.saved += saved
        self.cost += cost
        self.ms += ms
        self._note(saved - cost - ms * price_of_ms)
        self._decide()

    def standing(self) -> Standing:
        few = self._weight < 2
        known = (None, None) if few else (self._mean, self._upper())
        return Standing(self.on, self.requests, self.saved, self.cost, self.ms, *known)

    def _begin(self) -> None:
        self._count = 0  # since the stage was last put in or left out
        self._weight = self._mean = self._squares = self._highest = self._lowest = 0.0

    def _note(self, net: float) -> None:
        """Welford's mean and variance, with the past fading."""
        self._count += 1
        self._weight = FORGETS * self._weight + 1
        before = net - self._mean
        self._mean += before / self._weight
        self._squares = FORGETS * self._squares + before * (net - self._mean)
        self._highest, self._lowest = max(net, FORGETS * self._highest), min(net, FORGETS * self._lowest)

    def _upper(self) -> float:
        """Above the true mean, but for a chance of DOUBT."""
        doubt = math.log(2 / DOUBT)
        chance = math.sqrt(2 * self._squares / self._weight * doubt / self._weight)
        return self._mean + chance + 7 * (self._highest - self._lowest) * doubt / (3 * (self._weight - 1))

    def _decide(self) -> None:
        if self.on and self._count >= ENOUGH and self._upper() < 0:
            self.on = False
            self._begin()
        elif not self.on and self._count >= TRIALS and self._mean > 0:
            self.on = True
            self._begin()


class Earns:
    """Of one process; thread-safe. `price_of_ms` is what a millisecond is worth, in pico-dollars; `draw` gives from 0 to 1."""

    def __init__(
        self,
        *,
        price_of_ms: int = PICOS_PER_MS,
        tried: float = TRIED,
        most: int = MOST,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._price_of_ms = price_of_ms
        self._tried = tried
        self._most = most
        self._draw = draw
        self._meters: OrderedDict[tuple[str, str], _Meter] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self, tenant: str, stage: str) -> bool:
        """Whether the stage shall run for this request: because it earns its place, or to see whether it does by now."""
        with self._lock:
            meter = self._meters.get((tenant, stage))
            return meter is None or meter.on or self._draw() < self._tried

    def add(self, tenant: str, stage: str, *, saved: int, cost: int, ms: float) -> Standing:
        """Enter one request on which the stage ran: pico-dollars that it saved, pico-dollars for what it asked others, and
        milliseconds that it took.
        """
        with self._lock:
            meter = self._meters.setdefault((tenant, stage), _Meter())
            self._meters.move_to_end((tenant, stage))
            while len(self._meters) > self._most:
                self._meters.popitem(last=False)
            meter.add(saved, cost, ms, self._price_of_ms)
            return meter.standing()

    def standing(self, tenant: str, stage: str) -> Standing:
        with self._lock:
            meter = self._meters.get((tenant, stage))
            return meter.standing() if meter else Standing()
