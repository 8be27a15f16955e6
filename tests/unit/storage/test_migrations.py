from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from pipeline.storage import migrate
from pipeline.storage.engine import create_engine, writing


def test_the_head_in_the_code_is_the_head_of_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_a_start_with_nothing_to_do_does_not_import_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/leo.db"
    migrate.upgrade(url)
    code = f"import sys; from pipeline.storage.migrate import upgrade; print(upgrade({url!r}), 'alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [
        "False",
        "False",
    ]


def test_a_path_with_a_percent_sign_is_no_trouble(tmp_path: Path) -> None:
    assert migrate.upgrade(f"sqlite:///{tmp_path}/100%/leo.db")


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/leo.db"
    engine = create_engine(url)
    with writing(engine) as connection:
        # The last table of the first migration is there already, so it fails after it has made the others.
        connection.exec_driver_sql("CREATE TABLE ledger_rollups (x INTEGER)")
    with pytest.raises(OperationalError, match="ledger_rollups"):
        migrate.upgrade(url)
    with engine.connect() as connection:
        tables = [row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    engine.dispose()
    assert tables == ["ledger_rollups"]
