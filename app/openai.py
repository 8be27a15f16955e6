"""The OpenAI surface: chat completions, embeddings and models."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from app import completion
from app.auth import authenticate, caller_of, identify, standing_of
from app.context import Context, context
from app.later import Later
from app.receipt import Receipt
from pipeline.door import Entry
from pipeline.errors import GatewayError, NotFound, internal_error
from pipeline.request.controls import parse_controls
from pipeline.request.model import parse
from pipeline.request.parameters import Reuse
from pipeline.request.plan import Policy
from pipeline.storage.keys import Principal

blueprint = Blueprint("openai", __name__, url_prefix="/v1")

STRATEGIES = {"adaptive_cache": (Reuse.EXACT, Reuse.SEMANTIC), "request_deduplication": (Reuse.DEDUP,)}


@blueprint.post("/chat/completions")
def chat_completions() -> Response:
    return _serve("chat/completions")


@blueprint.post("/embeddings")
def embeddings() -> Response:
    return _serve("embeddings")


@blueprint.get("/models")
def models() -> dict[str, Any]:
    authenticate(request)
    return {"object": "list", "data": _models()}


@blueprint.get("/models/<path:name>")
def model(name: str) -> dict[str, Any]:
    authenticate(request)
    for known in _models():
        if known["id"] == name:
            return known
    raise NotFound(
        f"The model '{name}' does not exist here. GET /v1/models lists those that do.", param="model", code="model_not_found"
    )


def _models() -> list[dict[str, Any]]:
    return context().gateway.upstreams.list_models(timeout=5.0)


def _serve(endpoint: str) -> Response:
    """One request from its body to its response; whatever happens, the ledger hears of it once."""
    here, receipt = context(), Receipt(endpoint)
    basis = here.lane.basis()
    g.request_id = receipt.id
    try:
        identity = identify(request)
        entry = _admit(here, receipt, identity.principal)
    except GatewayError as error:
        receipt.record(here.gateway, None, error)
        raise
    if entry.answer is None:
        return Later(completion.coming(here.gateway, receipt, entry), entry.leave)
    try:
        response = completion.stored(receipt, entry, entry.answer)
    except Exception:
        receipt.record(here.gateway, None, internal_error())
        raise
    receipt.record(here.gateway, entry.answer)
    if key := request.environ.get("leo.hot_key"):
        here.lane.remember(key, basis, receipt, standing_of(request, identity), completion.stored)
    return response


def _admit(here: Context, receipt: Receipt, principal: Principal) -> Entry:
    receipt.principal = principal
    controls = parse_controls(request.headers.get)
    receipt.request = parse(receipt.endpoint, request.get_data(cache=False))
    route = here.gateway.tables.current.resolve(receipt.request.model)
    route.check(receipt.request.params)
    receipt.simulated = route.simulated
    entry = here.door.enter(receipt.request, controls, _policy(here, principal.tenant), caller_of(request, principal))
    receipt.enter(entry)
    return entry


def _policy(here: Context, tenant: str) -> Policy:
    switches, settings = here.gateway.switches, here.gateway.settings
    off = (reuse for name, group in STRATEGIES.items() if not switches.enabled(name, tenant) for reuse in group)
    return Policy(
        frozenset(off),
        per_user=settings.cache_scope == "user",
        max_temperature=settings.cache_max_temperature,
        by_meaning=settings.semantic_cache,
        meaning_temperature=settings.semantic_max_temperature,
    )
