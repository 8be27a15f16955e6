"""`leo up`: the whole gateway on this machine."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import click
import redis
import urllib3

from app.cli.private_redis import command, find_server
from app.processes import Child, Supervisor
from app.serve import check_port
from pipeline.errors import GatewayError
from pipeline.gateway import Gateway
from pipeline.settings import Settings, SettingsError
from pipeline.storage.migrate import SchemaError, upgrade
from pipeline.upstream.table import TableError

READY_S = 60.0
TICK_S = 0.1


class _Stop(Exception):
    """Ctrl-C or SIGTERM."""


def run(settings: Settings) -> int:
    """Start, keep running, stop. Returns the exit status."""
    settings.home_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    supervisor = Supervisor(_environ(settings), _say)
    reload_asked: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _raise_stop)
    signal.signal(signal.SIGHUP, lambda *_: reload_asked.append(True))
    try:
        _take_home(settings)
        check_port(settings)
        gateway = _prepare(settings, supervisor)
        _start(settings, supervisor)
        _wait_until_ready(settings, supervisor)
        _welcome(settings, gateway)
        while True:
            supervisor.tend()
            if reload_asked:
                reload_asked.clear()
                _reload(gateway)
            time.sleep(TICK_S)
    except _Stop:
        _say("stopping; requests that are being answered have ten seconds to finish (Ctrl-C again to stop now)")
        return _stop(supervisor)
    except (click.ClickException, TableError, SchemaError, SettingsError) as error:
        click.secho(f"leo: {error}", fg="red", err=True)
        supervisor.stop()
        return 1


def _take_home(settings: Settings) -> None:
    """Lock LEO_HOME, as long as this process lives: two Redis servers on the same files would destroy them."""
    lock = os.open(settings.home_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise click.ClickException(
            f"another `leo up` runs with LEO_HOME={settings.home_path}: stop it, or set another LEO_HOME."
        ) from None


def _stop(supervisor: Supervisor) -> int:
    try:
        supervisor.stop()
    except _Stop:
        supervisor.kill()
    return 0


def _raise_stop(*_: object) -> None:
    raise _Stop


def _environ(settings: Settings) -> dict[str, str]:
    """The children's environment: ours, and the addresses of what this process has started for them."""
    return {**os.environ, "LEO_REDIS_URL": settings.redis, "LEO_BROKER_URL": settings.broker, "LEO_HOME": str(settings.home_path)}


def _prepare(settings: Settings, supervisor: Supervisor) -> Gateway:
    """What must be there before the processes are: Redis, the database, a key, a sound model table."""
    if not settings.redis_url:
        server = find_server()
        if server is None:
            raise click.ClickException(
                "no redis-server was found, and this Python has no wheel that ships one. Install redis (for example "
                "`apt-get install redis-server`), or set LEO_REDIS_URL."
            )
        supervisor.start(Child("redis", command(server, settings)))
    gateway = Gateway(settings, role="cli")
    gateway.tables.current  # noqa: B018  a fault in the model table stops the start
    _wait_for_redis(gateway, supervisor)
    upgrade(settings.database)
    gateway.semantic.check()
    _first_key(gateway)
    return gateway


def _wait_for_redis(gateway: Gateway, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            gateway.redis.ping()
            return
        except redis.RedisError as error:
            supervisor.tend()
            if time.monotonic() > deadline:
                raise click.ClickException(
                    f"Redis does not answer ({type(error).__name__}). `leo doctor` looks closer."
                ) from None
            time.sleep(0.02)


def _start(settings: Settings, supervisor: Supervisor) -> None:
    leo = [sys.executable, "-m", "app.cli"]
    supervisor.start(Child("ledger", [*leo, "ledger"]))
    for number in range(settings.worker_processes):
        supervisor.start(Child(f"worker-{number + 1}", [*leo, "worker"]))
    supervisor.start(Child("web", [*leo, "web"]))


def _wait_until_ready(settings: Settings, supervisor: Supervisor) -> None:
    http, deadline = urllib3.PoolManager(retries=False, timeout=3.0), time.monotonic() + READY_S
    state = "no answer"
    while time.monotonic() < deadline:
        try:
            response = http.request("GET", f"{_address(settings)}/ready")
            if response.status == 200:
                return
            state = response.data.decode(errors="replace").strip()
        except urllib3.exceptions.HTTPError:
            pass
        supervisor.tend()
        time.sleep(0.05)
    raise click.ClickException(
        f"the gateway was not ready after {READY_S:.0f} s: {state}. Its log is above; `leo doctor` looks closer."
    )


def _first_key(gateway: Gateway) -> None:
    """On the first start, make a key: there is no built-in one, and without any nobody could ask."""
    settings = gateway.settings
    if settings.open or settings.api_key or gateway.keys.list():
        return
    gateway.keys.ensure_tenant("default", "default")
    _, plaintext = gateway.keys.create("default", "first key")
    path = first_key_file(settings)
    path.touch(mode=0o600)
    path.write_text(plaintext + "\n")


def first_key_file(settings: Settings) -> Path:
    return settings.home_path / "first-key"


def _reload(gateway: Gateway) -> None:
    try:
        _say(f"model table read again: {len(gateway.model_reload.announce())} models")
    except GatewayError as error:
        _say(error.message)


def _welcome(settings: Settings, gateway: Gateway) -> None:
    address = _address(settings)
    click.secho(f"\nLEO Optima is ready: {address}  (base_url = {address}/v1)", fg="green", bold=True)
    if settings.open:
        click.echo("Open mode: no key is needed.")
    elif not settings.api_key and first_key_file(settings).is_file():
        click.echo(f"Your gateway key is in {first_key_file(settings)}")
    if gateway.tables.current.simulated:
        click.secho(
            "No upstream is configured: a simulator answers. Set OPENAI_API_KEY or OPENAI_BASE_URL for a real one.", fg="yellow"
        )
    click.echo("Ctrl-C stops it.\n")


def _address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104  this compares, it binds nothing
    return f"http://{host}:{settings.port}"


def _say(text: str) -> None:
    click.echo(f"leo: {text}", err=True)
