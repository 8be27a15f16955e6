"""Stored answers on a real Redis: by their key, by their tenant, by their text, and no longer than they last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.admission.keys import answer_key
from pipeline.cache.exact import ExactCache, answer_text
from pipeline.errors import StoreUnavailable
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer
from tests.support.runs import BODY, make_answer
from tests.support.waiting import wait_until

TTL = 100.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000_000.0)


@pytest.fixture
def cache(redis_client: redis.Redis, clock: FakeClock) -> ExactCache:
    return ExactCache(redis_client, TTL, clock)


def keep(cache: ExactCache, key: str, tenant: str = "t", text: str = "hello", stored_at: float = 1_000_000.0) -> None:
    answer = make_answer(tenant=tenant, body=BODY.replace(b"hello", text.encode()), stored_at=stored_at)
    cache.put(key, answer)
    cache.catalogue(key, answer)


def test_a_stored_answer_is_found_as_it_was(cache: ExactCache) -> None:
    answer = make_answer(cost=None, tokens=None, headers={"x-request-id": "up-1"}, call_id="c")
    cache.put("k1", answer)
    assert cache.get("k1") == answer
    assert cache.get("k2") is None


def test_a_stored_answer_lasts_as_long_as_it_should_and_no_longer(redis_client: redis.Redis, clock: FakeClock) -> None:
    ExactCache(redis_client, TTL, clock).put("k1", make_answer())
    assert TTL * 1000 - 5000 < redis_client.pttl(answer_key("k1")) <= TTL * 1000
    short = ExactCache(redis_client, 0.05, clock)
    short.put("k2", make_answer())
    wait_until(lambda: short.get("k2") is None, what="the answer being forgotten")


def test_an_answer_older_than_asked_for_is_passed_over_but_kept(cache: ExactCache, clock: FakeClock) -> None:
    keep(cache, "k1")
    clock.advance(30)
    assert cache.get("k1", max_age=30) is not None
    assert cache.get("k1", max_age=29.9) is None
    assert cache.get("k1", max_age=0) is None
    assert cache.get("k1") is not None


def test_a_tenant_counts_only_what_is_its_own_and_still_there(cache: ExactCache, clock: FakeClock) -> None:
    keep(cache, "k1")
    clock.advance(60)
    keep(cache, "k2")
    keep(cache, "k3", tenant="other")
    assert (cache.count("t"), cache.count("other"), cache.count("nobody")) == (2, 1, 0)
    clock.advance(60)
    assert cache.count("t") == 1


def test_an_answer_that_is_stored_again_counts_once(cache: ExactCache, clock: FakeClock) -> None:
    for _ in range(3):
        keep(cache, "k1")
        clock.advance(60)
    assert cache.count("t") == 1


def test_an_answer_is_found_by_its_exact_text_within_its_tenant(cache: ExactCache) -> None:
    keep(cache, "k1", text="Rome")
    keep(cache, "k2", text="Rome")
    keep(cache, "k3", text="rome")
    keep(cache, "k4", text="Rome", tenant="other")
    assert cache.find("t", "Rome") == ["k1", "k2"]
    assert cache.find("t", "Rome ") == []
    assert cache.find("other", "Rome") == ["k4"]


def test_a_text_that_is_answered_all_the_time_does_not_grow_for_ever(
    cache: ExactCache, clock: FakeClock, redis_client: redis.Redis
) -> None:
    for number in range(50):
        keep(cache, f"k{number}", text="Yes.")
        clock.advance(30)
    assert cache.find("t", "Yes.") == ["k47", "k48", "k49"]
    assert all(redis_client.zcard(key) <= 5 for key in redis_client.keys("leo:texts:*"))
    assert all(redis_client.zcard(key) <= 5 for key in redis_client.keys("leo:entries:*"))


def test_everything_the_cache_keeps_ends_by_itself(cache: ExactCache, redis_client: redis.Redis) -> None:
    keep(cache, "k1")
    assert len(redis_client.keys("*")) == 3
    assert all(0 < redis_client.pttl(key) <= (TTL + 1) * 1000 for key in redis_client.keys("*"))


def test_a_forgotten_answer_is_gone_from_every_list(cache: ExactCache, redis_client: redis.Redis) -> None:
    keep(cache, "k1")
    assert cache.forget("t", "k1")
    assert (cache.get("k1"), cache.count("t"), cache.find("t", "hello")) == (None, 0, [])
    assert redis_client.keys("*") == []
    assert not cache.forget("t", "k1")


def test_nobody_can_forget_the_answer_of_another_tenant(cache: ExactCache) -> None:
    keep(cache, "k1", tenant="other")
    assert not cache.forget("t", "k1")
    assert cache.get("k1") is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.data())
def test_what_one_tenant_does_never_shows_to_another(cache: ExactCache, redis_client: redis.Redis, data: st.DataObject) -> None:
    """Any names of tenants, any texts: also those that look like parts of a key."""
    redis_client.flushall()
    names = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("{}:*"), max_size=6)
    one, other = data.draw(st.lists(names, min_size=2, max_size=2, unique=True))
    text = data.draw(st.sampled_from(["", ":", "Rome", "{t}"]))
    keep(cache, "k1", tenant=one, text=text)
    assert (cache.count(other), cache.find(other, text)) == (0, [])
    assert not cache.forget(other, "k1")
    assert (cache.count(one), cache.find(one, text)) == (1, ["k1"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (BODY, "hello"),
        (b'{"choices":[]}', '{"choices":[]}'),
        (b'{"data":[{"embedding":[1]}]}', '{"data":[{"embedding":[1]}]}'),
        (b'{"choices":[{"message":{"content":null,"tool_calls":[]}}]}', None),
        (b'{"choices":[{"message":{"content":""}}]}', ""),
    ],
    ids=["text", "no choice", "embedding", "tool call", "empty"],
)
def test_the_text_of_an_answer(body: bytes, text: str | None) -> None:
    assert answer_text(make_answer(body=body)) == (body.decode() if text is None else text)


def fits(client: redis.Redis, key: str, size: int) -> bool:
    try:
        return bool(client.set(key, b"x" * size))
    except redis.exceptions.OutOfMemoryError:
        return False


@pytest.fixture
def full_redis() -> Iterator[redis.Redis]:
    """A Redis whose memory is used up."""
    with RedisServer(config={"maxmemory": "2mb", "maxmemory-policy": "noeviction"}) as server, server.client() as client:
        for size in (10_000, 100, 1):
            assert not all(fits(client, f"x:{size}:{number}", size) for number in range(100_000))
        yield client


def test_a_redis_that_is_full_or_away_is_said_to_be_unavailable(full_redis: redis.Redis, clock: FakeClock) -> None:
    cache = ExactCache(full_redis, TTL, clock)
    with pytest.raises(StoreUnavailable):
        cache.put("k1", make_answer(body=BODY * 1000))
    assert cache.get("k1") is None
    with RedisServer() as server, server.client() as client:
        away = ExactCache(client, TTL, clock)
        server.kill()
        for ask in (lambda: away.get("k"), lambda: away.count("t"), lambda: away.find("t", "x"), lambda: keep(away, "k")):
            with pytest.raises(StoreUnavailable) as refused:
                ask()
            assert str(server.port) not in refused.value.message
