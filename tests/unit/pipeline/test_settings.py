"""A setting that cannot work stops the start, with a message that names it and gives no secret away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection

from pipeline.settings import LOG_LEVELS, SHORTEST_SECRET, Settings, SettingsError, load_settings, variable_name
from tests.support.redis_server import RedisServer

FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="leo-") as folder:
        yield Path(folder)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return str(refused.value)


# --- names ---


@pytest.mark.parametrize(
    ("wrong", "meant"), [("LEO_REDIS_ULR", "LEO_REDIS_URL"), ("LEO_DEADLINE", "LEO_DEADLINE_S"), ("LEO_APIKEY", "LEO_API_KEY")]
)
def test_an_unknown_setting_stops_the_start_with_a_hint(wrong: str, meant: str) -> None:
    message = refusal(**{wrong: "1"})
    assert wrong in message
    assert meant in message


def test_a_name_like_no_other_is_told_where_the_settings_stand() -> None:
    assert ".env.example" in refusal(LEO_XYZZY="1")


def test_what_is_not_ours_is_left_alone() -> None:
    assert load_settings({"PATH": "/bin", "OPENAI_ORG": "x", "REDIS_URL": "redis://other"}) == Settings()


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"LEO_PORT": "", "LEO_XYZZY": ""}) == Settings()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_set_by_its_variable(name: str) -> None:
    default = FIELDS[name].default
    text = str(default) if default != "" else "x" * SHORTEST_SECRET
    found = load_settings({variable_name(name): text})
    assert getattr(found, name) == (default if default != "" else text)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LEO_PORT=1111\nLEO_HOST=0.0.0.0\nOPENAI_API_KEY='sk-from-file'\n")
    found = load_settings({"LEO_PORT": "2222"}, file)
    assert (found.port, found.host, found.openai_api_key) == (2222, "0.0.0.0", "sk-from-file")


def test_a_file_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path / ".env") == Settings()


# --- values ---


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "YES", "on"])
def test_ways_to_say_yes(text: str) -> None:
    assert load_settings({"LEO_OPEN": text}).open is True


@pytest.mark.parametrize("text", ["false", "False", "0", "no", "NO", "off"])
def test_ways_to_say_no(text: str) -> None:
    assert load_settings({"LEO_OPEN": text}).open is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEO_PORT", "0"),
        ("LEO_PORT", "65536"),
        ("LEO_PORT", "http"),
        ("LEO_OPEN", "maybe"),
        ("LEO_MAX_QUEUE", "0"),
        ("LEO_MAX_WAITING", "1.5"),
        ("LEO_LEASE_S", "-1"),
        ("LEO_LEASE_S", "nan"),
        ("LEO_DEADLINE_S", "inf"),
        ("LEO_SIM_ERROR_RATE", "1.1"),
        ("LEO_SIM_ERROR_STATUS", "200"),
        ("LEO_CACHE_SCOPE", "world"),
        ("LEO_SEMANTIC_INDEX", "disk"),
        ("LEO_LOG_LEVEL", "chatty"),
        ("LEO_BROKER_URL", "redis+cluster://h:6379/0"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str) -> None:
    assert name in refusal(**{name: value})


@pytest.mark.parametrize("level", [*LOG_LEVELS, "info"])
def test_levels_of_the_log_are_known_in_either_case(level: str) -> None:
    assert load_settings({"LEO_LOG_LEVEL": level}).log_level == level


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"LEO_HEARTBEAT_S": "2", "LEO_LEASE_S": "3"}, {"LEO_HEARTBEAT_S", "LEO_LEASE_S"}),
        ({"LEO_DEADLINE_S": "700", "LEO_MAX_DEADLINE_S": "600"}, {"LEO_DEADLINE_S", "LEO_MAX_DEADLINE_S"}),
        ({"LEO_OPEN": "yes", "LEO_API_KEY": "a-long-secret"}, {"LEO_OPEN", "LEO_API_KEY"}),
        ({"LEO_SEMANTIC_INDEX": "pgvector"}, {"LEO_SEMANTIC_INDEX", "LEO_DATABASE_URL"}),
    ],
)
def test_settings_that_contradict_each_other_are_both_named(settings: dict[str, str], named: set[str]) -> None:
    message = refusal(**settings)
    assert all(name in message for name in named)


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40), st.sampled_from(["no", "port", "level"])
)
def test_a_secret_never_stands_in_a_message(secret: str, fault: str) -> None:
    wrong = {"no": {"LEO_NOPE": secret}, "port": {"LEO_PORT": "x"}, "level": {"LEO_OPEN": "true"}}[fault]
    secrets = {"LEO_API_KEY": secret, "LEO_ADMIN_KEY": secret, "OPENAI_API_KEY": secret}
    urls = {"LEO_REDIS_URL": f"redis://:{secret}@h", "LEO_DATABASE_URL": f"postgresql://u:{secret}@h/d"}
    assert secret not in refusal(**secrets, **urls, **wrong).replace(" ", "\n")


# --- where Redis is ---


def test_the_original_projects_redis_variables_work() -> None:
    assert load_settings({"REDIS_HOST": "cache"}).redis == "redis://cache:6379/0"
    assert load_settings({"REDIS_HOST": "cache", "REDIS_PORT": "7000"}).redis == "redis://cache:7000/0"
    assert load_settings({"REDIS_HOST": "fd00::1"}).redis == "redis://[fd00::1]:6379/0"
    assert load_settings({"REDIS_PORT": "7000"}).redis_url == ""


def test_a_redis_url_wins_over_them() -> None:
    assert load_settings({"REDIS_HOST": "cache", "REDIS_PORT": "x", "LEO_REDIS_URL": "redis://mine"}).redis == "redis://mine"


@pytest.mark.parametrize("port", ["tcp://10.0.0.7:6379", "x", "0", "70000", "-1"])
def test_a_redis_port_that_is_none_is_named(port: str) -> None:
    assert "REDIS_PORT" in refusal(REDIS_HOST="cache", REDIS_PORT=port)


def test_without_any_of_them_redis_is_a_private_one_under_home(tmp_path: Path) -> None:
    found = Settings(home=str(tmp_path))
    assert found.redis == f"unix://{tmp_path.resolve()}/redis.sock"
    assert found.broker == f"redis+socket://{tmp_path.resolve()}/redis.sock?virtual_host=1"
    assert found.database == f"sqlite:///{tmp_path.resolve()}/leo.db"


def test_a_home_too_deep_for_a_socket_is_refused() -> None:
    with pytest.raises(SettingsError, match="LEO_HOME"):
        _ = Settings(home="/" + "deep/" * 30).redis


def test_the_broker_never_shares_a_database_with_the_rest() -> None:
    assert load_settings({"LEO_REDIS_URL": "redis://h:7000/1"}).broker == "redis://h:7000/2"
    assert load_settings({"LEO_REDIS_URL": "unix:///run/r.sock?db=1"}).broker.endswith("virtual_host=2")


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("redis://h", "redis://h/1"),
        ("redis://h:7000/5", "redis://h:7000/1"),
        ("redis://u:p%40ss@h:7000/0?socket_timeout=3", "redis://u:p%40ss@h:7000/1"),
        ("redis://h/0?password=p%40ss", "redis://:p%40ss@h/1"),
        ("rediss://h:6380/0", "rediss://h:6380/1?ssl_cert_reqs=required"),
        ("rediss://h:6380/0?ssl_cert_reqs=none&health_check_interval=5", "rediss://h:6380/1?ssl_cert_reqs=none"),
        ("unix:///run/r.sock", "redis+socket:///run/r.sock?virtual_host=1"),
        ("unix:///run/r.sock?db=0&password=p%40ss", "redis+socket://:p%40ss@/run/r.sock?virtual_host=1"),
        ("unix://u:p%40ss@/run/r.sock?db=2", "redis+socket://u:p%40ss@/run/r.sock?virtual_host=1"),
    ],
)
def test_the_broker_is_database_1_of_the_same_redis(url: str, broker: str) -> None:
    found = Settings(redis_url=url)
    assert found.broker == broker
    with Connection(found.broker):  # kombu understands every part of it
        pass


def test_a_broker_of_its_own_is_taken_as_it_stands() -> None:
    assert Settings(redis_url="redis://h", broker_url="amqp://u:p@mq/v").broker == "amqp://u:p@mq/v"


PASSWORD = "p@ss/w:rd%"
QUOTED = "p%40ss%2Fw%3Ard%25"


@pytest.mark.parametrize(
    "url", ["redis://:{pw}@127.0.0.1:{port}/0", "redis://127.0.0.1:{port}/0?password={pw}", "unix://:{pw}@{socket}?db=0"]
)
def test_a_redis_with_a_password_is_reached_for_messages_too(url: str, short_tmp: Path) -> None:
    socket = short_tmp / "r.sock"
    with RedisServer(config={"unixsocket": str(socket)}) as server, server.client() as admin:
        admin.config_set("requirepass", PASSWORD)
        found = Settings(redis_url=url.format(pw=QUOTED, port=server.port, socket=socket))
        with redis.Redis.from_url(found.redis) as client:
            assert client.ping()
        with Connection(found.broker) as connection:
            connection.SimpleQueue("q").put("hello")
        with redis.Redis(port=server.port, password=PASSWORD, db=1) as client:
            assert client.llen("q") == 1
