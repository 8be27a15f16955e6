"""The tasks. Each is a view for the queue: take the message, call the pipeline, send on what it says."""

from __future__ import annotations

from celery import Celery

from pipeline.gateway import Gateway
from workers.submit import CANARY_TASK, STAGE_TASK, Submitter


def register(celery: Celery, gateway: Gateway, submitter: Submitter) -> None:
    """One task per stage of the chain, and the canary."""
    for index, stage in enumerate(gateway.chain.stages):
        celery.task(name=f"{STAGE_TASK}.{stage.name}")(_stage_task(gateway, submitter, index))
    celery.task(name=CANARY_TASK)(gateway.canary.sing)


def _stage_task(gateway: Gateway, submitter: Submitter, index: int):  # type: ignore[no-untyped-def]
    def run_stage(key: str, epoch: str) -> None:
        following = gateway.runner.run(key, epoch, index)
        if following is not None:
            submitter.submit(key, epoch, following)

    return run_stage
