"""Whose memory a request means, and which conversation: from its headers and its `user`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pipeline.errors import BadRequest
from pipeline.memory.items import EVERYWHERE, Owner
from pipeline.request.key import derive

PRINCIPAL_HEADER, CONVERSATION_HEADER = "X-LEO-Principal", "X-LEO-Conversation"
LONGEST = 200  # characters of a name


class Wish(msgspec.Struct, frozen=True):
    """Whose memory goes with a request, and in which conversation."""

    owner: Owner
    conversation: str


def wish(
    asked: bool | None, policy: bool | None, tenant: str, key_id: str, header: Callable[[str], str | None], user: object
) -> Wish | None:
    """The memory that a request shall use, or None. `asked` is the caller's word, `policy` the tenant's, None: nothing was said;
    what an operator has switched off stays off. Raises BadRequest for a header that was not understood.
    """
    if policy is False or not (policy if asked is None else asked):
        return None
    owner = owner_of(tenant, key_id, header(PRINCIPAL_HEADER), user if isinstance(user, str) else None)
    return Wish(owner, conversation_of(header(CONVERSATION_HEADER)))


def owner_of(tenant: str, key_id: str, header: str | None = None, user: str | None = None) -> Owner:
    """The owner of notes: the gateway key, and whoever it asks for, by the X-LEO-Principal header or else by `user`.

    Only a digest of the name is kept, which is often an address. Raises BadRequest.
    """
    name = _name(PRINCIPAL_HEADER, header) if header is not None else (user or "")
    return Owner(tenant, derive("memory of", key_id, name.encode("utf-8", "surrogatepass")))


def conversation_of(header: str | None) -> str:
    """The name of the conversation; EVERYWHERE without the header. Raises BadRequest."""
    return EVERYWHERE if header is None else _name(CONVERSATION_HEADER, header)


def _name(param: str, text: str) -> str:
    if not 1 <= len(text) <= LONGEST or not text.isprintable():
        raise BadRequest(f"{param} must be 1 to {LONGEST} printable characters.", param=param)
    return text
