from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline import errors
from pipeline.settings import Settings
from pipeline.storage import authenticate
from pipeline.storage.authenticate import AHEAD_S, POKE_S, Authenticator, Standing
from pipeline.storage.key_format import Principal, key_digest, public_id_of
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until

KEY = "leo-aabbccddeeff-secret-with-dashes_and_more"
ACME = Principal(tenant="acme", key_id="aabbccddeeff", is_admin=False, bring_own_key=True)


class FakeStore:
    """A key store that can go down and counts its questions."""

    def __init__(self, known: dict[str, Principal] | None = None) -> None:
        self.known = known if known is not None else {KEY: ACME}
        self.asked = 0
        self.down = False

    def find_digest(self, public_id: str, digest: str) -> Principal | None:
        self.asked += 1
        if self.down:
            raise errors.StoreUnavailable("down")
        return {key_digest(key): principal for key, principal in self.known.items()}.get(digest)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def authenticator(store: FakeStore, clock: FakeClock) -> Authenticator:
    return Authenticator(store, Settings(api_key="plain-api-key", admin_key="plain-admin-key"), clock)


def test_the_keys_of_the_settings_need_no_database(authenticator: Authenticator, store: FakeStore) -> None:
    store.down = True
    assert authenticator.authenticate("plain-api-key") == Principal("default", "api", is_admin=False, bring_own_key=False)
    assert authenticator.authenticate("plain-admin-key") == Principal("default", "admin", is_admin=True, bring_own_key=False)
    assert store.asked == 0


def test_a_key_that_is_both_is_an_admin_key(store: FakeStore, clock: FakeClock) -> None:
    found = Authenticator(store, Settings(api_key="same", admin_key="same"), clock).authenticate("same")
    assert found is not None
    assert found.is_admin


@pytest.mark.parametrize(
    "presented", ["", "leo-", "leo--x", "sk-provider-key", "leo-id", "leo-id-\N{SNOWMAN}", "leo-a.b-c", "\ud800"]
)
def test_what_is_no_gateway_key_is_never_looked_up(authenticator: Authenticator, store: FakeStore, presented: str) -> None:
    assert authenticator.authenticate(presented) is None
    assert store.asked == 0


def test_an_empty_key_does_not_match_settings_without_keys(store: FakeStore, clock: FakeClock) -> None:
    assert Authenticator(store, Settings(), clock).authenticate("") is None


def test_a_secret_may_hold_dashes() -> None:
    assert public_id_of("leo-abc-de-f--g") == "abc"


def test_a_revoked_key_stops_working_after_one_second(authenticator: Authenticator, store: FakeStore, clock: FakeClock) -> None:
    assert authenticator.authenticate(KEY) == ACME
    store.known.clear()
    clock.advance(0.999)
    assert authenticator.authenticate(KEY) == ACME
    clock.advance(0.001)
    assert authenticator.authenticate(KEY) is None


def test_a_new_key_starts_working_after_one_second(authenticator: Authenticator, store: FakeStore, clock: FakeClock) -> None:
    store.known.clear()
    assert authenticator.authenticate(KEY) is None
    store.known[KEY] = ACME
    clock.advance(1.0)
    assert authenticator.authenticate(KEY) == ACME


@pytest.mark.parametrize("known", [True, False])
def test_the_database_is_asked_once_a_second_per_key(known: bool, clock: FakeClock) -> None:
    store = FakeStore({KEY: ACME} if known else {})
    authenticator = Authenticator(store, Settings(), clock)
    for _ in range(50):
        authenticator.authenticate(KEY)
        clock.advance(0.1)
    assert store.asked == pytest.approx(5, abs=1)


def test_threads_that_come_at_once_ask_once(clock: FakeClock) -> None:
    entered, go = threading.Event(), threading.Event()

    class SlowStore(FakeStore):
        def find_digest(self, public_id: str, digest: str) -> Principal | None:
            entered.set()
            assert go.wait(10)
            return super().find_digest(public_id, digest)

    store = SlowStore()
    authenticator = Authenticator(store, Settings(), clock)
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(authenticator.authenticate, KEY) for _ in range(8)]
        assert entered.wait(10)
        go.set()
        assert [future.result(10) for future in found] == [ACME] * 8
    assert store.asked == 1


