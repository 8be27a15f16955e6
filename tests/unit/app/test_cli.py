"""`leo keys` and `leo doctor`: what people are told, and what they are not."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result

from app.cli import main
from pipeline.gateway import Gateway
from pipeline.settings import Settings
from tests.support.ports import free_port

Leo = Callable[..., Result]


@pytest.fixture
def leo(tmp_path: Path) -> Leo:
    """Runs a command with a home of its own and none of this machine's settings."""
    ours = {name: None for name in os.environ if name.startswith(("LEO_", "OPENAI_", "REDIS_"))}

    def run(*args: str, **environ: str) -> Result:
        with contextlib.chdir(tmp_path):  # away from this checkout's .env
            return CliRunner().invoke(
                main, args, env={**ours, "LEO_HOME": str(tmp_path), "LEO_PORT": str(free_port()), **environ}
            )

    return run


def made_key(leo: Leo, *args: str) -> tuple[str, str]:
    """A new key and its public id."""
    result = leo("keys", "create", *args)
    assert result.exit_code == 0, result.output
    plaintext = result.stdout.strip()
    return plaintext, plaintext.split("-")[1]


def test_a_key_that_was_made_lets_in_and_is_shown_once(leo: Leo, tmp_path: Path) -> None:
    plaintext, public_id = made_key(leo, "--tenant", "acme", "--name", "laptop")
    gateway = Gateway(Settings(home=str(tmp_path)), role="cli")
    principal = gateway.authenticator.authenticate(plaintext)
    gateway.engine.dispose()
    assert principal is not None
    assert (principal.tenant, principal.is_admin) == ("acme", False)
    listed = leo("keys", "list").stdout
    assert re.search(rf"{public_id} +acme +caller +active .*laptop", listed)
    assert plaintext not in listed
    assert plaintext.encode() not in (tmp_path / "leo.db").read_bytes()


def test_a_revoked_key_is_refused_and_listed_as_revoked(leo: Leo, tmp_path: Path) -> None:
    plaintext, public_id = made_key(leo, "--admin")
    assert leo("keys", "revoke", public_id).exit_code == 0
    gateway = Gateway(Settings(home=str(tmp_path)), role="cli")
    assert gateway.authenticator.authenticate(plaintext) is None
    gateway.engine.dispose()
    assert re.search(rf"{public_id} .*admin +revoked", leo("keys", "list").stdout)
    again = leo("keys", "revoke", public_id)
    assert (again.exit_code, public_id in again.stderr) == (1, True)


def test_keys_can_be_listed_by_tenant(leo: Leo) -> None:
    ours, theirs = made_key(leo, "--tenant", "acme")[1], made_key(leo, "--tenant", "globex")[1]
    listed = leo("keys", "list", "--tenant", "acme").stdout
    assert ours in listed
    assert theirs not in listed
    assert "no keys yet" in leo("keys", "list", "--tenant", "nobody").stderr


def test_a_wrong_setting_ends_a_command_with_one_sentence(leo: Leo) -> None:
    result = leo("doctor", LEO_PROT="1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: LEO_PROT is not a setting")
    assert "Traceback" not in result.output


# --- leo doctor ---


def test_the_doctor_finds_nothing_wrong_with_a_good_environment(
    leo: Leo, redis_url: str, redis_client: redis.Redis, sqlite_url: str
) -> None:
    result = leo("doctor", LEO_REDIS_URL=redis_url, LEO_DATABASE_URL=sqlite_url, LEO_API_KEY="long-enough-to-be-a-key")
    assert "BAD" not in result.output, result.output
    assert result.exit_code == 0
    for found in ("Redis answers", "broker answers", "SQLite database", "model table", "is free", "the queue is empty"):
        assert found in result.output


def test_the_doctor_names_what_is_wrong_and_what_to_do(leo: Leo) -> None:
    result = leo("doctor", LEO_API_KEY="short")
    assert result.exit_code == 1
    assert "leo db upgrade" in result.output
    assert "short enough to be guessed" in result.output
    assert "simulator" in result.output


def test_the_doctor_gives_no_password_away(leo: Leo) -> None:
    port = free_port()
    secrets = {
        "LEO_REDIS_URL": f"redis://:pass-one@127.0.0.1:{port}/0",
        "LEO_DATABASE_URL": f"postgresql+psycopg://u:pass-two@127.0.0.1:{port}/d",
        "LEO_API_KEY": "pass-three-which-is-long",
        "OPENAI_API_KEY": "pass-four",
    }
    result = leo("doctor", **secrets)
    assert result.exit_code == 1
    assert "BAD" in result.output
    assert "pass-" not in result.output


def test_the_doctor_looks_at_a_port_that_is_taken(leo: Leo, redis_url: str) -> None:
    port = redis_url.rpartition(":")[2].partition("/")[0]
    result = leo("doctor", LEO_PORT=port)
    assert result.exit_code == 1
    assert re.search(r"BAD +(port|the check of port)", result.output)
