"""Migrations, gateway keys and switches on real databases."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, delete, event, insert, inspect, text

from pipeline import errors
from pipeline.settings import Settings
from pipeline.storage import vectors
from pipeline.storage.engine import create_engine, writing
from pipeline.storage.keys import Authenticator, KeyStore
from pipeline.storage.migrate import HEAD, SchemaError, current_revision, is_current, upgrade
from pipeline.storage.switches import AHEAD_S, FRESH_S, IMPLEMENTED, ON_REQUEST, RETRY_S, STRATEGIES, Switchboard
from pipeline.storage.tables import Base, SemanticEntry, SemanticOperation
from tests.support.clock import FakeClock
from tests.support.postgres import create_database, database_down, drop_database
from tests.support.waiting import wait_until


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that was never migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server = request.getfixturevalue("postgres_url")
    url = create_database(server)
    yield url
    drop_database(server, url)


@pytest.fixture
def keys(engine: Engine) -> KeyStore:
    store = KeyStore(engine)
    store.ensure_tenant("acme", "ACME")
    return store


# --- migrations ---


def test_the_models_and_the_migrations_agree(engine: Engine) -> None:
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": vectors.of_the_models}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


BLANKS = {str: "", bytes: b"", float: 0.0, int: 0}


@pytest.mark.parametrize(("table", "number"), [(SemanticEntry, "seq"), (SemanticOperation, "id")])
def test_the_numbers_of_the_semantic_cache_are_never_used_twice(engine: Engine, table: type[Base], number: str) -> None:
    columns = table.__table__.columns
    blank = {column.name: BLANKS[column.type.python_type] for column in columns if not column.primary_key}
    given = []
    for _ in range(3):
        with writing(engine) as connection:
            given.append(connection.execute(insert(table).values(blank).returning(columns[number])).scalar_one())
            connection.execute(delete(table))
    assert given == [1, 2, 3]


def test_a_stored_answer_has_its_id_to_itself(engine: Engine) -> None:
    with engine.connect() as connection:
        found = inspect(connection).get_unique_constraints("semantic_entries")
    assert [(each["name"], each["column_names"]) for each in found] == [("uq_semantic_entries_id", ["id"])]


def test_an_upgrade_is_done_once(empty_url: str) -> None:
    assert (current_revision(empty_url), is_current(empty_url)) == (None, False)
    assert upgrade(empty_url)
    assert not upgrade(empty_url)
    assert (current_revision(empty_url), is_current(empty_url)) == (HEAD, True)


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    code = f"from pipeline.storage.migrate import upgrade; print(upgrade({empty_url!r}))"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    said = [process.communicate(timeout=120) for process in started]
    assert sorted(out.strip() for out, _ in said) == ["False"] * 5 + ["True"], said


def test_a_database_of_a_newer_version_is_refused(database_url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="9999"):
        upgrade(database_url)
    assert not is_current(database_url)


def test_a_database_that_is_down_is_unavailable_to_the_migration() -> None:
    with pytest.raises(errors.StoreUnavailable):
        upgrade("postgresql://nobody@127.0.0.1:1/leo")


# --- keys ---


def test_a_new_key_lets_in_its_tenant(keys: KeyStore) -> None:
    public_id, plaintext = keys.create("acme", "laptop")
    found = keys.find(plaintext)
    assert found is not None
    assert (found.tenant, found.key_id, found.is_admin, found.bring_own_key) == ("acme", public_id, False, False)


def test_an_admin_key_and_a_tenant_with_its_own_provider_key_are_told_apart(keys: KeyStore) -> None:
    keys.ensure_tenant("own", "Own", bring_own_key=True)
    found = keys.find(keys.create("own", "root", is_admin=True)[1])
    assert found is not None
    assert (found.is_admin, found.bring_own_key) == (True, True)


def test_the_plaintext_of_a_key_is_nowhere_in_the_database(keys: KeyStore, engine: Engine) -> None:
    _, plaintext = keys.create("acme", "laptop")
    secret = plaintext.split("-", 2)[2]
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(table.select()):
                assert secret not in repr(row)
                assert plaintext not in repr(row)


def test_the_plaintext_of_a_key_is_not_in_the_files_of_an_sqlite_database(sqlite_url: str, tmp_path: Path) -> None:
    engine = create_engine(sqlite_url)
    store = KeyStore(engine)
    store.ensure_tenant("acme", "ACME")
    public_id, plaintext = store.create("acme", "laptop")
    written = b"".join(path.read_bytes() for path in tmp_path.glob("leo.db*"))
    engine.dispose()
    assert public_id.encode() in written
    assert plaintext.split("-", 2)[2].encode() not in written


@pytest.mark.parametrize(
    "change", [lambda key: key + "x", lambda key: key[:-1], str.upper, lambda key: f"leo-{'0' * 12}-{key[17:]}"]
)
def test_a_key_that_is_a_little_wrong_is_wrong(keys: KeyStore, change: object) -> None:
    _, plaintext = keys.create("acme", "laptop")
    assert callable(change)
    assert keys.find(change(plaintext)) is None


def test_a_revoked_key_is_refused_within_the_second(keys: KeyStore) -> None:
    clock = FakeClock()
    authenticator = Authenticator(keys, Settings(), clock)
    public_id, plaintext = keys.create("acme", "laptop")
    assert authenticator.authenticate(plaintext) is not None
    assert keys.revoke(public_id)
    clock.advance(1.0)
    assert authenticator.authenticate(plaintext) is None
    assert not keys.revoke(public_id)


def test_a_list_says_what_there_is_without_any_secret(keys: KeyStore, engine: Engine) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    store = KeyStore(engine, now=lambda: now)
    store.ensure_tenant("other", "Other")
    first, plaintext = store.create("acme", "laptop")
    store.create("other", "server", is_admin=True)
    store.revoke(first)
    listed = store.list("acme")
    assert [(key.public_id, key.name, key.created_at, key.revoked_at) for key in listed] == [(first, "laptop", now, now)]
    assert listed[0].hint == plaintext[-4:]
    assert len(store.list()) == 2


def test_a_key_for_nobody_is_not_made(keys: KeyStore) -> None:
    with pytest.raises(errors.NotFound):
        keys.create("nobody", "laptop")


def test_a_tenant_that_is_there_is_left_as_it_is(keys: KeyStore) -> None:
    assert keys.ensure_tenant("new", "New")
    assert not keys.ensure_tenant("new", "Newer")
    with pytest.raises(errors.BadRequest):
        keys.ensure_tenant("", "Empty")


# --- switches ---


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def switches(engine: Engine, clock: FakeClock) -> Switchboard:
    return Switchboard(engine, clock)


def test_what_there_is_is_on_and_what_there_is_not_is_off(switches: Switchboard) -> None:
    assert {name for name in STRATEGIES if switches.enabled(name, "acme")} == IMPLEMENTED - ON_REQUEST
    state = switches.status("acme")
    assert state["adaptive_cache"] == {"enabled": True, "implemented": True, "scope": "default"}
    assert state["consensus"] == {"enabled": False, "implemented": False, "scope": "default"}
    assert tuple(state) == STRATEGIES


def test_a_tenants_own_setting_wins_over_the_global_one(switches: Switchboard) -> None:
    switches.set("adaptive_cache", False)
    switches.set("adaptive_cache", True, "acme")
    assert (switches.enabled("adaptive_cache", "acme"), switches.enabled("adaptive_cache", "other")) == (True, False)
    assert switches.status("acme")["adaptive_cache"]["scope"] == "tenant"
    assert switches.status("other")["adaptive_cache"]["scope"] == "global"
    switches.set("adaptive_cache", False, "acme")
    assert not switches.enabled("adaptive_cache", "acme")


def test_another_process_follows_within_a_second(switches: Switchboard, engine: Engine, clock: FakeClock) -> None:
    assert switches.enabled("adaptive_cache", "acme")
    Switchboard(engine, clock).set("adaptive_cache", False)
    assert switches.enabled("adaptive_cache", "acme")
    clock.advance(1.0)
    assert not switches.enabled("adaptive_cache", "acme")


def test_an_unknown_strategy_is_refused_with_the_names(switches: Switchboard) -> None:
    for ask in (lambda: switches.set("adaptive_cash", True), lambda: switches.enabled("adaptive_cash", "acme")):
        with pytest.raises(errors.BadRequest, match="request_deduplication") as caught:
            ask()
        assert caught.value.param == "strategy"


def test_a_strategy_that_is_not_there_cannot_be_switched_on_but_off(switches: Switchboard) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        switches.set("consensus", True)
    assert caught.value.code == "strategy_not_available"
    switches.set("consensus", False)
    assert not switches.enabled("consensus", "acme")


def test_an_outage_of_the_database_switches_nothing(postgres_url: str, postgres_database_url: str) -> None:
    clock, engine = FakeClock(), create_engine(postgres_database_url)
    switches = Switchboard(engine, clock)
    switches.set("adaptive_cache", False)
    assert not switches.enabled("adaptive_cache", "acme")
    with database_down(postgres_url, postgres_database_url):
        clock.advance(1)
        assert not switches.enabled("adaptive_cache", "acme")
        with pytest.raises(errors.StoreUnavailable):
            switches.set("adaptive_cache", True)
    Switchboard(engine, clock).set("adaptive_cache", True)
    clock.advance(RETRY_S)
    assert switches.enabled("adaptive_cache", "acme")
    engine.dispose()


def test_without_a_database_the_defaults_are_in_force_and_a_change_is_refused() -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/leo")
    switches = Switchboard(engine, FakeClock())
    assert switches.enabled("adaptive_cache", "acme")
    with pytest.raises(errors.StoreUnavailable):
        switches.set("adaptive_cache", False)
    engine.dispose()


# --- switches, without asking for each request ---


def test_the_version_grows_only_when_a_switch_really_changes(switches: Switchboard, clock: FakeClock) -> None:
    versions = []
    for enabled in (True, True, False, False, True):
        switches.set("adaptive_cache", enabled)
        assert switches.enabled("adaptive_cache", "acme") == enabled
        clock.advance(1)
        assert switches.enabled("adaptive_cache", "acme") == enabled
        versions.append(switches.version)
    assert versions == [1, 1, 2, 2, 3]


def test_a_local_change_is_in_force_at_once(switches: Switchboard, clock: FakeClock) -> None:
    assert switches.enabled("adaptive_cache", "acme")
    assert clock() < switches.good_until
    switches.set("adaptive_cache", False)
    assert clock() >= switches.good_until
    assert not switches.enabled("adaptive_cache", "acme")
    assert clock() < switches.good_until


def test_a_local_change_is_in_force_at_once_even_while_an_older_reading_is_on_its_way(
    switches: Switchboard, engine: Engine, clock: FakeClock
) -> None:
    has_read, go_on = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        if threading.current_thread().name == "switches-ahead" and not has_read.is_set():
            has_read.set()
            assert go_on.wait(10)

    assert switches.enabled("adaptive_cache", "acme")
    clock.advance(AHEAD_S)
    event.listen(engine, "checkin", hold)  # it has its rows by then
    switches.refresh()
    assert has_read.wait(10)
    switches.set("adaptive_cache", False)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(switches.enabled, "adaptive_cache", "acme")
        go_on.set()
        assert not answer.result(10)
    wait_until(lambda: switches._errands._doing is None)
    assert not switches.enabled("adaptive_cache", "acme")


def test_what_is_asked_for_all_the_time_never_lapses(switches: Switchboard, clock: FakeClock) -> None:
    switches.enabled("adaptive_cache", "acme")
    for _ in range(10):
        clock.advance(AHEAD_S)
        switches.refresh()
        wait_until(lambda: switches.good_until == clock() + FRESH_S)
    assert switches.version == 0


def test_a_change_elsewhere_shows_ahead_as_a_new_version(switches: Switchboard, engine: Engine, clock: FakeClock) -> None:
    switches.enabled("adaptive_cache", "acme")
    Switchboard(engine, clock).set("adaptive_cache", False)
    switches.refresh()
    assert switches._errands._alive is False
    clock.advance(AHEAD_S)
    switches.refresh()
    wait_until(lambda: switches.version == 1)
    assert not switches.enabled("adaptive_cache", "acme")


def test_an_outage_that_is_met_ahead_switches_nothing(postgres_url: str, postgres_database_url: str) -> None:
    clock, engine = FakeClock(), create_engine(postgres_database_url)
    switches = Switchboard(engine, clock)
    switches.set("adaptive_cache", False)
    assert not switches.enabled("adaptive_cache", "acme")
    with database_down(postgres_url, postgres_database_url):
        clock.advance(AHEAD_S)
        switches.refresh()
        wait_until(lambda: switches.good_until == clock() + RETRY_S)
        assert not switches.enabled("adaptive_cache", "acme")
        assert switches.version == 1
    engine.dispose()


def test_a_revoked_key_loses_its_standing_ahead(keys: KeyStore) -> None:
    clock = FakeClock()
    authenticator = Authenticator(keys, Settings(), clock)
    public_id, plaintext = keys.create("acme", "laptop")
    authenticator.authenticate(plaintext)
    standing = authenticator.standing(plaintext)
    assert standing is not None
    clock.advance(AHEAD_S)
    authenticator.refresh(standing)
    wait_until(lambda: standing.good_until == clock() + FRESH_S)
    assert keys.revoke(public_id)
    clock.advance(AHEAD_S)
    authenticator.refresh(standing)
    wait_until(lambda: standing.good_until == 0)
