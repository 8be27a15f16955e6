"""`leo keys`."""

from __future__ import annotations

import click

from pipeline.gateway import Gateway
from pipeline.settings import Settings
from pipeline.storage.migrate import upgrade


def create(settings: Settings, tenant: str, name: str, admin: bool, bring_own_key: bool) -> None:
    upgrade(settings.database)
    keys = Gateway(settings, role="cli").keys
    made = keys.ensure_tenant(tenant, tenant, bring_own_key=bring_own_key)
    if bring_own_key and not made:
        raise click.ClickException(f"The tenant '{tenant}' is there already; --bring-own-key is for a new one.")
    public_id, plaintext = keys.create(tenant, name, is_admin=admin)
    click.echo(plaintext)
    click.echo(f"Key {public_id} of tenant '{tenant}'. Keep it now: it cannot be shown again.", err=True)


def show(settings: Settings, tenant: str | None) -> None:
    upgrade(settings.database)
    rows = Gateway(settings, role="cli").keys.list(tenant)
    if not rows:
        click.echo("There are no keys yet. Make one with `leo keys create`.", err=True)
    for row in rows:
        state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "active"
        role = "admin" if row.is_admin else "caller"
        click.echo(f"{row.public_id}  {row.tenant_id:<16} {role:<7} {state:<20} {row.created_at:%Y-%m-%d %H:%M}  {row.name}")


def revoke(settings: Settings, public_id: str) -> None:
    upgrade(settings.database)
    if not Gateway(settings, role="cli").keys.revoke(public_id):
        raise click.ClickException(f"There is no active key {public_id}. `leo keys list` shows them.")
    click.echo(f"Key {public_id} is revoked.")
