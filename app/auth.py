"""Who is asking. A gateway key comes in `X-API-Key`, or in `Authorization: Bearer` when that holds one."""

from __future__ import annotations

from typing import NamedTuple

from flask import Request as HttpRequest

from app.context import context
from pipeline.door import Caller
from pipeline.errors import Forbidden, Unauthorized
from pipeline.request.key import derive
from pipeline.storage.authenticate import Standing
from pipeline.storage.key_format import Principal, public_id_of

OPEN = Principal(tenant="open", key_id="open", is_admin=False, bring_own_key=False)

FOREVER = Standing(OPEN, "", asked_at=float("inf"))


class Identity(NamedTuple):
    """Who asks, and by which of the keys that were presented; by none where the gateway is open."""

    principal: Principal
    key: str | None


def authenticate(request: HttpRequest) -> Principal:
    """The principal of a request. Raises Unauthorized, which never repeats what was sent."""
    return identify(request).principal


def identify(request: HttpRequest) -> Identity:
    """As `authenticate`, with the key that let the caller in."""
    gateway = context().gateway
    presented, bearer = request.headers.get("X-API-Key"), _bearer(request)
    for key in filter(None, (presented, bearer)):
        principal = gateway.authenticator.authenticate(key)
        if principal is not None:
            return Identity(principal, key)
        if key is presented:
            raise Unauthorized("The key in X-API-Key is not a key of this gateway, or it was revoked.")
    if gateway.settings.open:
        return Identity(OPEN, None)
    if bearer:
        raise Unauthorized("The bearer token is not a gateway key. Send a gateway key as X-API-Key or as the bearer token.")
    raise Unauthorized("No gateway key was sent. Send one as X-API-Key or Authorization: Bearer.", code="missing_api_key")


def standing_of(request: HttpRequest, identity: Identity) -> Standing | None:
    """What tells how long this identity stands; None when that is not sure."""
    bearer = _bearer(request)
    if bearer and bearer != identity.key and public_id_of(bearer):
        return None  # a second key: whether it is one of ours may change
    return context().gateway.authenticator.standing(identity.key) if identity.key else FOREVER


def require_admin(request: HttpRequest) -> Principal:
    principal = authenticate(request)
    if not principal.is_admin:
        raise Forbidden("This needs an admin key (LEO_ADMIN_KEY, or one made with `leo keys create --admin`).")
    return principal


def caller_of(request: HttpRequest, principal: Principal) -> Caller:
    """The caller as the pipeline sees it. A provider's own key counts only for tenants who bring theirs."""
    bearer = _bearer(request) if principal.bring_own_key else None
    if bearer is None or context().gateway.authenticator.authenticate(bearer) is not None:
        # Without a bearer, or with one of our own keys, which no provider must see.
        return Caller(principal.tenant, principal=principal.key_id)
    # Only its digest separates the cache; the key itself goes upstream with this request and nowhere else.
    return Caller(principal.tenant, partition=derive("provider-key", bearer), provider_key=bearer, principal=principal.key_id)


def _bearer(request: HttpRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
