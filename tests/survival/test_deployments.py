"""The other ways to run it: on PostgreSQL, with keys of its own, in open mode, and with settings that are wrong."""

from __future__ import annotations

import json

import pytest

from tests.support.gateway import KEY, GatewayProcesses, SimulatedUpstream, chat
from tests.support.postgres import create_database
from tests.support.waiting import wait_until


def test_the_whole_gateway_runs_on_postgresql(postgres_url: str) -> None:
    url = create_database(postgres_url)
    with SimulatedUpstream() as upstream, GatewayProcesses(upstream.base_url, LEO_DATABASE_URL=url) as gateway:
        assert [gateway.ask(chat("on postgres")).headers["x-leo-cache"] for _ in range(2)] == ["miss", "exact"]
        found = wait_until(lambda: _settled(gateway, 2), 30, "the ledger being written")
        assert (found["cache_hits"], found["cache_hit_rate"], found["upstream_calls"]) == (1, 0.5, 1)
        assert found["cost_saved"] is None, "a price that is not known is not 0"


def _settled(gateway: GatewayProcesses, requests: int) -> dict[str, object] | None:
    found: dict[str, object] = json.loads(gateway.get("/v1/analytics").data)["optimization_metrics"]
    return found if found["total_requests"] == requests else None


def test_the_first_start_makes_a_key_that_can_be_revoked() -> None:
    with GatewayProcesses(LEO_API_KEY="") as gateway:
        key = (gateway.home / "first-key").read_text().strip()
        assert (gateway.home / "first-key").stat().st_mode & 0o077 == 0
        assert key not in gateway.log
        assert gateway.ask(chat("hello"), key=key).status == 200
        assert gateway.ask(chat("hello"), key=KEY).status == 401
        other = gateway.leo("keys", "create", "--tenant", "other").stdout.strip()
        # Another tenant asks the same: nothing crosses.
        assert gateway.ask(chat("hello"), key=other).headers["x-leo-cache"] == "miss"
        public_id = key.split("-")[1]
        assert gateway.leo("keys", "revoke", public_id).returncode == 0
        wait_until(lambda: gateway.ask(chat("hello"), key=key).status == 401, 5, "the key being refused")
        assert "revoked" in gateway.leo("keys", "list").stdout
        assert gateway.leo("doctor").returncode == 0


def test_open_mode_needs_no_key() -> None:
    with GatewayProcesses(LEO_API_KEY="", LEO_OPEN="yes") as gateway:
        assert gateway.ask(chat("hello"), key="").status == 200


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LEO_PROT": "8000"}, "Did you mean LEO_PORT?"),
        ({"LEO_PORT": "many"}, "LEO_PORT"),
        ({"LEO_OPEN": "yes"}, "only one of them"),
        ({"LEO_MODELS_FILE": "missing.yaml"}, "missing.yaml"),
        ({"LEO_BROKER_URL": "redis+cluster://h"}, "LEO_BROKER_URL"),
    ],
    ids=lambda value: next(iter(value.items())) if isinstance(value, dict) else None,
)
def test_a_setting_that_is_wrong_stops_the_start_and_says_why(settings: dict[str, str], said: str) -> None:
    gateway = GatewayProcesses(**settings)
    ended = gateway.leo("up")
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_leo_up_on_the_same_home_or_port_is_refused_before_it_can_do_harm() -> None:
    with GatewayProcesses() as gateway:
        same_home = gateway.leo("up")
        assert same_home.returncode == 1
        assert "another `leo up`" in same_home.stderr
        other = GatewayProcesses(LEO_PORT=str(gateway.port)).leo("up")
        assert other.returncode == 1
        assert "LEO_PORT" in other.stderr
        assert gateway.ask(chat("still here")).status == 200
