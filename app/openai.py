"""The OpenAI surface: chat completions, embeddings and models."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from app import sse
from app.auth import authenticate, caller_of
from app.body import served_again, with_fields
from app.context import Context, context
from app.errors import log_crash
from app.receipt import Receipt
from pipeline.admission.answer import Answer
from pipeline.admission.events import Answered, Delta, Event
from pipeline.door import Entry
from pipeline.errors import Cancelled, GatewayError, NotFound, internal_error
from pipeline.request.controls import parse_controls
from pipeline.request.model import parse
from pipeline.request.parameters import Reuse
from pipeline.request.plan import Policy

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
    g.request_id = receipt.id
    try:
        entry = _admit(here, receipt)
    except GatewayError as error:
        receipt.record(here.gateway, None, error)
        raise
    on_disconnect: Callable[[Callable[[], None]], None] = request.environ.get("leo.on_disconnect", lambda leave: None)
    on_disconnect(entry.leave)
    try:
        assert receipt.request is not None
        return _stream(here, receipt, entry) if receipt.request.stream else _whole(here, receipt, entry)
    except Exception as error:
        entry.close()
        receipt.record(here.gateway, None, error if isinstance(error, GatewayError) else internal_error())
        raise


def _admit(here: Context, receipt: Receipt) -> Entry:
    receipt.principal = principal = authenticate(request)
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
    return Policy(frozenset(off), per_user=settings.cache_scope == "user", max_temperature=settings.cache_max_temperature)


# --- whole ---


def _whole(here: Context, receipt: Receipt, entry: Entry) -> Response:
    answer = entry.answer or _wait(entry)
    entry.close()
    body = served_again(answer.body) if entry.from_cache else answer.body
    if not entry.plan.transparent:
        body = with_fields(body, receipt.metrics(answer))
    receipt.record(here.gateway, answer)
    response = Response(body, content_type="application/json")
    response.headers.update(receipt.headers(answer))
    return response


def _wait(entry: Entry) -> Answer:
    for batch in entry.events():
        last = batch[-1] if batch else None
        if isinstance(last, Answered):
            return last.answer
    raise internal_error()


# --- streamed ---


def _stream(here: Context, receipt: Receipt, entry: Entry) -> Response:
    """Begin a stream. Until the first chunk is there, an error still gets its own status."""
    assert receipt.request is not None
    renderer = sse.StreamRenderer(include_usage=receipt.request.include_usage)
    events = entry.events()
    ahead: list[Event] = []
    while not any(isinstance(event, Delta | Answered) for event in ahead):
        ahead = next(events)
    if entry.from_cache:
        ahead = [_again(event) for event in ahead]
    response = Response(
        _frames(here, receipt, entry, renderer, itertools.chain([ahead], events)), content_type="text/event-stream; charset=utf-8"
    )
    final = ahead[-1].answer if isinstance(ahead[-1], Answered) else None
    response.headers.update(receipt.headers(final))
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _again(event: Event) -> Event:
    if not isinstance(event, Answered):
        return event
    return Answered(msgspec.structs.replace(event.answer, body=served_again(event.answer.body)), event.source)


def _frames(
    here: Context, receipt: Receipt, entry: Entry, renderer: sse.StreamRenderer, batches: Iterator[list[Event]]
) -> Iterator[bytes]:
    error: GatewayError | None = Cancelled("The caller has gone before the end of its stream.", code="client_disconnected")
    try:
        for batch in batches:
            chunks = renderer.feed(batch)
            if chunks:
                yield b"".join(map(sse.frame, chunks))
        if renderer.answer and not entry.plan.transparent:
            yield sse.comment(receipt.metrics(renderer.answer))
        yield sse.DONE
        error = None
    except GatewayError as failed:
        error = failed
        yield sse.frame(failed.envelope())
    except Exception as crash:  # noqa: BLE001  the status is out already, and an end without a word looks like a whole answer
        log_crash(receipt.endpoint, crash)
        error = internal_error()
        yield sse.frame(error.envelope())
    finally:
        entry.close()
        receipt.record(here.gateway, renderer.answer, error)
