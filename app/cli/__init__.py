"""The `leo` command."""

from __future__ import annotations

import os
import sys

import click

from pipeline.settings import DOTENV, Settings, SettingsError, load_settings


def settings() -> Settings:
    """The settings of this environment; a fault ends the command with one plain sentence."""
    try:
        return load_settings(os.environ, DOTENV)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leo-optima", prog_name="leo")
def main() -> None:
    """LEO Optima: an OpenAI-compatible gateway that asks no model the same thing twice."""


@main.command()
def up() -> None:
    """Start everything on this machine; Ctrl-C stops it and loses nothing."""
    from app.cli.up import run

    sys.exit(run(settings()))


@main.command()
def web() -> None:
    """One front end (HTTP). Needs LEO_REDIS_URL, and a migrated database."""
    from app.serve import serve

    serve(settings())


@main.command()
@click.option("--queues", default="", help="Queues to work on, separated by commas [all].")
def worker(queues: str) -> None:
    """One worker (Celery)."""
    from workers.main import run_worker

    try:
        run_worker(settings(), tuple(filter(None, queues.split(","))))
    except (ValueError, SettingsError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
def ledger() -> None:
    """The ledger writer. Several may run; one writes, the others stand by."""
    from workers.main import run_ledger

    run_ledger(settings())


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=9000, show_default=True)
@click.option("--latency-ms", type=click.FloatRange(min=0), help="Before the first token [LEO_SIM_LATENCY_MS].")
@click.option("--token-ms", type=click.FloatRange(min=0), help="Between tokens [LEO_SIM_TOKEN_MS].")
@click.option("--error-rate", type=click.FloatRange(0, 1), help="Share of calls that fail [LEO_SIM_ERROR_RATE].")
@click.option("--error-status", type=click.IntRange(400, 599), help="What they fail with [LEO_SIM_ERROR_STATUS].")
def simulate(host: str, port: int, **overrides: float | None) -> None:
    """The simulator alone, as an OpenAI-compatible server for tests and benchmarks."""
    import msgspec

    from pipeline.upstream.simserver import serve
    from pipeline.upstream.simulator import SimSettings

    given = {name: value for name, value in overrides.items() if value is not None}
    click.echo(f"The simulator listens on http://{host}:{port}/v1 (its own figures: /sim/stats)")
    serve(host, port, settings=msgspec.structs.replace(SimSettings.of(settings()), **given))


@main.group()
def keys() -> None:
    """Gateway keys."""


@keys.command("create")
@click.option("--tenant", default="default", show_default=True)
@click.option("--name", default="", help="A note for people: whose key, on which machine.")
@click.option("--admin", is_flag=True, help="May also change what concerns all tenants.")
@click.option("--bring-own-key", is_flag=True, help="A new tenant's callers send their own provider key as the bearer token.")
def keys_create(tenant: str, name: str, admin: bool, bring_own_key: bool) -> None:
    """Make a key. It is shown once; only its digest is kept."""
    from app.cli.keys import create

    create(settings(), tenant, name, admin, bring_own_key)


@keys.command("list")
@click.option("--tenant", help="Only this tenant's keys.")
def keys_list(tenant: str | None) -> None:
    """Keys, without their secrets."""
    from app.cli.keys import show

    show(settings(), tenant)


@keys.command("revoke")
@click.argument("public_id")
def keys_revoke(public_id: str) -> None:
    """Revoke a key; every process refuses it within a second."""
    from app.cli.keys import revoke

    revoke(settings(), public_id)


@main.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest schema."""
    from pipeline.storage.migrate import upgrade

    upgrade(settings().database)
    click.echo("The database is up to date.")


@main.command()
def doctor() -> None:
    """Say what is wrong with this environment, in plain words."""
    from app.cli.doctor import examine

    sys.exit(0 if examine(settings()) else 1)


@main.command()
@click.option("--url", help="A running gateway [this machine's].")
@click.option("--key", help="A gateway key [LEO_API_KEY, or the first key].")
@click.option("--requests", "count", default=500, show_default=True, type=click.IntRange(10, 100_000))
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256))
@click.option("--model", default="leo-bench", show_default=True)
def bench(url: str | None, key: str | None, count: int, concurrency: int, model: str) -> None:
    """A quick measurement of a running gateway: misses, hits, and duplicates in flight."""
    from app.cli.bench import measure

    measure(settings(), url, key, count, concurrency, model)
