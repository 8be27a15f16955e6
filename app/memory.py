"""The micro-memory from outside: what is known of a caller can be listed, corrected, exported and erased.

A key sees the memory that it has itself, or the one of the `X-LEO-Principal` (or `?user=`) that it asks for. Nobody else's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from app.auth import authenticate, require_admin
from app.context import context
from app.json_body import json_body
from pipeline import ids
from pipeline.errors import BadRequest, NotFound
from pipeline.memory.decay import is_over, retention
from pipeline.memory.items import EVERYWHERE, Item, Owner, new_id
from pipeline.memory.who import CONVERSATION_HEADER, PRINCIPAL_HEADER, conversation_of, owner_of
from pipeline.upstream.tokens import count_tokens

if TYPE_CHECKING:
    from pipeline.memory.store import MemoryStore

blueprint = Blueprint("memory", __name__, url_prefix="/v1")

PAGE, LARGEST_PAGE = 50, 500
_ID = re.compile(r"mem_[0-9a-f]{24}")
_NUMBER = re.compile(r"[0-9]{1,19}")


@blueprint.get("/memory")
def listed() -> dict[str, Any]:
    """Notes in the order of their making; `after` goes on from a page's `next`. With `replaced=true` old values as well, which
    are kept for a week. With `X-LEO-Conversation` only what holds in that conversation.
    """
    owner, most = _owner(), _number("limit", PAGE, 1, LARGEST_PAGE)
    header = request.headers.get(CONVERSATION_HEADER)
    wanted = {conversation_of(header), EVERYWHERE}
    found = _store().page(owner, _number("after", 0, 0, 2**62), most, replaced=_flag("replaced"))
    data = [_shown(item) for _, item in found if header is None or item.conversation in wanted]
    return {"object": "list", "data": data, "next": found[-1][0] if len(found) == most else None}


@blueprint.get("/memory-export")
def export() -> Response:
    """All that is kept of the owner, as a JSON array."""
    return Response(_store().export(_owner()), content_type="application/json")


@blueprint.get("/memory/<id>")
def one(id: str) -> dict[str, Any]:
    found = _store().find(_owner(), _id(id))
    if found is None:
        raise _no_such_item()
    return _shown(found)


@blueprint.post("/memory")
def add() -> tuple[dict[str, Any], int]:
    """`{"text": ...}`, with `subject` and `relation` (what it is about), `kind` and `importance` if they are known."""
    from pipeline.memory.byhand import written  # its rules take a while to import, and few processes need them

    owner = _owner()
    conversation = conversation_of(request.headers.get(CONVERSATION_HEADER))
    body = json_body({"text": str}, {"subject": str, "relation": str, "kind": str})
    fields = _known(body, "text", "subject", "relation", "kind", "importance")
    item = written(fields, owner, conversation, count_tokens, new_id(), ids.unix_now())
    _store().put(owner, item)
    return _shown(item), 201


@blueprint.route("/memory/<id>", methods=["PUT", "PATCH"])
def correct(id: str) -> dict[str, Any]:
    """`{"text": ..., "kind": ..., "importance": ...}`, any of them. What the note said before is not kept."""
    from pipeline.memory.byhand import corrected

    owner, name = _owner(), _id(id)
    body = _known(json_body({}, {"text": str, "kind": str}), "text", "kind", "importance")
    found = _store().amend(owner, name, lambda item: corrected(item, body, count_tokens, ids.unix_now()))
    if found is None:
        raise _no_such_item()
    return _shown(found)


@blueprint.delete("/memory/<id>")
def forget(id: str) -> dict[str, Any]:
    if not _store().forget(_owner(), _id(id)):
        raise _no_such_item()
    return {"id": id, "deleted": True}


@blueprint.delete("/memory")
def erase() -> dict[str, Any]:
    """Erase all that is known of the owner; with `scope=tenant`, which needs an admin key, of everybody of the tenant. With
    `dry_run=true` it only says how many notes that would be.
    """
    scope, dry_run = request.args.get("scope", "principal"), _flag("dry_run")
    if scope not in ("principal", "tenant"):
        raise BadRequest("Invalid 'scope': it must be 'principal' or 'tenant'.", param="scope", code="invalid_value")
    if scope == "tenant":
        count = _store().erase(require_admin(request).tenant, dry_run=dry_run)
    else:
        owner = _owner()
        count = _store().erase(owner.tenant, owner.principal, dry_run=dry_run)
    return {"deleted": 0 if dry_run else count, "matched": count, "dry_run": dry_run}


def _store() -> MemoryStore:
    return context().gateway.memory_store


def _owner() -> Owner:
    principal = authenticate(request)
    header, user = request.headers.get(PRINCIPAL_HEADER), request.args.get("user")
    if header is not None and user is not None and header != user:
        raise BadRequest(
            f"{PRINCIPAL_HEADER} and 'user' name two principals: send one of them.", param="user", code="invalid_value"
        )
    return owner_of(principal.tenant, principal.key_id, header, user)


def _shown(item: Item) -> dict[str, Any]:
    now = ids.unix_now()
    return {
        "id": item.id,
        "object": "memory.item",
        "text": item.text,
        "subject": item.slot.subject,
        "relation": item.slot.relation,
        "kind": item.kind.value,
        "importance": item.importance,
        "strength": round(item.strength, 3),
        "retention": round(retention(item, now), 3),
        "faded": is_over(item, now),
        "conversation": item.conversation or None,
        "created_at": int(item.created),
        "last_used_at": int(item.last),
        "expires_at": int(item.expires),
        "superseded_at": None if item.superseded is None else int(item.superseded),
    }


def _known(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The body, of which nothing may be unknown: a misspelt field must not look as if it had been obeyed."""
    unknown = next((name for name in body if name not in names), None)
    if unknown is not None:
        raise BadRequest(f"Unknown parameter: '{unknown[:60]}'.", param=unknown[:60], code="unknown_parameter")
    return body


def _flag(name: str) -> bool:
    text = request.args.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"Invalid '{name}': it must be true or false.", param=name, code="invalid_value")
    return text == "true"


def _number(name: str, default: int, least: int, most: int) -> int:
    text = request.args.get(name, str(default))
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest(f"Invalid '{name}': it must be a whole number from {least} to {most}.", param=name, code="invalid_value")
    return int(text)


def _id(text: str) -> str:
    """The text, which is as ids of notes are. Nothing else is looked up: PostgreSQL takes no NUL, and no note has another id."""
    if not _ID.fullmatch(text):
        raise _no_such_item()
    return text


def _no_such_item() -> NotFound:
    return NotFound("There is no such note.", param="id", code="memory_item_not_found")
