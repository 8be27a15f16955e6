"""Is it alive, is it ready, what does it offer."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response

from app.context import context
from pipeline.errors import GatewayError
from pipeline.storage.migrate import is_current

blueprint = Blueprint("ops", __name__)


@blueprint.get("/health")
def health() -> dict[str, str]:
    """This process answers. Says nothing of what stands behind it; that is /ready."""
    return {"status": "ok"}


@blueprint.get("/ready")
def ready() -> tuple[dict[str, Any], int]:
    """Whether requests would be answered: Redis, the database, the broker, and a worker that carries out a task."""
    here = context()
    gateway = here.gateway
    parts = {
        "redis": _state(lambda: bool(gateway.redis.ping())),
        "database": _state(lambda: is_current(gateway.engine)),
        "worker": _state(lambda: here.worker.value() == 1),
    }
    # The canary went through the broker; without it, the broker is asked for itself.
    parts["broker"] = "ok" if parts["worker"] == "ok" else _state(here.submitter.reachable)
    good = all(state == "ok" for state in parts.values())
    return {"status": "ready" if good else "not ready", **parts, "queue": here.submitter.length()}, 200 if good else 503


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return Response(files("app").joinpath("openapi.json").read_bytes(), content_type="application/json")


def _state(check: Callable[[], bool]) -> str:
    try:
        return "ok" if check() else "not answering"
    except GatewayError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  whatever a driver raises, the part is not ready; its message may hold an address
        return f"failed ({type(error).__name__})"
