"""The key of a request: a digest of its canonical form, the same in every process and on every machine.

    digest = blake2b-160( version | tenant | partition | endpoint | canonical JSON of the keyed parameters )

The tenant is inside the digest, so no two tenants can ever share an answer. VERSION is part of it, so
that a change of the canonical form leaves old entries behind instead of misreading them.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pipeline.request import canonical
from pipeline.request.model import Request
from pipeline.request.parameters import TABLES, USER_SCOPE

VERSION = "1"


def content_key(request: Request, tenant: str, *, partition: str = "", per_user: bool = False) -> str:
    """The key of what is asked, as 40 hex digits. `partition` separates callers within a tenant further."""
    return derive(VERSION, tenant, partition, request.endpoint, canonical.encode(keyed_parameters(request, per_user)))


def keyed_parameters(request: Request, per_user: bool = False) -> dict[str, Any]:
    """The parameters that make the answer what it is: all but those that the table leaves out."""
    table = TABLES[request.endpoint]
    return {
        name: value
        for name, value in request.params.items()
        if name not in table or table[name].in_key or (per_user and name in USER_SCOPE)
    }


def derive(*parts: str | bytes) -> str:
    """A digest of the parts, each with its length before it, so that no two lists of parts collide."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
