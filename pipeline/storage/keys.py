"""Gateway keys: made, listed, revoked and found.

A key is `leo-<public id>-<secret>`. The public id names it in lists and logs; the database holds only the SHA-256
of the whole key. The secret has 256 random bits, so a plain digest cannot be guessed and needs no slow hash.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Engine, RowMapping, select, update

from pipeline import errors, ids
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.engine import reading, writing
from pipeline.storage.key_format import DEFAULT_TENANT, HINT_CHARS, PREFIX, Principal, key_digest, public_id_of
from pipeline.storage.tables import GatewayKey, Tenant
from pipeline.storage.upsert import insert_into

__all__ = ["DEFAULT_TENANT", "Authenticator", "KeyInfo", "KeyStore", "Principal"]


class KeyInfo(msgspec.Struct, frozen=True):
    """What can be told about a key. `hint` is its last four characters; times are in UTC."""

    public_id: str
    tenant_id: str
    name: str
    hint: str
    is_admin: bool
    created_at: datetime
    revoked_at: datetime | None


class KeyStore:
    """The keys and tenants of one database. Every method raises errors.StoreUnavailable when it is down."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = ids.utc_now) -> None:
        self._engine = engine
        self._now = now

    def ensure_tenant(self, tenant_id: str, name: str, bring_own_key: bool = False) -> bool:
        """Makes the tenant if it is not there and says whether it was made; one that is there is left as it is.

        Raises errors.BadRequest for an empty id.
        """
        if not tenant_id:
            raise errors.BadRequest("A tenant needs an id.", param="id")
        row = {"id": tenant_id, "name": name, "created_at": self._now(), "bring_own_key": bring_own_key}
        with writing(self._engine) as connection:
            made = insert_into(connection, Tenant).values(row).on_conflict_do_nothing().returning(Tenant.id)
            return connection.execute(made).first() is not None

    def create(self, tenant: str, name: str, is_admin: bool = False) -> tuple[str, str]:
        """Makes a key and returns its public id and its plaintext, which cannot be had a second time.

        Raises errors.NotFound when there is no such tenant.
        """
        public_id = ids.key_public_id()
        plaintext = f"{PREFIX}-{public_id}-{ids.key_secret()}"
        with writing(self._engine) as connection:
            if connection.execute(select(Tenant.id).where(Tenant.id == tenant)).first() is None:
                raise errors.NotFound(f"There is no tenant {tenant!r}.", param="tenant")
            connection.execute(
                insert_into(connection, GatewayKey).values(
                    public_id=public_id,
                    tenant_id=tenant,
                    name=name,
                    digest=key_digest(plaintext),
                    hint=plaintext[-HINT_CHARS:],
                    is_admin=is_admin,
                    created_at=self._now(),
                )
            )
        return public_id, plaintext

    def list(self, tenant: str | None = None) -> Sequence[KeyInfo]:
        """All keys, or one tenant's, the oldest first; revoked ones too."""
        wanted = (getattr(GatewayKey, field) for field in KeyInfo.__struct_fields__)
        query = select(*wanted).order_by(GatewayKey.created_at, GatewayKey.public_id)
        if tenant is not None:
            query = query.where(GatewayKey.tenant_id == tenant)
        with reading(self._engine) as connection:
            return [KeyInfo(**row) for row in connection.execute(query).mappings()]

    def revoke(self, public_id: str) -> bool:
        """Takes a key back for ever; False when there is none or it was revoked before.

        It stops working everywhere within the second for which an Authenticator remembers an answer.
        """
        change = (
            update(GatewayKey)
            .where(GatewayKey.public_id == public_id, GatewayKey.revoked_at.is_(None))
            .values(revoked_at=self._now())
        )
        with writing(self._engine) as connection:
            return connection.execute(change).rowcount > 0

    def find(self, plaintext: str) -> Principal | None:
        """Who presents this key; None when it is malformed, unknown or revoked."""
        public_id = public_id_of(plaintext)
        return None if public_id is None else self.find_digest(public_id, key_digest(plaintext))

    def find_digest(self, public_id: str, digest: str) -> Principal | None:
        """Whose key has this public id and this digest; None when there is none, or it was revoked."""
        query = (
            select(GatewayKey.tenant_id, GatewayKey.digest, GatewayKey.is_admin, Tenant.bring_own_key)
            .join(Tenant, Tenant.id == GatewayKey.tenant_id)
            .where(GatewayKey.public_id == public_id, GatewayKey.revoked_at.is_(None))
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _principal(public_id, digest, row)


def _principal(public_id: str, digest: str, row: RowMapping) -> Principal | None:
    if not hmac.compare_digest(digest, row["digest"]):
        return None
    return Principal(tenant=row["tenant_id"], key_id=public_id, is_admin=row["is_admin"], bring_own_key=row["bring_own_key"])
