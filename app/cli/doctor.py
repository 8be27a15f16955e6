"""`leo doctor`: what is wrong with this environment, in plain words, and what to do about it."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
import urllib3

from app.cli.private_redis import find_server
from pipeline.gateway import Gateway
from pipeline.settings import Settings
from pipeline.storage.migrate import is_current
from pipeline.upstream.table import TableError
from workers.celery_app import create_celery
from workers.submit import Submitter

MIN_FILES = 4096
MIN_FREE_MB = 500


@dataclass(frozen=True)
class Finding:
    """`good` is None for what is only worth knowing."""

    good: bool | None
    text: str


def examine(settings: Settings) -> bool:
    """Print all findings; whether everything that is needed is in order."""
    fine = True
    for check in (_python, _files, _disk, _redis, _broker, _database, _models, _keys, _port, _worker):
        for finding in _guarded(check, settings):
            mark, colour = {True: ("ok  ", "green"), False: ("BAD ", "red"), None: ("note", "yellow")}[finding.good]
            click.echo(f"{click.style(mark, fg=colour)}  {finding.text}")
            fine = fine and finding.good is not False
    return fine


def _guarded(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except Exception as error:  # noqa: BLE001  a check that fails is itself a finding; the message may hold an address
        yield Finding(False, f"the check of {check.__name__.strip('_')} failed with {type(error).__name__}")


def _python(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        sys.version_info >= (3, 11), f"Python {version}" + ("" if sys.version_info >= (3, 11) else ": 3.11 or newer is needed")
    )


def _files(settings: Settings) -> Iterator[Finding]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    advice = "" if limit >= MIN_FILES else f": each waiting caller needs one, so raise it (ulimit -n {MIN_FILES})"
    yield Finding(True if limit >= MIN_FILES else None, f"{limit} open files allowed{advice}")


def _disk(settings: Settings) -> Iterator[Finding]:
    home = settings.home_path
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free // 2**20
    writable = os.access(there, os.W_OK)
    yield Finding(writable, f"LEO_HOME {home}" + ("" if writable else " cannot be written: set LEO_HOME to a folder of yours"))
    yield Finding(True if free >= MIN_FREE_MB else None, f"{free} MB free there")


def _redis(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url:
        server = find_server()
        yield Finding(server is not None, f"private Redis: {server or 'no redis-server found; install one or set LEO_REDIS_URL'}")
        if not os.path.exists(settings.redis.removeprefix("unix://")):
            yield Finding(None, "Redis is not running (`leo up` starts it)")
            return
    client = Gateway(settings, role="cli").redis
    yield Finding(client.ping() is True, "Redis answers")
    policy = dict(client.config_get("maxmemory-policy")).get("maxmemory-policy", "unknown")
    safe = not str(policy).startswith("allkeys")
    advice = "" if safe else ": it may throw the queue away; use noeviction or volatile-lru"
    yield Finding(safe, f"Redis maxmemory-policy {policy}{advice}")


def _broker(settings: Settings) -> Iterator[Finding]:
    if not settings.broker_url and not settings.redis_url and not os.path.exists(settings.redis.removeprefix("unix://")):
        return
    with create_celery(settings, publisher=True).connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=settings.redis_timeout_s)
        yield Finding(True, f"broker answers ({connection.transport.driver_type})")


def _database(settings: Settings) -> Iterator[Finding]:
    kind = "SQLite" if settings.database.startswith("sqlite") else "PostgreSQL"
    current = is_current(settings.database)
    yield Finding(
        current, f"{kind} database" + ("" if current else " has an old schema, or none: run `leo db upgrade` (`leo up` does)")
    )


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        table = Gateway(settings, role="cli").tables.current
    except TableError as error:
        yield Finding(False, str(error))
        return
    yield Finding(True, f"model table: {len(table.names())} models, upstreams {', '.join(table.upstreams()) or 'none'}")
    if table.simulated:
        yield Finding(None, "no upstream is configured, so a simulator answers (set OPENAI_API_KEY or OPENAI_BASE_URL)")


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.open:
        yield Finding(None, "open mode: whoever reaches the port may ask")
    elif settings.api_key:
        yield Finding(
            len(settings.api_key) >= 16, "LEO_API_KEY" + ("" if len(settings.api_key) >= 16 else " is short enough to be guessed")
        )
    elif is_current(settings.database):
        active = [key for key in Gateway(settings, role="cli").keys.list() if key.revoked_at is None]
        yield Finding(bool(active), f"{len(active)} gateway keys" + ("" if active else ": make one with `leo keys create`"))


def _port(settings: Settings) -> Iterator[Finding]:
    with socket.socket() as probe:
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    if not taken:
        yield Finding(True, f"port {settings.port} is free")
        return
    http = urllib3.PoolManager(retries=False, timeout=2.0)
    status = http.request("GET", f"http://{settings.host}:{settings.port}/health").status
    yield Finding(
        status == 200, f"port {settings.port} is taken by " + ("a running gateway" if status == 200 else "another program")
    )


def _worker(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url and not os.path.exists(settings.redis.removeprefix("unix://")):
        return
    gateway = Gateway(settings, role="cli")
    submitter = Submitter(create_celery(settings, publisher=True), gateway.chain, settings.max_queue)
    waiting = submitter.length()  # before the canary, which would count itself
    heard = gateway.canary.heard(submitter.canary, 1.5)
    yield Finding(
        True if heard else None, "a worker answers" if heard else "no worker answers (`leo up` or `leo worker` starts one)"
    )
    yield Finding(None, f"{waiting} messages wait in the queue") if waiting else Finding(True, "the queue is empty")