def test_a_good_key_outlives_a_database_outage_by_half_a_minute(
    authenticator: Authenticator, store: FakeStore, clock: FakeClock
) -> None:
    assert authenticator.authenticate(KEY) == ACME
    store.down = True
    clock.advance(29.9)
    assert authenticator.authenticate(KEY) == ACME
    clock.advance(0.1)
    with pytest.raises(errors.StoreUnavailable):
        authenticator.authenticate(KEY)


def test_a_key_that_was_never_seen_is_unavailable_in_an_outage_and_not_refused(
    authenticator: Authenticator, store: FakeStore
) -> None:
    store.down = True
    with pytest.raises(errors.StoreUnavailable):
        authenticator.authenticate(KEY)


def test_a_bad_key_does_not_become_good_or_stay_bad_in_an_outage(
    authenticator: Authenticator, store: FakeStore, clock: FakeClock
) -> None:
    store.known.clear()
    assert authenticator.authenticate(KEY) is None
    store.down = True
    clock.advance(2)
    with pytest.raises(errors.StoreUnavailable):
        authenticator.authenticate(KEY)


def test_an_outage_costs_one_question_a_second_for_all_keys_together(
    authenticator: Authenticator, store: FakeStore, clock: FakeClock
) -> None:
    store.down = True
    for number in range(20):
        with pytest.raises(errors.StoreUnavailable):
            authenticator.authenticate(f"leo-key{number}-secret")
    assert store.asked == 1
    store.down = False
    clock.advance(1)
    assert authenticator.authenticate(KEY) == ACME


@pytest.fixture
def flooded(authenticator: Authenticator, store: FakeStore) -> Authenticator:
    authenticator.authenticate(KEY)
    for number in range(authenticate.MAX_BAD + 100):
        authenticator.authenticate(f"leo-x{number}-guess")
    return authenticator


def test_someone_who_guesses_keys_neither_fills_the_memory_nor_pushes_out_a_good_key(
    flooded: Authenticator, store: FakeStore
) -> None:
    store.down = True
    assert flooded.authenticate(KEY) == ACME
    assert len(flooded._bad) == authenticate.MAX_BAD


def test_no_plaintext_is_kept_in_the_process(authenticator: Authenticator) -> None:
    authenticator.authenticate(KEY)
    assert KEY not in repr(vars(authenticator))
    assert "plain-api-key" not in repr(vars(authenticator))


# --- a standing ---


@pytest.fixture
def standing(authenticator: Authenticator) -> Standing:
    """That of a key about which the database was asked just now."""
    authenticator.authenticate(KEY)
    found = authenticator.standing(KEY)
    assert found is not None
    return found


def test_a_key_of_the_settings_stands_for_ever(authenticator: Authenticator, store: FakeStore, clock: FakeClock) -> None:
    found = authenticator.standing("plain-admin-key")
    assert found is not None
    assert found.principal.is_admin
    clock.advance(1e9)
    assert clock() < found.good_until
    authenticator.refresh(found)
    assert store.asked == 0


@pytest.mark.parametrize("presented", [KEY, "leo-other-secret", "", "sk-provider", "plain-admin-ke"])
def test_what_is_not_certain_has_no_standing_and_nobody_is_asked(
    authenticator: Authenticator, store: FakeStore, presented: str
) -> None:
    assert authenticator.standing(presented) is None
    assert store.asked == 0


def test_a_key_stands_for_a_second_from_the_question(authenticator: Authenticator, standing: Standing, clock: FakeClock) -> None:
    assert standing.principal == ACME
    assert authenticator.standing(KEY) is standing
    clock.advance(0.999)
    assert clock() < standing.good_until
    clock.advance(0.001)
    assert clock() >= standing.good_until
    assert authenticator.standing(KEY) is None


def test_a_bad_key_has_no_standing(authenticator: Authenticator, store: FakeStore) -> None:
    store.known.clear()
    authenticator.authenticate(KEY)
    assert authenticator.standing(KEY) is None


