"""The order of replies and news on one connection, message by message, and what of redis-py it stands on."""

from __future__ import annotations

import pytest
import redis
from redis._parsers.hiredis import _HiredisParser
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from pipeline.admission import answer as answers
from pipeline.admission.keys import answer_key
from pipeline.cache.hot import HotTable
from pipeline.cache.tracking import MAX_IN_FLIGHT, TOUCH_KEYS, TRUST_S, Conversation, Desync, Push, Tracker, content_key
from tests.support.clock import FakeClock
from tests.support.runs import make_answer

VALUE = answers.pack(make_answer(body=b"{}"))
FLUSHED = Push([b"invalidate", None])


def changed(*keys: str) -> Push:
    return Push([b"invalidate", [answer_key(key).encode() for key in keys]])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(clock: FakeClock) -> HotTable:
    return HotTable(1_000_000, clock=clock)


@pytest.fixture
def talk(table: HotTable) -> Conversation:
    return Conversation(table)


def hear(talk: Conversation, *messages: object) -> None:
    for message in messages:
        talk.hear(message)


def test_a_key_is_fetched_with_its_end(talk: Conversation, table: HotTable) -> None:
    assert talk.fetch(["k"], 1000.0) == [("GET", answer_key("k")), ("PTTL", answer_key("k"))]
    hear(talk, VALUE, 5000)
    held = table.get("k")
    assert held is not None
    assert (held.answer.body, held.expires, table.trusted_until) == (b"{}", 1005.0, 1000.0 + TRUST_S)


def test_what_is_held_or_on_its_way_is_not_fetched_again(talk: Conversation) -> None:
    assert len(talk.fetch(["k", "k", "j"], 1000.0)) == 4
    assert talk.fetch(["k"], 1000.0) == []
    assert talk.room == MAX_IN_FLIGHT - 2
    hear(talk, VALUE, 5000, None, -2)
    assert len(talk.fetch(["k", "j"], 1000.0)) == 2
    assert talk.room == MAX_IN_FLIGHT - 1


@pytest.mark.parametrize("replies", [(None, -2), (VALUE, -1), (VALUE, -2), (VALUE, 0), (None, 5000), (b"other", 5000)])
def test_what_is_missing_or_has_no_end_or_cannot_be_read_is_not_kept(
    talk: Conversation, table: HotTable, replies: tuple[object, ...]
) -> None:
    talk.fetch(["k"], 1000.0)
    hear(talk, *replies)
    assert table.entries == 0
    assert talk.room == MAX_IN_FLIGHT


@pytest.mark.parametrize("news", [changed("k"), changed("j", "k"), FLUSHED])
def test_a_change_between_the_value_and_its_end_spoils_it(talk: Conversation, table: HotTable, news: Push) -> None:
    talk.fetch(["k"], 1000.0)
    hear(talk, VALUE, news, 5000)
    assert table.entries == 0


@pytest.mark.parametrize("news", [changed("k"), FLUSHED])
def test_a_change_before_the_value_was_read_does_not(talk: Conversation, table: HotTable, news: Push) -> None:
    talk.fetch(["k"], 1000.0)
    hear(talk, news, VALUE, 5000)
    assert table.get("k") is not None


def test_a_change_of_another_key_spoils_nothing(talk: Conversation, table: HotTable) -> None:
    talk.fetch(["k", "j"], 1000.0)
    hear(talk, VALUE, changed("j", "x"), 5000, VALUE, 5000)
    assert table.entries == 2


@pytest.mark.parametrize("news", [changed("k"), FLUSHED])
def test_a_change_drops_what_is_held(talk: Conversation, table: HotTable, news: Push) -> None:
    talk.fetch(["k"], 1000.0)
    hear(talk, VALUE, 5000)
    held = table.get("k")
    hear(talk, news)
    assert held is not None
    assert (held.live, table.get("k"), table.drops["invalidated"]) == (False, None, 1)


