"""The table of this process against a real Redis: what happens there shows here, and whatever breaks turns it off."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from pipeline.admission import answer as answers
from pipeline.admission.answer import Answer
from pipeline.admission.keys import answer_key
from pipeline.cache.exact import ExactCache
from pipeline.cache.hot import Held, HotTable
from pipeline.cache.tracking import MAX_IN_FLIGHT, Tracker
from pipeline.ids import unix_now
from tests.support.redis_server import RedisServer
from tests.support.runs import make_answer
from tests.support.waiting import wait_until

TTL_MS = 600_000
SECOND = 1.0
ROUNDS = 300


class House:
    """One web process's table, and a client that does what others do."""

    def __init__(self, server: RedisServer, url: str = "", max_bytes: int = 10_000_000, **options: float) -> None:
        self.server = server
        self.others = server.client()
        self.dropped: list[Held] = []
        self.table = HotTable(max_bytes, on_drop=self.dropped.append)
        self.tracker = Tracker(url or server.url, self.table, **{"timeout": 2.0, **options})  # type: ignore[arg-type]

    def close(self) -> None:
        self.tracker.close()
        self.others.close()

    def store(self, key: str, text: str = "hello", ms: int | None = TTL_MS) -> Answer:
        answer = make_answer(body=text.encode())
        self.others.set(answer_key(key), answers.pack(answer), px=ms)
        return answer

    def fill(self, *keys: str) -> list[Held]:
        """As callers do: whoever misses a key wants it."""
        return [wait_until(lambda key=key: self.ask(key), what=f"{key} in the table") for key in keys]  # type: ignore[misc]

    def ask(self, key: str) -> Held | None:
        found = self.table.get(key)
        if found is None:
            self.tracker.want(key)
        return found

    def trusted(self) -> bool:
        return time.monotonic() < self.table.trusted_until

    def trackers(self) -> list[str]:
        """Ids of the connections of this server that have tracking on."""
        return [client["id"] for client in self.others.client_list() if "t" in client["flags"]]


@pytest.fixture
def house(redis_server: RedisServer, redis_client: redis.Redis) -> Iterator[House]:
    made = House(redis_server)
    yield made
    made.close()


@pytest.fixture
def own() -> Iterator[House]:
    """With a Redis of its own, to be stopped, frozen and killed."""
    with RedisServer() as server:
        made = House(server)
        yield made
        server.resume()
        made.close()


# --- filling ---


def test_what_is_wanted_comes_and_goes_with_redis_s_end(house: House) -> None:
    answer = house.store("k")
    before = time.monotonic()
    [held] = house.fill("k")
    assert held.answer == answer
    assert 0 < before + TTL_MS / 1000 - held.expires + SECOND < 2 * SECOND
    assert (house.table.entries, len(house.trackers())) == (1, 1)


def test_what_is_missing_or_has_no_end_or_is_something_else_is_not_held(house: House) -> None:
    house.store("for-ever", ms=None)
    house.others.hset(answer_key("hash"), "a", "b")
    house.others.set(answer_key("text"), b"not an answer", px=TTL_MS)
    house.store("good")
    for key in ("missing", "for-ever", "hash", "text"):
        house.tracker.want(key)
    house.fill("good")
    assert house.table.entries == 1


