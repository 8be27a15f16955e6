"""Who is let in, as whom, and what becomes of a provider's own key."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from app.auth import OPEN, authenticate, caller_of, require_admin
from app.context import Context
from pipeline.door import Caller
from pipeline.errors import Forbidden, Unauthorized
from pipeline.settings import Settings
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.key_format import Principal, key_digest

ACME = Principal(tenant="acme", key_id="k1", is_admin=False, bring_own_key=False)
BRINGS = Principal(tenant="byok", key_id="k2", is_admin=False, bring_own_key=True)
KEYS = {"leo-k1-secret": ACME, "leo-k2-secret": BRINGS}
PROVIDER = "sk-provider"


class Store:
    """A key store that knows two tenants."""

    def find_digest(self, public_id: str, digest: str) -> Principal | None:
        return {key_digest(key): principal for key, principal in KEYS.items()}.get(digest)


def asked(what: Callable[[Any], Any], settings: Settings | None = None, **headers: str) -> Any:
    """What a view would get for a request with these headers."""
    settings = settings or Settings(api_key="api-key", admin_key="admin-key")
    app = Flask("auth")
    gateway: Any = SimpleNamespace(settings=settings, authenticator=Authenticator(Store(), settings))
    app.extensions["leo"] = Context(gateway, submitter=None, door=None, lane=None)  # type: ignore[arg-type]
    with app.test_request_context("/", headers={name.replace("_", "-"): value for name, value in headers.items()}):
        return what(request)


def both(http: Any) -> Caller:
    return caller_of(http, authenticate(http))


def test_a_gateway_key_counts_in_either_header() -> None:
    assert asked(authenticate, X_API_Key="leo-k1-secret") == ACME
    assert asked(authenticate, Authorization="Bearer leo-k1-secret") == ACME
    assert asked(authenticate, Authorization="bearer  leo-k1-secret ") == ACME


def test_the_keys_of_the_settings_are_the_default_tenants() -> None:
    assert asked(authenticate, X_API_Key="api-key").tenant == "default"
    assert not asked(authenticate, X_API_Key="api-key").is_admin
    assert asked(authenticate, X_API_Key="admin-key").is_admin


def test_there_is_no_key_that_works_by_default() -> None:
    for guess in ("", "admin", "leo", "default", "your-api-key", "None"):
        with pytest.raises(Unauthorized):
            asked(authenticate, Settings(), X_API_Key=guess)


def test_a_providers_bearer_beside_a_gateway_key_is_ignored() -> None:
    caller = asked(both, X_API_Key="leo-k1-secret", Authorization=f"Bearer {PROVIDER}")
    assert caller == Caller("acme", principal="k1")


def test_a_wrong_gateway_key_is_not_saved_by_a_good_bearer() -> None:
    with pytest.raises(Unauthorized, match="X-API-Key"):
        asked(authenticate, X_API_Key="leo-k1-wrong", Authorization="Bearer leo-k1-secret")


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "Token leo-k1-secret", "leo-k1-secret"])
def test_other_forms_of_authorization_are_no_key(header: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        asked(authenticate, Authorization=header)
    assert refused.value.code == "missing_api_key"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60))
def test_a_refusal_never_repeats_what_was_sent(secret: str) -> None:
    for headers in ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}):
        with pytest.raises(Unauthorized) as refused:
            asked(authenticate, **headers)
        assert secret not in refused.value.message


def test_open_mode_lets_in_who_has_no_key_and_knows_who_has_one() -> None:
    is_open = Settings(open=True, admin_key="admin-key")
    assert asked(authenticate, is_open) == OPEN
    assert asked(authenticate, is_open, Authorization=f"Bearer {PROVIDER}") == OPEN
    assert asked(authenticate, is_open, Authorization="Bearer leo-k1-secret") == ACME
    assert asked(require_admin, is_open, X_API_Key="admin-key").is_admin


def test_open_mode_makes_nobody_an_admin() -> None:
    with pytest.raises(Forbidden):
        asked(require_admin, Settings(open=True))


def test_what_needs_an_admin_refuses_others_with_403_and_strangers_with_401() -> None:
    with pytest.raises(Forbidden) as refused:
        asked(require_admin, X_API_Key="leo-k1-secret")
    assert refused.value.http_status == 403
    with pytest.raises(Unauthorized):
        asked(require_admin)


# --- tenants who bring their own provider key ---


def test_a_provider_key_goes_with_its_tenants_request_and_separates_its_answers() -> None:
    caller = asked(both, X_API_Key="leo-k2-secret", Authorization=f"Bearer {PROVIDER}")
    assert (caller.tenant, caller.provider_key) == ("byok", PROVIDER)
    other = asked(both, X_API_Key="leo-k2-secret", Authorization=f"Bearer {PROVIDER}-2")
    assert caller.partition != other.partition
    assert PROVIDER not in caller.partition


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer leo-k2-secret"},
        {"X_API_Key": "leo-k2-secret"},
        {"X_API_Key": "leo-k2-secret", "Authorization": "Bearer leo-k2-secret"},
        {"X_API_Key": "leo-k2-secret", "Authorization": "Bearer leo-k1-secret"},
        {"X_API_Key": "leo-k2-secret", "Authorization": "Bearer admin-key"},
    ],
    ids=["as bearer", "no bearer", "twice the same", "another tenant's", "the admin's"],
)
def test_a_gateway_key_never_goes_to_a_provider(headers: dict[str, str]) -> None:
    assert asked(both, **headers) == Caller("byok", principal="k2")