def test_a_reply_proves_the_time_at_which_it_was_asked_for_not_when_it_came(talk: Conversation, table: HotTable) -> None:
    talk.fetch(["k"], 1000.0)
    [(_, mark)] = talk.ping(1000.5)
    assert talk.oldest == 1000.0
    hear(talk, VALUE, 5000)
    assert (table.trusted_until, talk.oldest) == (1000.0 + TRUST_S, 1000.5)
    hear(talk, str(mark).encode())
    assert (table.trusted_until, talk.oldest) == (1000.5 + TRUST_S, None)


def test_news_alone_proves_nothing(talk: Conversation, table: HotTable) -> None:
    before = table.trusted_until
    hear(talk, changed("k"), Push([b"something-new", b"x"]))
    assert table.trusted_until == before


@pytest.mark.parametrize("replies", [(5000,), (VALUE, VALUE), (VALUE, None), (VALUE, 5000, b"PONG"), (VALUE, 5000, None, b"x")])
def test_a_reply_to_something_else_is_noticed(talk: Conversation, replies: tuple[object, ...]) -> None:
    talk.fetch(["k"], 1000.0)
    talk.ping(1000.0)
    with pytest.raises(Desync):
        hear(talk, *replies)


def test_a_reply_to_nothing_is_noticed(talk: Conversation) -> None:
    with pytest.raises(Desync):
        hear(talk, None)


def test_a_key_of_another_type_is_a_missing_one(talk: Conversation, table: HotTable) -> None:
    talk.fetch(["k"], 1000.0)
    hear(talk, redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), 5000)
    assert table.entries == 0


@pytest.mark.parametrize("error", [redis.exceptions.NoPermissionError("no"), redis.ResponseError("what is GET?")])
def test_a_refusal_is_not_taken_for_an_answer(talk: Conversation, table: HotTable, error: redis.ResponseError) -> None:
    talk.fetch(["k"], 1000.0)
    with pytest.raises(type(error)):
        hear(talk, error)
    assert table.trusted_until <= 1000.0


def test_the_used_are_touched_so_that_redis_does_not_take_them_for_idle(talk: Conversation, table: HotTable) -> None:
    for number in range(TOUCH_KEYS + 1):
        table.put(f"k{number}", make_answer(body=b"{}"), 2000.0)
    table.trust(2000.0)
    for number in range(TOUCH_KEYS):
        table.get(f"k{number}")
    [touch] = talk.touch(1000.0)
    assert touch == ("TOUCH", *(answer_key(f"k{number}") for number in range(TOUCH_KEYS)))
    assert talk.touch(1000.0) == []
    hear(talk, redis.exceptions.NoPermissionError("no"))
    assert talk.oldest is None


def test_the_key_is_found_in_the_name() -> None:
    assert content_key(answer_key("a:b{c}").encode()) == "a:b{c}"


# --- redis-py ---


@pytest.mark.parametrize("kind", [Connection, SSLConnection, UnixDomainSocketConnection])
def test_redis_py_has_what_is_used_of_it_beyond_its_documented_interface(kind: type) -> None:
    for name in ("_get_parser", "_get_socket", "handshake_metadata", "is_connected", "pack_commands", "read_response"):
        assert hasattr(kind, name), name
    for name in ("set_invalidation_push_handler", "set_pubsub_push_handler"):
        assert hasattr(_HiredisParser, name), name


def test_redis_py_hands_out_what_a_push_handler_returns() -> None:
    """The handler's result is the message; a failing handler would be swallowed, so ours only wraps."""
    parser = _HiredisParser(socket_read_size=1024)
    parser.set_invalidation_push_handler(Push)
    parser.set_pubsub_push_handler(Push)
    for content in ([b"invalidate", [b"k"]], [b"invalidate", None], [b"tracking-redir-broken"]):
        assert parser.handle_push_response(content) == Push(content)


# --- without Redis ---


def test_a_tracker_that_nobody_wants_anything_of_does_nothing(table: HotTable) -> None:
    tracker = Tracker("redis://127.0.0.1:1/0", table, timeout=1)
    assert tracker._thread is None
    tracker.close()
    tracker.want("k")
    tracker.close()
    assert (tracker._thread, tracker.connected) == (None, False)
