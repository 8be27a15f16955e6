"""The OpenAI surface: chat completions, embeddings and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, g, request

from app import completion
from app.auth import authenticate, caller_of, identify, standing_of
from app.context import Context, context
from app.later import Later
from app.receipt import Receipt
from pipeline.door import Entry
from pipeline.errors import GatewayError, NotFound, internal_error
from pipeline.ids import unix_now
from pipeline.memory.who import wish
from pipeline.request.controls import Controls, parse_controls
from pipeline.request.key import derive
from pipeline.request.model import parse
from pipeline.request.parameters import Reuse
from pipeline.request.plan import Policy
from pipeline.storage.keys import Principal

if TYPE_CHECKING:
    from pipeline.remembering import Remembered  # whose rules take a while to import

blueprint = Blueprint("openai", __name__, url_prefix="/v1")

STRATEGIES = {
    "adaptive_cache": (Reuse.EXACT, Reuse.SEMANTIC),
    "request_deduplication": (Reuse.DEDUP,),
    "query_decomposition": (Reuse.DECOMPOSE,),
    "prompt_optimization": (Reuse.OPTIMIZE,),
}


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
    key = request.environ.get("leo.hot_key")
    if key and receipt.memory is None:  # what is known of a caller changes, and the same bytes then mean something else
        here.lane.remember(key, basis, receipt, standing_of(request, identity), completion.stored)
    return response


def _admit(here: Context, receipt: Receipt, principal: Principal) -> Entry:
    receipt.principal = principal
    controls = parse_controls(request.headers.get)
    receipt.request = parse(receipt.endpoint, request.get_data(cache=False))
    route = here.gateway.tables.current.resolve(receipt.request.model)
    route.check(receipt.request.params)
    receipt.simulated = route.simulated
    caller, alone = caller_of(request, principal), None
    receipt.memory = _remembered(here, receipt, controls, principal)
    if receipt.memory:
        receipt.request, alone = receipt.memory.request, receipt.memory.alone
        if receipt.memory.partition:
            caller = msgspec.structs.replace(caller, partition=derive(caller.partition, receipt.memory.partition))
    entry = here.door.enter(receipt.request, controls, _policy(here, principal.tenant), caller, alone)
    receipt.enter(entry)
    return entry


def _remembered(here: Context, receipt: Receipt, controls: Controls, principal: Principal) -> Remembered | None:
    """What the memory makes of the request, if it was asked for."""
    asked = receipt.request
    if asked is None or asked.endpoint != "chat/completions":
        return None
    policy = here.gateway.switches.set_to("micro_memory", principal.tenant)
    wished = wish(controls.memory, policy, principal.tenant, principal.key_id, request.headers.get, asked.params.get("user"))
    return here.gateway.remembering.remember(asked, wished, receipt.id, unix_now()) if wished else None


def _policy(here: Context, tenant: str) -> Policy:
    switches, settings = here.gateway.switches, here.gateway.settings
    off = (reuse for name, group in STRATEGIES.items() if not switches.enabled(name, tenant) for reuse in group)
    return Policy(
        frozenset(off),
        per_user=settings.cache_scope == "user",
        max_temperature=settings.cache_max_temperature,
        by_meaning=settings.semantic_cache,
        decompose=settings.decomposition != "off",
        optimize=settings.prompt_optimization != "off",
        meaning_temperature=settings.semantic_max_temperature,
    )
