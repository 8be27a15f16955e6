from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from pipeline import errors
from pipeline.storage.engine import create_engine, parse_url, reading, storage_errors, writing


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg2://u:p@h/d"])
def test_postgres_is_always_spoken_to_through_psycopg_3(url: str) -> None:
    assert parse_url(url).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["mysql://root:hunter2@h/d", "no url with hunter2 at all", "sqlite://", "sqlite:///:memory:"])
def test_a_database_that_cannot_be_used_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        create_engine(url)
    assert "hunter2" not in str(caught.value)


def test_an_sqlite_database_is_ready_for_several_processes(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/new/home/leo.db")
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 5000}


def test_the_folder_of_the_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    create_engine(f"sqlite:///{tmp_path}/home/leo.db").dispose()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_database_that_is_down_is_unavailable_and_the_message_has_no_secret() -> None:
    engine = create_engine("postgresql://someone:hunter2@127.0.0.1:1/leo")
    with pytest.raises(errors.StoreUnavailable) as caught, reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert not any(word in caught.value.message for word in ("hunter2", "someone", "127.0.0.1"))
    assert caught.value.retry_after is not None


def test_the_decorator_form_maps_an_outage_too() -> None:
    @storage_errors()
    def ask() -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    with pytest.raises(errors.StoreUnavailable):
        ask()


def test_our_own_mistakes_are_not_called_an_outage() -> None:
    with pytest.raises(ProgrammingError), storage_errors():
        raise ProgrammingError("SELEKT 1", {}, Exception("syntax"))


def test_a_transaction_that_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/leo.db")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        assert connection.execute(text("INSERT INTO t VALUES (1)")).rowcount / 0
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0
    engine.dispose()


def test_an_impatient_writer_waits_its_own_time_and_the_connection_forgets_it(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/leo.db")
    with writing(engine, wait_s=0.001):
        other = create_engine(f"sqlite:///{tmp_path}/leo.db")
        with pytest.raises(errors.StoreUnavailable), writing(other, wait_s=0.01):
            pytest.fail("two transactions write at once")
        with other.connect() as connection:
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 5000
        other.dispose()
    engine.dispose()