def test_the_database_is_not_asked_ahead_before_half_of_the_second_is_over(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    clock.advance(AHEAD_S - 0.001)
    authenticator.refresh(standing)
    assert (store.asked, authenticator._errands._alive) == (1, False)


def test_the_standing_of_a_key_in_constant_use_never_lapses(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    for _ in range(20):
        clock.advance(AHEAD_S)
        authenticator.refresh(standing)
        wait_until(lambda: standing.good_until == clock() + authenticate.FRESH_S)
    assert authenticator.standing(KEY) is standing
    assert store.asked == 21


def test_a_key_that_is_found_revoked_falls_at_once(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    store.known.clear()
    clock.advance(AHEAD_S)
    authenticator.refresh(standing)
    wait_until(lambda: standing.good_until == 0)
    assert authenticator.standing(KEY) is None
    clock.advance(POKE_S)
    authenticator.refresh(standing)
    assert authenticator.authenticate(KEY) is None
    assert store.asked == 2


def test_a_standing_falls_on_the_ordinary_way_too(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    store.known.clear()
    clock.advance(1)
    assert authenticator.authenticate(KEY) is None
    assert standing.good_until == 0


def test_a_key_with_other_rights_gets_another_standing(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    store.known[KEY] = Principal("acme", "aabbccddeeff", is_admin=True, bring_own_key=True)
    clock.advance(AHEAD_S)
    authenticator.refresh(standing)
    wait_until(lambda: standing.good_until == 0)
    found = authenticator.standing(KEY)
    assert found is not None
    assert found.principal.is_admin


def test_an_outage_moves_no_standing_on_and_the_ordinary_way_keeps_its_rule(
    authenticator: Authenticator, standing: Standing, store: FakeStore, clock: FakeClock
) -> None:
    good_until, store.down = standing.good_until, True
    clock.advance(AHEAD_S)
    authenticator.refresh(standing)
    wait_until(lambda: store.asked == 2)
    clock.advance(AHEAD_S)
    assert standing.good_until == good_until
    assert authenticator.standing(KEY) is None
    assert authenticator.authenticate(KEY) == ACME


def test_one_question_ahead_at_a_time_however_many_are_poking(clock: FakeClock) -> None:
    go = threading.Semaphore(1)

    class SlowStore(FakeStore):
        def find_digest(self, public_id: str, digest: str) -> Principal | None:
            assert go.acquire(timeout=10)
            return super().find_digest(public_id, digest)

    store = SlowStore()
    authenticator = Authenticator(store, Settings(), clock)
    authenticator.authenticate(KEY)
    standing = authenticator.standing(KEY)
    assert standing is not None
    clock.advance(AHEAD_S)
    for _ in range(50):
        authenticator.refresh(standing)
        clock.advance(0.9 * POKE_S)
    go.release()
    wait_until(lambda: standing.good_until > 1001)
    assert store.asked == 2


def test_nobody_is_asked_ahead_when_somebody_has_asked_since(clock: FakeClock) -> None:
    other, go = "leo-other-secret", threading.Event()

    class SlowForOne(FakeStore):
        def find_digest(self, public_id: str, digest: str) -> Principal | None:
            assert digest != key_digest(other) or self.asked == 0 or go.wait(10)
            return super().find_digest(public_id, digest)

    store = SlowForOne({KEY: ACME, other: ACME})
    authenticator = Authenticator(store, Settings(), clock)
    standings = []
    for key in (other, KEY):
        authenticator.authenticate(key)
        standings.append(authenticator.standing(key))
    clock.advance(AHEAD_S)
    for standing in standings:
        assert standing is not None
        authenticator.refresh(standing)
    clock.advance(AHEAD_S)
    assert authenticator.authenticate(KEY) == ACME
    go.set()
    wait_until(lambda: not authenticator._errands._waiting and authenticator._errands._doing is None)
    assert store.asked == 4


def test_the_age_of_a_standing_counts_from_before_the_question(clock: FakeClock) -> None:
    class LateStore(FakeStore):
        def find_digest(self, public_id: str, digest: str) -> Principal | None:
            found = super().find_digest(public_id, digest)
            clock.advance(0.4)
            return found

    authenticator = Authenticator(LateStore(), Settings(), clock)
    authenticator.authenticate(KEY)
    standing = authenticator.standing(KEY)
    assert standing is not None
    assert standing.good_until == 1001.0


def test_a_standing_shows_no_plaintext(authenticator: Authenticator, standing: Standing) -> None:
    assert KEY not in repr(standing)
    assert KEY not in repr(vars(authenticator))


def test_what_nobody_keeps_is_forgotten(authenticator: Authenticator, standing: Standing) -> None:
    assert len(authenticator._standings) == 1
    for number in range(100):
        authenticator.authenticate(f"leo-x{number}-guess")
        authenticator.standing(f"leo-x{number}-guess")
    assert len(authenticator._standings) == 1
