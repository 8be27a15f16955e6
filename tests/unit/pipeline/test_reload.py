"""A model table that is changed while processes run: all of them follow, and a fault changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from pipeline.errors import BadRequest, StoreUnavailable
from pipeline.reload import ModelReload
from pipeline.settings import Settings
from pipeline.upstream.table import TableHolder, load_table
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until


def table(*models: str) -> str:
    return "models: {" + ", ".join(f"{name}: {{upstream: simulator}}" for name in models) + "}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "models.yaml"
    made.write_text(table("one"))
    return made


def holder(path: Path) -> TableHolder:
    return TableHolder(lambda: load_table(path, Settings(), {}))


@pytest.fixture
def watching(path: Path, redis_client: redis.Redis) -> Iterator[TableHolder]:
    """The table of another process."""
    tables = holder(path)
    reload = ModelReload(redis_client, tables, interval=0.01)
    reload.watch()
    yield tables
    reload.close()


def test_an_announced_change_reaches_the_other_processes(path: Path, watching: TableHolder, redis_client: redis.Redis) -> None:
    here = holder(path)
    path.write_text(table("one", "two"))
    assert ModelReload(redis_client, here).announce() == ["one", "two"]
    assert here.current.names() == ["one", "two"]
    wait_until(lambda: watching.current.names() == ["one", "two"], what="the other process reading the table")


def test_a_table_with_a_fault_is_refused(path: Path, watching: TableHolder, redis_client: redis.Redis) -> None:
    here = holder(path)
    path.write_text("models: {one: {upstream: nowhere}}")
    with pytest.raises(BadRequest) as refused:
        ModelReload(redis_client, here).announce()
    assert refused.value.code == "invalid_model_table"
    assert "nowhere" in refused.value.message
    assert here.current.names() == ["one"]
    path.write_text(table("three"))
    ModelReload(redis_client, here).announce()
    wait_until(lambda: watching.current.names() == ["three"], what="the other process reading the good table")


def test_a_process_outlives_a_table_that_it_cannot_read(path: Path, watching: TableHolder, redis_client: redis.Redis) -> None:
    for text in ("models: [", "models: {one: {upstream: nowhere}}"):
        path.write_text(text)
        redis_client.incr("leo:models:epoch")
    path.unlink()
    redis_client.incr("leo:models:epoch")
    path.write_text(table("four"))
    redis_client.incr("leo:models:epoch")
    wait_until(lambda: watching.current.names() == ["four"], what="the good table being read")


def test_without_redis_a_change_is_not_said_to_be_announced(path: Path) -> None:
    with RedisServer() as server, server.client() as client:
        reload = ModelReload(client, holder(path))
        server.kill()
        with pytest.raises(StoreUnavailable):
            reload.announce()
