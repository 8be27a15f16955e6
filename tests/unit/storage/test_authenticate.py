from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline import errors
from pipeline.settings import Settings
from pipeline.storage import authenticate
from pipeline.storage.authenticate import Authenticator
from pipeline.storage.key_format import Principal, public_id_of
from tests.support.clock import FakeClock

KEY = "leo-aabbccddeeff-secret-with-dashes_and_more"
ACME = Principal(tenant="acme", key_id="aabbccddeeff", is_admin=False, bring_own_key=True)


class FakeStore:
    """A key store that can go down and counts its questions."""

    def __init__(self, known: dict[str, Principal] | None = None) -> None:
        self.known = known if known is not None else {KEY: ACME}
        self.asked = 0
        self.down = False

    def find(self, plaintext: str) -> Principal | None:
        self.asked += 1
        if self.down:
            raise errors.StoreUnavailable("down")
        return self.known.get(plaintext)


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
        def find(self, plaintext: str) -> Principal | None:
            entered.set()
            assert go.wait(10)
            return super().find(plaintext)

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
