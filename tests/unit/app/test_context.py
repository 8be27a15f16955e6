"""Whether a worker answers, as /ready tells it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from app.context import Context
from pipeline.errors import StoreUnavailable
from pipeline.recent import Recent
from pipeline.settings import Settings


class Canary:
    """Sings until the broker is gone."""

    def __init__(self) -> None:
        self.broker_is_gone = False

    def heard(self, send: object, timeout: float) -> bool:
        if self.broker_is_gone:
            raise StoreUnavailable("The broker is not answering.")
        return True


def test_a_broker_that_goes_takes_the_good_answer_of_before_with_it() -> None:
    canary = Canary()
    gateway: Any = SimpleNamespace(settings=Settings(), canary=canary, runs=None)
    submitter: Any = SimpleNamespace(canary=None)
    worker: Recent = Context(gateway, submitter, door=None, lane=None).worker  # type: ignore[arg-type]
    assert worker.value() == 1
    canary.broker_is_gone = True
    worker._expires = 0.0  # the second is over
    # The first who asks measures anew, the next gets what it found.
    assert [worker.value(), worker.value()] == [0, 0]
