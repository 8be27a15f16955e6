"""What the views share: the parts of the gateway, and the caller of the request at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from flask import current_app

from app.lane import Lane
from pipeline.door import Door
from pipeline.errors import GatewayError
from pipeline.gateway import Gateway
from pipeline.recent import Recent
from workers.submit import Submitter

CANARY_S = 1.5


@dataclass(frozen=True)
class Context:
    gateway: Gateway
    submitter: Submitter
    door: Door
    lane: Lane

    @cached_property
    def worker(self) -> Recent:
        """1 while a worker answers, asked at most once a second, however many ask /ready."""
        patience = min(CANARY_S, self.gateway.settings.redis_timeout_s / 2)

        def ask() -> int:
            try:
                # Workers that have all hands full sing late, and renew leases meanwhile.
                return int(self.gateway.canary.heard(self.submitter.canary, patience) or self.gateway.runs.worked_lately())
            except GatewayError:
                return 0  # raised from here, it would leave the last good answer standing for whoever asks next

        return Recent(ask)


def context() -> Context:
    """The context of the running application."""
    found: Context = current_app.extensions["leo"]
    return found
