"""Notices, as the scripts of a real Redis publish them: what they tell is what stands in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.admission.answer import Answer, Tokens
from pipeline.admission.events import Answered, Delta, Event, Failed, Restarted, StageDone, failure
from pipeline.admission.keys import channel
from pipeline.admission.notices import parse_notice
from pipeline.admission.runs import MAX_DEATHS, Claim, Runs
from pipeline.errors import GatewayError
from tests.support.runs import admit, make_answer, make_runs
from tests.support.waiting import wait_until

LARGE = 32 * 1024
texts = st.text(max_size=40)
blobs = st.binary(max_size=300)
stages = st.builds(StageDone, texts, texts, st.floats(0, 1e6))
deltas = st.builds(Delta, st.lists(blobs | st.sampled_from([b"\n", b"\r\n\x00", b"k1:17\n0\n"]), min_size=1, max_size=5))
answers = st.builds(
    Answer,
    tenant=texts,
    body=blobs,
    tokens=st.none() | st.builds(Tokens, *[st.integers(0, 10**6)] * 4),
    cost=st.none() | st.integers(0, 10**15),
    model=texts,
    upstream=texts,
    simulated=st.booleans(),
    upstream_ms=st.floats(0, 1e6),
    stored_at=st.floats(0, 1e10),
    headers=st.dictionaries(texts, texts, max_size=3),
    call_id=st.none() | texts,
)
ends = st.builds(Answered, answers, st.sampled_from(["upstream", "exact"]), st.none() | texts) | st.builds(
    lambda text, body: Failed(500, "t", text, None, text, 1.5, None, body, {text: text}), texts, st.none() | blobs
)


class Ear:
    """Hears the notices for one follower."""

    def __init__(self, client: redis.Redis, follower: str) -> None:
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(channel(follower))
        self._pubsub.get_message(timeout=5)

    def next(self) -> tuple[str, str, int, list[Event] | None]:
        message: Any = wait_until(lambda: self._pubsub.get_message(timeout=5), what="a notice")
        return parse_notice(message["data"])

    def silent(self) -> bool:
        return self._pubsub.get_message(timeout=0) is None

    def close(self) -> None:
        self._pubsub.close()


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    return make_runs(redis_client)


@pytest.fixture
def ear(redis_client: redis.Redis) -> Iterator[Ear]:
    made = Ear(redis_client, "web-1")
    yield made
    made.close()


def claimed(runs: Runs) -> Claim:
    claim = runs.claim("k1", admit(runs).epoch, 0)
    assert claim is not None
    return claim


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    written=st.lists(st.lists(stages | deltas, min_size=1, max_size=20), max_size=3), end=st.lists(stages, max_size=3), last=ends
)
def test_any_events_come_as_they_were_written_with_their_place_in_the_log(
    runs: Runs, ear: Ear, written: list[list[Event]], end: list[Event], last: Event
) -> None:
    runs.redis.flushall()
    claim = claimed(runs)
    length = claim.length
    for batch in written:
        assert runs.append(claim, batch, length) == length + len(batch)
        assert ear.next() == ("k1", claim.epoch, length, batch)
        length += len(batch)
    runs.finish(claim, [*end, last])
    assert ear.next() == ("k1", claim.epoch, length, [*end, last])
    assert ear.silent()
    (log,) = runs.read([("k1", claim.epoch, claim.length)])
    assert log == [event for batch in [*written, [*end, last]] for event in batch]


def test_events_of_many_kilobytes_are_left_to_be_read(runs: Runs, ear: Ear) -> None:
    claim = claimed(runs)
    runs.append(claim, [Delta([b"x" * 100, b"y" * LARGE])], claim.length)
    assert ear.next() == ("k1", claim.epoch, 0, None)
    small = Delta([b"x" * (LARGE - 100)])
    runs.append(claim, [small], claim.length + 1)
    assert ear.next() == ("k1", claim.epoch, claim.length + 1, [small])
    runs.finish(claim, [Answered(make_answer(body=b"z" * LARGE), "upstream")])
    assert ear.next() == ("k1", claim.epoch, 0, None)


def test_every_front_end_that_follows_hears_it_and_no_other(runs: Runs, redis_client: redis.Redis) -> None:
    ears = [Ear(redis_client, follower) for follower in ("web-1", "web-2", "web-3")]
    claim = claimed(runs)
    admit(runs, follower="web-2")
    runs.append(claim, [Delta([b"x"])], claim.length)
    assert [ear.next() for ear in ears[:2]] == [("k1", claim.epoch, claim.length, [Delta([b"x"])])] * 2
    assert ears[2].silent()
    for ear in ears:
        ear.close()


def test_a_takeover_is_told(redis_client: redis.Redis, ear: Ear) -> None:
    runs = make_runs(redis_client, lease=0.01)
    first = claimed(runs)
    length = runs.append(first, [Delta([b"x"])], first.length)
    ear.next()
    wait_until(lambda: runs.claim("k1", first.epoch, 0), what="the lease running out")
    assert ear.next() == ("k1", first.epoch, length, [Restarted()])


def test_giving_up_is_told(redis_client: redis.Redis, ear: Ear) -> None:
    runs = make_runs(redis_client, lease=0.001)
    epoch = admit(runs).epoch
    for _ in range(MAX_DEATHS + 1):
        wait_until(lambda: runs.claim("k1", epoch, 0), what="a claim")
        wait_until(lambda: runs.tend("web-1", [("k1", epoch)], 0) != [("ok", 1)], what="the death being noticed")
    key, of, start, events = ear.next()
    assert (key, of, start) == ("k1", epoch, 1)
    assert events is not None
    assert isinstance(events[0], Failed)
    assert events[0].code == "attempts_exhausted"


def test_an_error_is_told_to_whoever_follows(runs: Runs, ear: Ear) -> None:
    claim = claimed(runs)
    runs.finish(claim, [failure(GatewayError("no", code="boom"))])
    assert ear.next() == ("k1", claim.epoch, 1, [failure(GatewayError("no", code="boom"))])
