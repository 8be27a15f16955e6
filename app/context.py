"""What the views share: the parts of the gateway, and the caller of the request at hand."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from pipeline.door import Door
from pipeline.gateway import Gateway
from workers.submit import Submitter


@dataclass(frozen=True)
class Context:
    gateway: Gateway
    submitter: Submitter
    door: Door


def context() -> Context:
    """The context of the running application."""
    found: Context = current_app.extensions["leo"]
    return found
