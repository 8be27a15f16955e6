"""Admission, claims, the log and the end of a run, on a real Redis."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from pipeline.admission.events import Accepted, Answered, Delta, Failed, Restarted, failure
from pipeline.admission.keys import answer_key, run_key
from pipeline.admission.runs import MAX_DEATHS, Claim, Runs
from pipeline.errors import Conflict, GatewayError, Overloaded, StoreUnavailable
from pipeline.redis_client import connect
from tests.support.redis_server import RedisServer
from tests.support.runs import admit, make_answer, make_plan, make_request, make_runs
from tests.support.waiting import wait_until


@pytest.fixture
def runs(redis_client: redis.Redis) -> Runs:
    return make_runs(redis_client)


def claimed(runs: Runs, key: str = "k1", epoch: str = "") -> Claim:
    claim = runs.claim(key, epoch or admit(runs, key).epoch, 0)
    assert claim is not None
    return claim


def log_of(runs: Runs, epoch: str, key: str = "k1") -> list[object]:
    return list(runs.read([(key, epoch, 0)])[0])


def test_the_first_makes_the_run_and_all_others_join_it(runs: Runs) -> None:
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda n: admit(runs, follower=f"web-{n}"), range(200)))
    assert sorted(a.verdict for a in found) == ["live"] * 199 + ["new"]
    assert len({a.epoch for a in found}) == 1


def test_a_finished_run_is_a_hit_in_the_same_round_trip(runs: Runs) -> None:
    claim = claimed(runs)
    assert runs.finish(claim, [Answered(make_answer(), "upstream")], store=make_answer()) == "ok"
    assert admit(runs).answer == make_answer()


def test_an_answer_that_was_not_stored_is_asked_for_again(runs: Runs) -> None:
    claim = claimed(runs)
    runs.finish(claim, [Answered(make_answer(), "upstream")])
    again = admit(runs)
    assert again.verdict == "new"
    assert int(again.epoch) > int(claim.epoch)


def test_the_log_is_read_from_its_start_and_from_any_point(runs: Runs) -> None:
    claim = claimed(runs)
    length = runs.append(claim, [Delta([b"a"])], claim.length)
    runs.append(claim, [Delta([b"b"])], length)
    assert log_of(runs, claim.epoch) == [Accepted(1000.0), Delta([b"a"]), Delta([b"b"])]
    assert runs.read([("k1", claim.epoch, 2)]) == [[Delta([b"b"])]]


def test_an_append_whose_reply_was_lost_can_be_repeated(runs: Runs) -> None:
    claim = claimed(runs)
    assert runs.append(claim, [Delta([b"a"])], 1) == 2
    assert runs.append(claim, [Delta([b"a"])], 1) == 2
    assert log_of(runs, claim.epoch) == [Accepted(1000.0), Delta([b"a"])]


def test_a_second_copy_of_a_message_is_dropped_while_the_worker_lives(runs: Runs) -> None:
    claim = claimed(runs)
    assert runs.claim("k1", claim.epoch, 0) is None


def test_a_worker_that_lost_its_lease_can_write_nothing(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.01)
    first = claimed(runs)
    second = wait_until(lambda: runs.claim("k1", first.epoch, 0), what="the lease running out")
    assert runs.append(first, [Delta([b"stale"])], 1) == -1
    assert runs.finish(first, [Answered(make_answer(), "upstream")], store=make_answer()) == "stale"
    assert runs.finish(second, [Answered(make_answer(model="second"), "upstream")], store=make_answer(model="second")) == "ok"
    found = admit(runs).answer
    assert found is not None
    assert found.model == "second"


def test_finishing_twice_says_the_answer_once(runs: Runs) -> None:
    claim = claimed(runs)
    for _ in range(2):
        assert runs.finish(claim, [Answered(make_answer(), "upstream")]) == "ok"
    assert sum(isinstance(event, Answered) for event in log_of(runs, claim.epoch)) == 1


def test_a_takeover_in_the_middle_of_a_stream_is_told_in_the_log(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.01)
    first = claimed(runs)
    runs.append(first, [Delta([b"a"])], first.length)
    second = wait_until(lambda: runs.claim("k1", first.epoch, 0), what="the lease running out")
    assert log_of(runs, first.epoch)[-1] == Restarted()
    assert second.length == 3


def test_whoever_waits_notices_that_the_worker_died(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.01)
    claim = claimed(runs)
    verdict, _ = wait_until(
        lambda: next((v for v in runs.tend("web-1", [("k1", claim.epoch)], 0) if v[0] != "ok"), None),
        what="the lease running out",
    )
    assert verdict == "requeue:0"
    # The dead worker's token is void already, and the run is claimed anew.
    assert runs.append(claim, [Delta([b"late"])], 1) == -1
    assert runs.finish(claim, [Answered(make_answer(), "upstream")]) == "stale"
    assert runs.claim("k1", claim.epoch, 0) is not None


def test_a_claim_after_a_death_says_that_a_call_may_be_missing_in_the_ledger(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.01)
    first = claimed(runs)
    assert first.lost == 0
    wait_until(lambda: runs.tend("web-1", [("k1", first.epoch)], 0)[0][0] == "requeue:0", what="the death being noticed")
    second = runs.claim("k1", first.epoch, 0)
    assert second is not None
    assert second.lost == 1
    third = wait_until(lambda: runs.claim("k1", first.epoch, 0), what="the lease running out")
    assert third.lost == 1


def test_a_request_that_kills_every_worker_is_given_up(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.001)
    epoch = admit(runs).epoch
    for _ in range(MAX_DEATHS):
        assert wait_until(lambda: runs.claim("k1", epoch, 0), what="a claim")
        wait_until(lambda: runs.tend("web-1", [("k1", epoch)], 0)[0][0] == "requeue:0", what="the death being noticed")
    assert runs.claim("k1", epoch, 0)
    wait_until(lambda: isinstance((runs.tend("web-1", [("k1", epoch)], 0), log_of(runs, epoch))[1][-1], Failed), what="giving up")
    assert admit(runs).verdict == "new"


def test_a_message_of_an_older_incarnation_starts_nothing(runs: Runs) -> None:
    old = claimed(runs)
    runs.finish(old, [Answered(make_answer(), "upstream")])
    admit(runs)
    assert runs.claim("k1", old.epoch, 0) is None


def test_a_heartbeat_says_who_follows_and_how_long(runs: Runs) -> None:
    claim = claimed(runs)
    pulse = runs.renew([claim])[0]
    assert (pulse.held, pulse.followers) == (True, 1)
    assert 50 < pulse.patience <= 60
    admit(runs, follower="web-2", patience=300)
    assert runs.renew([claim])[0].followers == 2
    assert runs.renew([claim])[0].patience > 200
    runs.leave("web-1", "k1")
    runs.leave("web-2", "k1")
    assert runs.renew([claim])[0].followers == 0


def test_an_abandoned_run_leaves_nothing_behind(runs: Runs) -> None:
    claim = claimed(runs)
    runs.leave("web-1", "k1")
    assert runs.abandon(claim) == "ok"
    assert not runs.redis.keys("leo:{k1}:*")


def test_a_run_that_nobody_waits_for_any_more_is_not_begun(runs: Runs) -> None:
    epoch = admit(runs).epoch
    runs.leave("web-1", "k1")
    assert runs.claim("k1", epoch, 0) is None
    assert not runs.redis.keys("leo:{k1}:*")


def test_a_run_whose_callers_have_all_waited_in_vain_is_not_begun(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client)
    epoch = admit(runs, patience=0.001).epoch
    wait_until(
        lambda: runs.claim("k1", epoch, 0) is None and not runs.redis.keys("leo:{k1}:s"), what="the run being cleared away"
    )


def test_a_redis_without_memory_takes_nothing_new_and_says_so() -> None:
    with RedisServer(config={"maxmemory-policy": "noeviction"}) as server:
        runs = make_runs(server.client())
        runs.redis.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable):
            admit(runs)
        assert not runs.redis.keys("*")
        runs.redis.config_set("maxmemory", 0)
        assert admit(runs).verdict == "new"
        runs.redis.close()


def test_an_idempotency_key_whose_request_failed_may_carry_another_body(runs: Runs) -> None:
    first = admit(runs, fingerprint="body-1", content_key="c1")
    claim = runs.claim("k1", first.epoch, 0)
    assert claim is not None
    runs.finish(claim, [failure(GatewayError("no"))])
    assert admit(runs, fingerprint="body-2", content_key="c2").verdict == "new"


def test_somebody_who_comes_while_a_run_is_given_up_is_served(runs: Runs) -> None:
    claim = claimed(runs)
    runs.leave("web-1", "k1")
    late = admit(runs, follower="web-2")
    assert late.verdict == "live"
    assert runs.abandon(claim) == "requeue"
    assert runs.claim("k1", claim.epoch, 0) is not None


def test_a_failure_reaches_the_log_and_is_not_remembered(runs: Runs) -> None:
    claim = claimed(runs)
    runs.finish(claim, [failure(GatewayError("no", code="boom"))])
    last = log_of(runs, claim.epoch)[-1]
    assert isinstance(last, Failed)
    assert last.code == "boom"
    assert admit(runs).verdict == "new"


def test_an_idempotency_key_replays_the_answer_even_when_it_is_not_stored(runs: Runs) -> None:
    first = admit(runs, fingerprint="body-1", content_key="c1")
    claim = runs.claim("k1", first.epoch, 0)
    assert claim is not None
    runs.finish(claim, [Answered(make_answer(), "upstream")])
    again = admit(runs, fingerprint="body-1", content_key="c1")
    assert (again.verdict, again.epoch) == ("replay", first.epoch)
    assert 0 < runs.redis.pttl(run_key("k1")) <= 86_400_000


def test_an_idempotency_key_with_another_body_is_a_conflict(runs: Runs) -> None:
    admit(runs, fingerprint="body-1", content_key="c1")
    with pytest.raises(Conflict) as caught:
        admit(runs, fingerprint="body-2", content_key="c2")
    assert caught.value.param == "Idempotency-Key"
    assert caught.value.should_retry is False


def test_without_room_nothing_new_is_made_but_joining_goes_on(runs: Runs) -> None:
    with pytest.raises(Overloaded):
        runs.admit(make_plan(), make_request(), "web-1", 60, now=1.0, room=False)
    assert not runs.redis.keys("leo:*")
    admit(runs)
    assert runs.admit(make_plan(), make_request(), "web-1", 60, now=1.0, room=False).verdict == "live"


def test_every_key_has_an_end(runs: Runs) -> None:
    claim = claimed(runs)
    runs.append(claim, [Delta([b"x"])], claim.length)
    assert all(runs.redis.pttl(key) > 0 for key in runs.redis.keys("leo:*"))
    runs.finish(claim, [Answered(make_answer(), "upstream")], store=make_answer())
    assert all(runs.redis.pttl(key) > 0 for key in runs.redis.keys("leo:*"))
    assert 0 < runs.redis.pttl(answer_key("k1")) <= 3_600_000


def test_a_tenants_own_key_leaves_redis_with_the_end_of_the_run(runs: Runs) -> None:
    runs.admit(make_plan(), make_request(caller_key="sk-secret-of-a-tenant"), "web-1", 60, now=1.0)
    claim = runs.claim("k1", runs.redis.hget(run_key("k1"), "ep").decode(), 0)  # type: ignore[union-attr]
    assert claim is not None
    runs.finish(claim, [Answered(make_answer(), "upstream")], store=make_answer())
    dump = b"".join(repr(runs.redis.dump(key)).encode() for key in runs.redis.keys("*"))
    assert b"sk-secret-of-a-tenant" not in dump


def test_a_paused_redis_fails_within_its_timeout() -> None:
    with RedisServer() as server:
        runs = make_runs(connect(server.url, timeout=0.3, connections=4))
        admit(runs)
        server.pause()
        try:
            failures = []

            def ask() -> None:
                with pytest.raises(StoreUnavailable) as caught:
                    admit(runs, "k2")
                failures.append(caught.value.retry_after)

            threads = [threading.Thread(target=ask) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert failures == [1.0] * 16
        finally:
            server.resume()
        assert wait_until(lambda: admit(runs, "k3").verdict == "new", what="recovery")
        runs.redis.connection_pool.disconnect()


# --- several at once ---


def test_each_run_of_a_message_is_claimed_for_itself(runs: Runs) -> None:
    epochs = {key: admit(runs, key).epoch for key in ("k1", "k2", "k3", "k4")}
    assert runs.claim("k2", epochs["k2"], 0) is not None  # somebody else is at work on this one
    found = runs.claim_many([("k1", epochs["k1"]), ("k2", epochs["k2"]), ("k3", "17"), ("k4", epochs["k4"])], 0)
    assert [(claim.key, claim.epoch) if claim else None for claim in found] == [
        ("k1", epochs["k1"]),
        None,
        None,
        ("k4", epochs["k4"]),
    ]


def test_a_claim_that_redis_refuses_does_not_cost_the_others_theirs(runs: Runs, redis_client: redis.Redis) -> None:
    epoch = admit(runs, "k1").epoch
    redis_client.set(run_key("k2"), "not a hash")
    found = runs.claim_many([("k1", epoch), ("k2", epoch)], 0)
    assert found[0] is not None
    assert found[1] is None
    with pytest.raises(redis.ResponseError):
        runs.claim("k2", epoch, 0)


def test_scripts_that_redis_has_forgotten_are_loaded_again(runs: Runs, redis_client: redis.Redis) -> None:
    epochs = [(key, admit(runs, key).epoch) for key in ("k1", "k2")]
    redis_client.script_flush()
    claims = runs.claim_many(epochs, 0)
    assert None not in claims
    redis_client.script_flush()
    assert [pulse.held for pulse in runs.renew([claim for claim in claims if claim])] == [True, True]


# --- what rides along with the end of a run ---


class Note:
    """A rider that looks at the state of the run when it is carried out, and keeps what it is told."""

    LOOK = "return {redis.call('HGET', KEYS[1], 'st'), redis.call('EXISTS', KEYS[2])}"

    def __init__(self, key: str = "k1") -> None:
        self.key = key
        self.boarded = 0
        self.heard: list[object] = []

    def board(self, pipe: Any) -> None:
        self.boarded += 1
        pipe.eval(self.LOOK, 2, run_key(self.key), answer_key(self.key))

    def hear(self, reply: object) -> None:
        self.heard.append(reply)

    def go(self) -> None:
        raise AssertionError("it rode along")


def test_what_goes_before_the_answer_is_there_before_it_and_what_goes_after_comes_after(runs: Runs) -> None:
    runs.finish(claimed(runs, "k0"), [Answered(make_answer(), "upstream")])  # so that Redis knows the script
    claim, bill, later = claimed(runs), Note(), Note()
    last = "redis.call('SET', 'seen', redis.call('HGET', KEYS[1], 'st'))"
    verdict = runs.finish(
        claim,
        [Answered(make_answer(), "upstream")],
        store=make_answer(),
        before=[bill],
        after=[lambda pipe: pipe.eval(last, 1, run_key("k1")), later.board],
    )
    assert verdict == "ok"
    assert bill.heard == [[b"running", 0]]
    assert runs.redis.get("seen") == b"done"
    assert later.heard == []


def test_a_rider_whose_command_is_refused_hears_it_and_the_answer_is_out(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    class Refused(Note):
        LOOK = "return redis.call('INCR', KEYS[1])"

    claim, refused = claimed(runs), Refused()
    broken = "return redis.error_reply('no')"
    assert (
        runs.finish(claim, [Answered(make_answer(), "upstream")], before=[refused], after=[lambda pipe: pipe.eval(broken, 0)])
        == "ok"
    )
    assert isinstance(refused.heard[0], redis.ResponseError)
    assert isinstance(log_of(runs, claim.epoch)[-1], Answered)
    assert "not_kept key=k1" in caplog.text


def test_the_order_holds_when_redis_has_forgotten_the_scripts(runs: Runs, redis_client: redis.Redis) -> None:
    claim, bill = claimed(runs), Note()
    redis_client.script_flush()
    assert runs.finish(claim, [Answered(make_answer(), "upstream")], store=make_answer(), before=[bill]) == "ok"
    assert bill.heard == [[b"running", 0]]
    assert admit(runs).answer == make_answer()


def test_an_end_that_redis_refuses_can_be_repeated_with_all_that_rides_along() -> None:
    with RedisServer(config={"maxmemory-policy": "noeviction"}) as server:
        runs = make_runs(server.client())
        runs.finish(claimed(runs, "k0"), [Answered(make_answer(), "upstream")])  # so that Redis knows the script
        claim, bill = claimed(runs), Note()
        runs.redis.config_set("maxmemory", 1)
        with pytest.raises(StoreUnavailable):
            runs.finish(claim, [Answered(make_answer(), "upstream")], before=[bill])
        assert bill.heard == []
        runs.redis.config_set("maxmemory", 0)
        assert runs.finish(claim, [Answered(make_answer(), "upstream")], before=[bill]) == "ok"
        assert (bill.boarded, bill.heard) == (2, [[b"running", 0]])
        runs.redis.close()


def test_a_stale_end_still_takes_its_riders_along(redis_client: redis.Redis) -> None:
    runs = make_runs(redis_client, lease=0.01)
    first, bill = claimed(runs), Note()
    wait_until(lambda: runs.claim("k1", first.epoch, 0), what="the lease running out")
    assert runs.finish(first, [Answered(make_answer(), "upstream")], before=[bill]) == "stale"
    assert bill.heard == [[b"running", 0]]
