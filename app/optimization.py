"""The optimisers from outside: what they did, what they are set to, and what people think of their answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from app.auth import authenticate, require_admin
from app.context import context
from app.json_body import json_body
from pipeline.errors import BadRequest

blueprint = Blueprint("optimization", __name__, url_prefix="/v1")


@blueprint.get("/analytics")
def analytics() -> dict[str, Any]:
    """The caller's tenant's figures, from the ledger; an admin key with `?scope=global` gets everybody's."""
    return context().gateway.analytics.summary(_scope())


@blueprint.get("/optimization/status")
def status() -> dict[str, Any]:
    principal = authenticate(request)
    return {"strategies": context().gateway.switches.status(principal.tenant)}


@blueprint.post("/optimization/enable")
def enable() -> dict[str, Any]:
    """`{"strategy": NAME, "enabled": BOOL}` for the caller's tenant; `"scope": "global"` needs an admin key."""
    principal = authenticate(request)
    body = json_body({"strategy": str, "enabled": bool}, {"scope": str})
    scope = body.get("scope", "tenant")
    if scope not in ("tenant", "global"):
        raise BadRequest("Invalid 'scope': it must be 'tenant' or 'global'.", param="scope")
    if scope == "global":
        require_admin(request)
    tenant = None if scope == "global" else principal.tenant
    context().gateway.switches.set(body["strategy"], body["enabled"], tenant)
    return {"strategy": body["strategy"], "enabled": body["enabled"], "scope": scope}


@blueprint.post("/admin/models/reload")
def reload_models() -> dict[str, Any]:
    """Read the model table again, in every process within a second. A table with a fault is refused."""
    require_admin(request)
    return {"models": context().gateway.model_reload.announce()}


def _scope() -> str | None:
    scope = request.args.get("scope", "tenant")
    if scope not in ("tenant", "global"):
        raise BadRequest("Invalid 'scope': it must be 'tenant' or 'global'.", param="scope", code="invalid_value")
    if scope == "global":
        require_admin(request)
        return None
    return authenticate(request).tenant