def test_a_key_that_many_want_at_once_is_read_once(house: House) -> None:
    house.store("k")
    house.others.config_resetstat()
    threads = [threading.Thread(target=lambda: [house.tracker.want("k") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    house.fill("k")
    house.tracker.want("k")
    house.store("later")
    house.fill("later")
    assert house.others.info("commandstats")["cmdstat_get"]["calls"] <= 3


def test_more_is_wanted_than_is_fetched_at_once(house: House) -> None:
    keys = [f"k{number}" for number in range(5 * MAX_IN_FLIGHT)]
    for key in keys:
        house.store(key, key)
    for key in keys:
        house.tracker.want(key)
    assert [held.answer.body.decode() for held in house.fill(*keys)] == keys


def test_large_answers_come_whole(house: House) -> None:
    text = "x" * 1_000_000
    house.store("large", text)
    house.store("small")
    held, _ = house.fill("large", "small")
    assert held.answer.body == text.encode()


# --- what others do ---


@pytest.mark.parametrize(
    "change",
    [
        lambda house: house.others.delete(answer_key("k")),
        lambda house: house.others.unlink(answer_key("k")),
        lambda house: house.store("k", "new"),
        lambda house: house.others.pexpire(answer_key("k"), 1),
        lambda house: house.others.persist(answer_key("k")),
        lambda house: house.others.rename(answer_key("k"), "elsewhere"),
        lambda house: house.others.eval("redis.call('DEL', KEYS[1])", 1, answer_key("k")),
        lambda house: house.others.flushdb(),
        lambda house: house.others.flushall(asynchronous=True),
        lambda house: ExactCache(house.others, 60, unix_now).forget("t", "k"),
    ],
    ids=["delete", "unlink", "overwrite", "shorten", "persist", "rename", "script", "flushdb", "flushall", "forget"],
)
def test_what_another_client_changes_is_dropped(house: House, change: Callable[[House], object]) -> None:
    house.store("k", '{"choices":[]}')
    [held] = house.fill("k")
    change(house)
    wait_until(lambda: not held.live)
    assert house.table.get("k") is not held
    assert house.dropped == [held]


def test_what_is_left_alone_stays(house: House) -> None:
    house.store("k")
    house.store("other")
    held, other = house.fill("k", "other")
    house.others.delete(answer_key("other"))
    wait_until(lambda: not other.live)
    assert house.table.get("k") is held


def test_what_ends_in_redis_is_dropped(house: House) -> None:
    house.store("k", ms=200)
    [held] = house.fill("k")
    wait_until(lambda: not held.live)
    assert house.table.get("k") is None


def test_what_redis_evicts_is_dropped() -> None:
    with RedisServer(config={"maxmemory": "4mb", "maxmemory-policy": "volatile-lru"}) as server:
        house = House(server)
        house.store("k", "x" * 100_000)
        [held] = house.fill("k")
        number = 0
        while house.others.exists(answer_key("k")):
            house.others.set(f"filler{number}", b"x" * 50_000, px=TTL_MS)
            number += 1
        wait_until(lambda: not held.live)
        house.close()


def test_what_was_overwritten_comes_again_with_the_new_value(house: House) -> None:
    for number in range(20):
        answer = house.store("k", f"value {number}")
        assert wait_until(lambda: (held := house.ask("k")) and held.answer == answer and held)  # noqa: B023


def test_after_a_race_the_table_holds_the_last_value_or_nothing(house: House) -> None:
    """In each round another client overwrites in a tight loop while the keys are wanted in another one."""
    keys = [f"k{number}" for number in range(4)]
    start, done = threading.Barrier(2), threading.Barrier(2)
    values = iter(range(1, 1_000_000))
    last = dict.fromkeys(keys, 0)

    def overwrite() -> None:
        with house.server.client() as client, suppress(threading.BrokenBarrierError):
            for _ in range(ROUNDS):
                start.wait(10)
                for _ in range(5):
                    for key in keys:
                        last[key] = next(values)
                        client.set(answer_key(key), answers.pack(make_answer(body=str(last[key]).encode())), px=TTL_MS)
                done.wait(10)

    writer = threading.Thread(target=overwrite)
    writer.start()
    held_at_the_end = 0
    try:
        for _ in range(ROUNDS):
            start.wait(10)
            while not done.n_waiting:
                for key in keys:
                    house.tracker.want(key)
            done.wait(10)
            quiet(house)
            found = [(key, house.table.get(key)) for key in keys]
            assert all(held is None or int(held.answer.body) == last[key] for key, held in found)
            held_at_the_end += sum(held is not None for _, held in found)
    finally:
        start.abort()
        writer.join(10)
    assert house.table.drops["invalidated"] > ROUNDS
    assert held_at_the_end > ROUNDS


def quiet(house: House) -> None:
    """Returns when all that was wanted or has changed before is settled: when a key that is new has come after it."""
    marker = f"marker{time.monotonic_ns()}"
    house.store(marker)
    while house.ask(marker) is None:
        house.others.ping()


# --- the heartbeat ---


def test_trust_is_kept_up_while_there_is_something_to_serve(house: House) -> None:
    house.store("k")
    [held] = house.fill("k")
    first = house.table.trusted_until
    wait_until(lambda: house.table.trusted_until > first + SECOND)
    assert house.table.get("k") is held


def test_an_empty_table_sends_nothing(house: House) -> None:
    house.store("k")
    [held] = house.fill("k")
    house.others.delete(answer_key("k"))
    wait_until(lambda: not held.live)
    wait_until(lambda: house.tracker._talk.oldest is None)
    house.others.config_resetstat()
    wait_until(lambda: not house.trusted())
    assert "cmdstat_get" not in house.others.info("commandstats")
    assert house.others.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"] <= 1
    assert house.tracker.connected
    house.store("k")
    house.fill("k")


def test_what_is_used_here_is_touched_there(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    house = House(redis_server, touch_every=0.0)
    house.store("k")
    house.fill("k")
    house.others.config_resetstat()
    house.table.get("k")
    wait_until(lambda: house.others.info("commandstats").get("cmdstat_touch"))
    house.close()


# --- whatever breaks ---


def test_a_killed_connection_empties_the_table_and_it_fills_again(house: House) -> None:
    house.store("k")
    [held] = house.fill("k")
    [connection] = house.trackers()
    house.others.client_kill_filter(_id=connection)
    wait_until(lambda: not held.live)
    assert (house.table.entries, house.trusted(), house.table.drops["connection_lost"]) == (0, False, 1)
    [again] = house.fill("k")
    assert again.live
    assert house.trackers() != [connection]


def test_a_restarted_redis_empties_the_table_and_it_fills_again(own: House) -> None:
    own.store("k")
    [held] = own.fill("k")
    own.server.restart()
    wait_until(lambda: not held.live)
    assert own.table.entries == 0
    own.store("k", "new")
    [again] = own.fill("k")
    assert again.answer.body == b"new"


def test_nobody_connects_while_nobody_wants_anything(own: House) -> None:
    own.store("k")
    [held] = own.fill("k")
    own.server.restart()
    wait_until(lambda: not held.live)
    wait_until(lambda: not own.tracker.connected)
    assert own.trackers() == []
    own.store("k")
    own.fill("k")
    assert len(own.trackers()) == 1


def test_a_redis_that_is_away_is_asked_ever_more_rarely_and_found_again(own: House, caplog: pytest.LogCaptureFixture) -> None:
    own.store("k")
    [held] = own.fill("k")
    with caplog.at_level(logging.WARNING):
        own.server.kill()
        wait_until(lambda: not held.live)
        wait_until(lambda: own.ask("k") is None and own.tracker._backoff >= 0.8)
        assert not own.tracker.connected
        assert not own.tracker._wanted
        own.server.start()
        own.store("k")
        own.fill("k")
    assert [record.message.split()[0] for record in caplog.records] == ["hot_table_off"]
    assert own.tracker._backoff == 0.1


def test_a_frozen_redis_turns_the_table_off_within_a_second_and_it_comes_back(own: House) -> None:
    own.store("k")
    own.store("gone")
    held, gone = own.fill("k", "gone")
    frozen_at = time.monotonic()
    own.server.pause()
    wait_until(lambda: not own.trusted())
    assert own.table.trusted_until < frozen_at + SECOND
    assert (own.table.get("k"), held.live, own.tracker.connected) == (None, True, True)
    own.server.resume()
    own.others.delete(answer_key("gone"))
    wait_until(own.trusted)
    assert own.table.get("k") is held
    wait_until(lambda: not gone.live)


def test_a_redis_that_is_frozen_for_long_counts_as_lost() -> None:
    with RedisServer() as server:
        house = House(server, timeout=0.5)
        house.store("k")
        [held] = house.fill("k")
        server.pause()
        wait_until(lambda: not held.live)
        wait_until(lambda: house.ask("k") or house.tracker._backoff > 0.2)
        server.resume()
        house.fill("k")
        house.close()


class Wire:
    """A wire to a server that can go silent: both ends stay connected, and what was sent comes when it is mended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._whole = threading.Event()
        self.mend()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.mend()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                target.sendall(data)


def test_what_is_purged_is_never_served_for_longer_than_a_second_though_the_news_do_not_come(
    redis_server: RedisServer, redis_client: redis.Redis
) -> None:
    wire = Wire(redis_server.port)
    house = House(redis_server, url=wire.url)
    for number in range(4):
        key = f"k{number}"
        house.store(key)
        [held] = house.fill(key)
        wire.cut()
        house.others.delete(answer_key(key))
        purged_at = served_at = time.monotonic()
        while (now := time.monotonic()) < purged_at + 1.1 * SECOND:
            served_at = now if house.table.get(key) else served_at
        assert served_at - purged_at < SECOND
        assert held.live
        wire.mend()
        # From here on it is trusted again some time; the purged one must be gone by then.
        house.store("another")
        while house.ask("another") is None:
            assert house.table.get(key) is None
        assert not held.live
        assert house.table.drops["connection_lost"] == 0
    house.close()
    wire.close()


def test_a_thread_that_is_stuck_turns_the_table_off(house: House) -> None:
    stuck, go_on = threading.Event(), threading.Event()

    def block(_: Held) -> None:
        stuck.set()
        assert go_on.wait(10)

    house.store("k")
    house.store("gone")
    held, _ = house.fill("k", "gone")
    house.table.on_drop = block
    house.others.delete(answer_key("gone"))
    assert stuck.wait(10)
    stuck_at = time.monotonic()
    wait_until(lambda: not house.trusted())
    assert house.table.trusted_until < stuck_at + SECOND
    go_on.set()
    assert wait_until(lambda: house.table.get("k")) is held


@pytest.mark.parametrize(
    ("setting", "query"),
    [("rename-command CLIENT nothing", ""), ("", "?protocol=2")],
    ids=["no-tracking", "no-resp3"],
)
def test_a_redis_without_tracking_leaves_the_table_empty_and_is_not_asked_again_soon(
    setting: str, query: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "more.conf").write_text(setting)
    with RedisServer(config={"include": f"{tmp_path}/more.conf"}) as server, caplog.at_level(logging.DEBUG, logger="pipeline"):
        house = House(server, url=server.url + query)
        house.others.set(answer_key("k"), answers.pack(make_answer()), px=TTL_MS)
        house.tracker.want("k")
        wait_until(lambda: house.tracker._quiet_until > time.monotonic() + 50)
        house.tracker.want("k")
        assert (house.table.entries, house.tracker.connected, house.tracker._wanted) == (0, False, {})
        house.close()
    assert [record.message for record in caplog.records] == ["hot_table_off reason=ResponseError"]


def test_a_user_who_may_not_track_leaves_the_table_empty(
    redis_server: RedisServer, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis_client.acl_setuser("leo", enabled=True, passwords=["+geheim"], keys=["*"], commands=["+@all", "-client"])
    house = House(redis_server, url=f"redis://leo:geheim@127.0.0.1:{redis_server.port}/0")
    house.store("k-secret")
    with caplog.at_level(logging.DEBUG, logger="pipeline"):
        house.tracker.want("k-secret")
        wait_until(lambda: house.tracker._quiet_until > time.monotonic() + 50)
        for _ in range(100):
            house.tracker.want("k-secret")
    assert (house.table.entries, house.tracker.connected, house.tracker._wanted) == (0, False, {})
    assert [record.message for record in caplog.records] == ["hot_table_off reason=NoPermissionError"]
    house.close()
    redis_client.acl_deluser("leo")


def test_a_user_with_few_rights_is_enough(redis_server: RedisServer, redis_client: redis.Redis) -> None:
    rights = ["+hello", "+client|tracking", "+get", "+pttl", "+ping"]
    redis_client.acl_setuser("leo", enabled=True, passwords=["+geheim"], keys=["leo:*"], commands=rights)
    house = House(redis_server, url=f"redis://leo:geheim@127.0.0.1:{redis_server.port}/0", touch_every=0.0)
    house.store("k")
    [held] = house.fill("k")
    until = house.table.trusted_until
    wait_until(lambda: house.table.trusted_until > until and house.table.get("k") is held)
    house.close()
    redis_client.acl_deluser("leo")


def test_a_socket_in_the_file_system_is_as_good(tmp_path: Path) -> None:
    with RedisServer(config={"unixsocket": str(tmp_path / "s")}) as server:
        house = House(server, url=f"unix://{tmp_path}/s")
        house.store("k")
        [held] = house.fill("k")
        house.others.delete(answer_key("k"))
        wait_until(lambda: not held.live)
        house.close()


def test_after_the_end_nothing_is_held_and_nothing_runs(house: House) -> None:
    house.store("k")
    [held] = house.fill("k")
    house.tracker.close()
    assert (held.live, house.table.entries, house.tracker.connected) == (False, 0, False)
    assert house.tracker._thread is not None
    assert not house.tracker._thread.is_alive()
    house.tracker.want("k")
    wait_until(lambda: house.trackers() == [])
