"""Shared fixtures: a real private Redis, a real private PostgreSQL, and freshly migrated databases.

redis_url       a server of its own for the whole session; nothing else uses it
redis_server    the RedisServer behind it (do not stop it: start your own to play with outages)
redis_client    a client of it; the server is emptied before each test
postgres_url    the maintenance database of a server of its own for the whole session
sqlite_url      a fresh migrated SQLite file
postgres_database_url   a fresh migrated PostgreSQL database
database_url    both, one after the other: a test that takes it runs twice
engine          a SQLAlchemy engine on database_url
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, make_url

from tests.support.postgres import create_database, drop_database, running_postgres
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from pipeline.storage.migrate import upgrade

    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgres_template(postgres_url: str) -> str:
    from pipeline.storage.migrate import upgrade

    url = create_database(postgres_url)
    upgrade(url)
    name = make_url(url).database
    assert name is not None
    return name


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "leo.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_database_url(postgres_url: str, _postgres_template: str) -> Iterator[str]:
    url = create_database(postgres_url, template=_postgres_template)
    yield url
    drop_database(postgres_url, url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_database_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    from pipeline.storage.engine import create_engine

    made = create_engine(database_url)
    yield made
    made.dispose()
