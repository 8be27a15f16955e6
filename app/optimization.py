"""The optimisers from outside: what they did, what they are set to, and what people think of their answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from app.auth import authenticate, require_admin
from app.context import context
from pipeline.errors import BadRequest, NotFound
from pipeline.request import canonical

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
    body = _body({"strategy": str, "enabled": bool}, {"scope": str})
    scope = body.get("scope", "tenant")
    if scope not in ("tenant", "global"):
        raise BadRequest("Invalid 'scope': it must be 'tenant' or 'global'.", param="scope")
    if scope == "global":
        require_admin(request)
    tenant = None if scope == "global" else principal.tenant
    context().gateway.switches.set(body["strategy"], body["enabled"], tenant)
    return {"strategy": body["strategy"], "enabled": body["enabled"], "scope": scope}


@blueprint.get("/optimization/cache/stats")
def cache_stats() -> dict[str, Any]:
    """The stored answers of the caller's tenant. There is no threshold yet, since there is no semantic cache."""
    tenant, gateway = authenticate(request).tenant, context().gateway
    return {"entries": gateway.cache.count(tenant), "thresholds": None, **gateway.analytics.cache_stats(tenant)}


@blueprint.post("/optimization/cache/feedback")
def cache_feedback() -> dict[str, Any]:
    """`{"entry_id" or "cached_answer": ..., "is_correct": BOOL}`: an answer that is wrong is no longer served.

    The id is the `X-LEO-Entry-ID` of the response; an answer is found by its exact text as well.
    """
    tenant, gateway = authenticate(request).tenant, context().gateway
    body = _body({"is_correct": bool}, {"entry_id": str, "cached_answer": str})
    if bool(body.get("entry_id")) == bool(body.get("cached_answer")):
        raise BadRequest(
            "Send one of 'entry_id' (the X-LEO-Entry-ID of a response) and 'cached_answer' (its text).", param="entry_id"
        )
    keys = [body["entry_id"]] if body.get("entry_id") else gateway.cache.find(tenant, body["cached_answer"])
    known = gateway.feedback.give(tenant, keys, is_correct=body["is_correct"])
    if not known:
        raise NotFound("There is no such cache entry.", param="entry_id", code="entry_not_found")
    return {"entries": known, "is_correct": body["is_correct"], "removed": not body["is_correct"]}


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


def _body(required: dict[str, type], optional: dict[str, type]) -> dict[str, Any]:
    body = canonical.decode(request.get_data(cache=False))
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_type")
    for name, kind in {**required, **optional}.items():
        if name in required and name not in body:
            raise BadRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
        if name in body and type(body[name]) is not kind:
            raise BadRequest(f"Invalid '{name}': it must be a {kind.__name__}.", param=name, code="invalid_type")
    return body
