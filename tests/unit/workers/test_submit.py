"""What goes over the queue, and what comes of a broker that is not there."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from pipeline.chain import Chain, Stage
from pipeline.errors import StoreUnavailable
from pipeline.settings import Settings
from tests.support.redis_server import RedisServer
from workers.celery_app import create_celery
from workers.submit import CANARY_TASK, STAGE_TASK, Submitter
from workers.transport import Transport

TIMEOUT_S = 0.3


def nothing(state: Any, work: Any) -> Any:
    return state


CHAIN = Chain((Stage("lookup", nothing), Stage("call", nothing, queue="upstream"), Stage("merge", nothing, queue="stages")))


def submitter(broker: str, max_queue: int = 100) -> Submitter:
    settings = Settings(broker_url=broker, redis_timeout_s=TIMEOUT_S)
    return Submitter(create_celery(settings, publisher=True), CHAIN, max_queue)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def broker(redis_url: str, redis_client: redis.Redis) -> str:
    return redis_url


def message(client: redis.Redis, queue: str) -> tuple[dict[str, Any], Any]:
    """The newest message of a queue: its headers, and what it carries."""
    raw = client.lindex(queue, 0)
    assert isinstance(raw, bytes)
    found = json.loads(raw)
    return found["headers"], json.loads(base64.b64decode(found["body"]))


def test_a_message_carries_the_key_and_the_epoch_and_nothing_of_the_request(broker: str, redis_client: redis.Redis) -> None:
    submitter(broker).submit("k1", "17", 0)
    headers, (args, kwargs, _) = message(redis_client, "upstream")
    assert (args, kwargs) == ([["k1", "17"]], {})
    assert headers["task"] == f"{STAGE_TASK}.lookup"
    assert len(redis_client.lindex("upstream", 0) or b"") < 2000


def test_several_runs_share_a_message(broker: str, redis_client: redis.Redis) -> None:
    submitter(broker).submit_all([("k1", "17"), ("k2", "18")], 0)
    assert message(redis_client, "upstream")[1][0] == [["k1", "17"], ["k2", "18"]]
    assert redis_client.llen("upstream") == 1


def test_what_is_submitted_soon_has_been_sent_when_the_submitter_is_closed(broker: str, redis_client: redis.Redis) -> None:
    made = submitter(broker)
    for number in range(100):
        made.submit_soon(f"k{number}", "1", 0)
    made.close()
    messages = [json.loads(base64.b64decode(json.loads(raw)["body"]))[0] for raw in redis_client.lrange("upstream", 0, -1)]
    assert sorted(key for runs in messages for key, _ in runs) == sorted(f"k{number}" for number in range(100))
    assert len(messages) < 100


def test_a_broker_that_is_gone_does_not_hold_up_who_submits_soon(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    made = submitter(server.url)
    server.kill()
    made.submit_soon("k1", "1", 0)
    made.close()
    assert "submit_failed runs=1 reason=StoreUnavailable" in caplog.text
    assert str(server.port) not in caplog.text


def test_each_hop_goes_to_the_queue_on_which_it_must_run(broker: str, redis_client: redis.Redis) -> None:
    made = submitter(broker)
    made.submit("k1", "1", 0)
    made.submit("k1", "1", 2)
    assert message(redis_client, "stages")[0]["task"] == f"{STAGE_TASK}.merge"
    assert (redis_client.llen("upstream"), redis_client.llen("stages")) == (1, 1)


def test_the_canary_goes_where_the_work_goes(broker: str, redis_client: redis.Redis) -> None:
    submitter(broker).canary("token")
    headers, (args, _, _) = message(redis_client, "upstream")
    assert (headers["task"], args) == (CANARY_TASK, ["token"])


def test_the_length_counts_all_queues_of_the_chain(broker: str) -> None:
    made = submitter(broker)
    assert submitter(broker).length() == 0
    for _ in range(3):
        made.submit("k1", "1", 0)
    made.submit("k1", "1", 2)
    assert (made.length(), made.empty(), made.room()) == (4, False, True)
    assert not submitter(broker, max_queue=4).room()
    assert submitter(broker, max_queue=5).room()


def test_the_length_tells_runs_where_messages_carry_several(broker: str) -> None:
    made = submitter(broker)
    for _ in range(100):
        made.submit_all([("k", "1")] * 8, 0)
    assert made.length() == pytest.approx(800, rel=0.01)


def test_an_empty_broker_is_empty_even_if_no_queue_was_ever_made(broker: str) -> None:
    made = submitter(broker)
    assert (made.length(), made.empty(), made.room(), made.reachable()) == (0, True, True, True)


def test_the_length_works_on_a_broker_in_memory_too() -> None:
    made = submitter("memory://")
    assert (made.length(), made.reachable()) == (0, True)
    made.submit("k1", "1", 0)
    assert submitter("memory://").length() == 1


# --- a broker that is away ---


def test_a_broker_that_is_gone_is_reported_at_once(server: RedisServer) -> None:
    made = submitter(server.url)
    made.submit("k1", "1", 0)
    server.kill()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as refused:
            made.submit("k1", "1", 0)
        assert str(server.port) not in refused.value.message
    assert not made.reachable()
    assert time.monotonic() - began < 1.5  # kombu would wait for two seconds before it tried again


def test_a_broker_that_hangs_is_given_up_after_the_timeout(server: RedisServer) -> None:
    made = submitter(server.url)
    made.submit("k1", "1", 0)
    server.pause()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        made.submit("k1", "1", 0)
    assert time.monotonic() - began < 20 * TIMEOUT_S
    server.resume()


def test_a_broker_that_is_back_is_used_again(server: RedisServer) -> None:
    made = submitter(server.url)
    made.submit("k1", "1", 0)
    server.kill()
    with pytest.raises(StoreUnavailable):
        made.submit("k1", "1", 0)
    server.start()
    made.submit("k2", "1", 0)
    with server.client() as client:
        assert message(client, "upstream")[1][0] == [["k2", "1"]]
    assert made.reachable()


def test_while_the_broker_is_away_the_last_known_length_counts(server: RedisServer) -> None:
    made = submitter(server.url)
    made.submit("k1", "1", 0)
    assert made.length() == 1
    server.kill()
    assert made.length() == 1
    assert submitter(server.url).length() == 0


# --- how the application is set ---


@pytest.fixture(params=["redis://127.0.0.1:1/0", "amqp://guest@127.0.0.1:1//"])
def celery(request: pytest.FixtureRequest) -> Celery:
    return create_celery(Settings(broker_url=request.param))


def test_messages_are_json_and_nothing_else_is_accepted(celery: Celery) -> None:
    assert celery.conf.task_serializer == "json"
    assert celery.conf.accept_content == ["json"]


def test_a_message_is_acknowledged_when_its_work_is_done(celery: Celery) -> None:
    assert celery.conf.task_acks_late
    assert celery.conf.worker_prefetch_multiplier == 1
    assert celery.conf.result_backend is None


def test_a_message_of_a_dead_worker_comes_back_within_the_promised_time() -> None:
    options = create_celery(Settings(broker_url="redis://h")).conf.broker_transport_options
    assert options["visibility_timeout"] + options["unacked_restore_interval"] <= 5


def test_rabbitmq_gets_replicated_queues_and_confirmed_publishing() -> None:
    conf = create_celery(Settings(broker_url="amqp://mq")).conf
    assert conf.task_default_queue_type == "quorum"
    assert conf.broker_transport_options == {"confirm_publish": True}


def test_a_publisher_is_nobodys_default_application(tmp_path: Path) -> None:
    publisher = create_celery(Settings(home=str(tmp_path)), publisher=True)
    from celery import current_app

    assert current_app._get_current_object() is not publisher


def test_a_channel_to_redis_keeps_its_client(broker: str) -> None:
    with create_celery(Settings(broker_url=broker)).connection_for_write() as connection, connection.channel() as channel:
        with channel.conn_or_acquire() as one, channel.conn_or_acquire() as other:
            assert one is other
        with channel.conn_or_acquire(client := object()) as given:
            assert given is client


@pytest.mark.parametrize("url", ["redis://h/1", "rediss://h/1", "redis+socket:///tmp/redis.sock?virtual_host=1"])
def test_every_way_to_a_redis_uses_that_channel(url: str) -> None:
    connection = create_celery(Settings(broker_url=url)).connection_for_write()
    assert connection.get_transport_cls() is Transport
