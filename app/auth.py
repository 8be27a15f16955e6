"""Who is asking. A gateway key comes in `X-API-Key`, or in `Authorization: Bearer` when that holds one."""

from __future__ import annotations

from flask import Request as HttpRequest

from app.context import context
from pipeline.door import Caller
from pipeline.errors import Forbidden, Unauthorized
from pipeline.request.key import derive
from pipeline.storage.keys import Principal

OPEN = Principal(tenant="open", key_id="open", is_admin=False, bring_own_key=False)


def authenticate(request: HttpRequest) -> Principal:
    """The principal of a request. Raises Unauthorized, which never repeats what was sent."""
    gateway = context().gateway
    presented, bearer = request.headers.get("X-API-Key"), _bearer(request)
    for key in filter(None, (presented, bearer)):
        principal = gateway.authenticator.authenticate(key)
        if principal is not None:
            return principal
        if key is presented:
            raise Unauthorized("The key in X-API-Key is not a key of this gateway, or it was revoked.")
    if gateway.settings.open:
        return OPEN
    if bearer:
        raise Unauthorized("The bearer token is not a gateway key. Send a gateway key as X-API-Key or as the bearer token.")
    raise Unauthorized("No gateway key was sent. Send one as X-API-Key or Authorization: Bearer.", code="missing_api_key")


def require_admin(request: HttpRequest) -> Principal:
    principal = authenticate(request)
    if not principal.is_admin:
        raise Forbidden("This needs an admin key (LEO_ADMIN_KEY, or one made with `leo keys create --admin`).")
    return principal


def caller_of(request: HttpRequest, principal: Principal) -> Caller:
    """The caller as the pipeline sees it. A provider's own key counts only for tenants who bring theirs."""
    bearer = _bearer(request) if principal.bring_own_key else None
    if bearer is None or context().gateway.authenticator.authenticate(bearer) is not None:
        return Caller(principal.tenant)  # without a bearer, or with one of our own keys, which no provider must see
    # Only its digest separates the cache; the key itself goes upstream with this request and nowhere else.
    return Caller(principal.tenant, partition=derive("provider-key", bearer), provider_key=bearer)


def _bearer(request: HttpRequest) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
