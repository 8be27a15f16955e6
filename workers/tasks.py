"""The tasks. Each is a view for the queue: take the message, call the pipeline, send on what it says."""

from __future__ import annotations

from celery import Celery

from pipeline.gateway import Gateway
from workers.crew import Crew
from workers.outbox import Run
from workers.submit import CANARY_TASK, STAGE_TASK


def register(celery: Celery, gateway: Gateway, crew: Crew) -> None:
    """One task per stage of the chain, and the canary."""
    for index, stage in enumerate(gateway.chain.stages):
        celery.task(name=f"{STAGE_TASK}.{stage.name}")(_stage_task(crew, index))
    celery.task(name=CANARY_TASK)(gateway.canary.sing)


def _stage_task(crew: Crew, index: int):  # type: ignore[no-untyped-def]
    def run_stage(*runs: Run) -> None:
        crew.work([(key, epoch) for key, epoch in runs], index)

    return run_stage
