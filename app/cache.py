"""The caches from outside: what they hold and how well they do, what people say of answers, and a way to take answers back."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, request

from app.auth import authenticate
from app.context import context
from app.json_body import json_body
from pipeline import ids
from pipeline.admission import answer as answers
from pipeline.cache.exact import answer_text
from pipeline.cache.semantic.entries import Entry
from pipeline.cache.semantic.states import STATES
from pipeline.errors import BadRequest, NotFound
from pipeline.storage.keys import Principal

blueprint = Blueprint("cache", __name__, url_prefix="/v1/optimization/cache")

PAGE, LARGEST_PAGE = 50, 500
LARGEST_BUDGET = 0.2
_ID = re.compile(r"[0-9a-f]{40}")
_NUMBER = re.compile(r"[0-9]{1,19}")


@blueprint.get("/stats")
def stats() -> dict[str, Any]:
    """What the caller's tenant has stored, what that did, and how often an answer by meaning was wrong."""
    tenant, gateway = authenticate(request).tenant, context().gateway
    return {
        "entries": gateway.cache.count(tenant),
        **gateway.analytics.cache_stats(tenant),
        **gateway.semantic.stats(tenant),
    }


@blueprint.post("/feedback")
def feedback() -> dict[str, Any]:
    """`{"entry_id" or "cached_answer": ..., "is_correct": BOOL}`: an answer that is wrong is not served to the caller again. One
    that may be found by meaning stays, as revoked, for who looks after the cache.

    The id is the `X-LEO-Entry-ID` of the response; an answer is found by its exact text as well.
    """
    principal, gateway = authenticate(request), context().gateway
    body = json_body({"is_correct": bool}, {"entry_id": str, "cached_answer": str})
    if bool(body.get("entry_id")) == bool(body.get("cached_answer")):
        raise BadRequest(
            "Send one of 'entry_id' (the X-LEO-Entry-ID of a response) and 'cached_answer' (its text).", param="entry_id"
        )
    if body.get("entry_id"):
        keys, param = [_id(body["entry_id"])], "entry_id"
    else:
        keys, param = gateway.feedback.find(principal.tenant, principal.key_id, body["cached_answer"]), "cached_answer"
    known = gateway.feedback.give(principal.tenant, principal.key_id, keys, is_correct=body["is_correct"])
    if not known:
        raise _no_such_entry(param)
    return {"entries": known, "is_correct": body["is_correct"], "removed": not body["is_correct"]}


@blueprint.put("/budget")
def set_budget() -> dict[str, Any]:
    """`{"budget": SHARE or null}`: how many wrong answers for each request the tenant accepts, 0.01 for one in a hundred."""
    tenant, gateway = authenticate(request).tenant, context().gateway
    budget = json_body({}, {}).get("budget", ...)
    if budget is ...:
        raise BadRequest("Missing required parameter: 'budget'.", param="budget", code="missing_required_parameter")
    if budget is not None and (
        isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget <= LARGEST_BUDGET
    ):
        raise BadRequest(
            f"Invalid 'budget': it must be more than 0 and at most {LARGEST_BUDGET}, or null for the gateway's own.",
            param="budget",
            code="invalid_value",
        )
    gateway.semantic.policies.set_budget(tenant, budget, ids.unix_now())
    return {"budget": gateway.semantic.policies.of(tenant).budget}


@blueprint.get("/entries")
def entries() -> dict[str, Any]:
    """Stored answers that may be found by meaning, in the order of their making; `after` goes on from a page's `next`.

    A key sees what is shared and what is its own; an admin key sees all of its tenant.
    """
    principal = authenticate(request)
    most = _number("limit", PAGE, 1, LARGEST_PAGE)
    found = context().gateway.semantic.entries.page(principal.tenant, _number("after", 0, 0, 2**62), most, _limit(principal))
    return {"object": "list", "data": [_shown(entry) for entry in found], "next": found[-1].seq if len(found) == most else None}


@blueprint.get("/entries/<entry_id>")
def entry(entry_id: str) -> dict[str, Any]:
    principal = authenticate(request)
    found = context().gateway.semantic.entries.find(principal.tenant, _id(entry_id), _limit(principal))
    if found is None:
        raise _no_such_entry("entry_id")
    return {**_shown(found), "answer": answer_text(answers.unpack(found.answer))}


@blueprint.delete("/entries/<entry_id>")
def delete_entry(entry_id: str) -> dict[str, Any]:
    """Take one answer back, from the exact cache as well. No process serves it one second later.

    What another key has stored for answers by meaning is for feedback, or for an admin key.
    """
    principal, gateway = authenticate(request), context().gateway
    entry_id = _id(entry_id)
    exact = gateway.cache.forget(principal.tenant, entry_id)
    by_meaning = gateway.semantic.entries.remove(principal.tenant, [entry_id], _limit(principal))
    if not exact and not by_meaning:
        raise _no_such_entry("entry_id")
    if not by_meaning and gateway.semantic.entries.find(principal.tenant, entry_id) is None:
        gateway.semantic.entries.refuse(principal.tenant, [entry_id])
    return {"id": entry_id, "deleted": True}


@blueprint.delete("/entries")
def purge() -> dict[str, Any]:
    """Take back all answers that the caller's key has stored for answers by meaning (an admin key: all of its tenant), or those
    of a `state`, or from `before` a time (unix seconds). With `dry_run=true` it only says how many that would be.
    """
    principal, gateway = authenticate(request), context().gateway
    state, before, dry_run = request.args.get("state"), request.args.get("before"), request.args.get("dry_run", "false")
    if state is not None and state not in STATES:
        raise BadRequest(f"Invalid 'state': it must be one of {', '.join(STATES)}.", param="state", code="invalid_value")
    if dry_run not in ("true", "false"):
        raise BadRequest("Invalid 'dry_run': it must be true or false.", param="dry_run", code="invalid_value")
    moment = float(_number("before", 0, 0, 10**11)) if before is not None else None
    count = gateway.semantic.entries.purge(
        principal.tenant, _limit(principal), state=state, before=moment, dry_run=dry_run == "true"
    )
    return {"deleted": 0 if dry_run == "true" else count, "matched": count, "dry_run": dry_run == "true"}


def _limit(principal: Principal) -> str | None:
    """The key to whose entries a caller is limited; None for an admin."""
    return None if principal.is_admin else principal.key_id


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "object": "cache.entry",
        "question": entry.text,
        "partition": entry.partition,
        "state": entry.state,
        "author": entry.author,
        "embedder": entry.embedder,
        "created_at": int(entry.created_at),
        "expires_at": int(entry.expires_at),
        "last_used_at": int(entry.used_at),
        "hits": entry.hits,
        "right": round(entry.right, 2),
        "wrong": round(entry.wrong, 2),
    }


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest(f"Invalid '{name}': it must be a whole number from {least} to {most}.", param=name, code="invalid_value")
    return int(text)


def _id(text: str) -> str:
    """The text, which is as content keys are. Nothing else is looked up: PostgreSQL takes no NUL, and no entry has another id."""
    if not _ID.fullmatch(text):
        raise _no_such_entry("entry_id")
    return text


def _no_such_entry(param: str) -> NotFound:
    return NotFound("There is no such cache entry.", param=param, code="entry_not_found")
