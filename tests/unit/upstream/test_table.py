from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import BadRequest, NotFound
from pipeline.settings import Settings
from pipeline.upstream.table import TableError, load_table
from tests.unit.upstream.support import KEY, table

GOOD = """
upstreams:
  openai: {base_url: "https://api.openai.com/v1/", api_key_env: OPENAI_API_KEY, connect_timeout_s: 2, max_concurrency: 200}
  ollama: {base_url: "http://127.0.0.1:11434/v1"}
models:
  mini:
    upstream: openai
    upstream_model: mini-2024
    price: {input: 0.15, cached_input: 0.075, output: 0.60}
    context_window: 128000
    max_output_tokens: 16384
    fallbacks: [local, other]
  local: {upstream: ollama, fallbacks: [other], stream_usage: false}
  other: {upstream: ollama}
"""
ENVIRON = {"OPENAI_API_KEY": KEY}


def test_a_model_is_found_with_its_name_there_its_price_and_its_limits(tmp_path: Path) -> None:
    route = table(tmp_path, GOOD, environ=ENVIRON).current.resolve("mini")
    assert (route.upstream, route.base_url, route.model_there) == ("openai", "https://api.openai.com/v1", "mini-2024")
    assert route.price is not None
    assert (route.price.input, route.price.cached_input, route.price.output) == (150_000, 75_000, 600_000)
    assert (route.context_window, route.max_output_tokens, route.stream_usage) == (128000, 16384, True)
    assert route.api_key.reveal() == KEY
    assert route.provider.max_concurrency == 200


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_more_tokens_than_a_model_gives_are_refused_by_name(tmp_path: Path, name: str) -> None:
    route = table(tmp_path, GOOD, environ=ENVIRON).current.resolve("mini")
    route.check({name: 16384})
    with pytest.raises(BadRequest) as caught:
        route.check({name: 16385})
    assert caught.value.param == name
    table(tmp_path, GOOD, environ=ENVIRON).current.resolve("local").check({name: 10**9})


def test_no_repr_of_the_table_shows_a_key(tmp_path: Path) -> None:
    route = table(tmp_path, GOOD, environ=ENVIRON).current.resolve("mini")
    for shown in (repr(route), str(route.api_key), f"{route.api_key}", f"{route.api_key:>9}", repr(route.provider)):
        assert KEY not in shown


def test_fallbacks_are_followed_once_each_in_order(tmp_path: Path) -> None:
    chain = table(tmp_path, GOOD, environ=ENVIRON).current.chain("mini")
    assert [route.model for route in chain] == ["mini", "local", "other"]


def test_an_unknown_model_without_a_default_upstream_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        table(tmp_path, GOOD, environ=ENVIRON).current.resolve("gpt-9")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_an_unknown_model_goes_to_the_default_upstream_under_its_own_name(tmp_path: Path) -> None:
    held = table(tmp_path, GOOD + "default_upstream: ollama\n", Settings(openai_base_url="http://elsewhere/v1"), ENVIRON)
    route = held.current.resolve("gpt-9")
    assert (route.upstream, route.model_there, route.price) == ("ollama", "gpt-9", None)


def test_the_settings_give_the_default_upstream_when_the_file_names_none(tmp_path: Path) -> None:
    route = table(tmp_path, GOOD, Settings(openai_api_key=KEY), {}).current.resolve("gpt-9")
    assert (route.upstream, route.base_url) == ("openai-default", "https://api.openai.com/v1")


def test_without_a_file_the_settings_name_the_only_upstream() -> None:
    loaded = load_table(None, Settings(openai_api_key=KEY), {})
    route = loaded.resolve("anything")
    assert (route.upstream, route.base_url, loaded.simulated, loaded.names()) == (
        "openai",
        "https://api.openai.com/v1",
        False,
        [],
    )


def test_without_a_file_and_without_an_upstream_the_simulator_answers(tmp_path: Path) -> None:
    loaded = load_table(tmp_path / "missing.yaml", Settings(), {})
    assert loaded.simulated
    assert loaded.resolve("anything").simulated
    assert table(tmp_path, "").current.simulated


def test_a_model_may_be_given_to_the_simulator(tmp_path: Path) -> None:
    current = table(tmp_path, "models: {toy: {upstream: simulator}}").current
    assert current.resolve("toy").simulated
    assert not current.simulated


def test_a_models_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="LEO_MODELS_FILE"):
        load_table(tmp_path / "missing.yaml", Settings(models_file="missing.yaml"), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upstream: {}", "Did you mean 'upstreams'"),
        ("models: [", "not valid YAML"),
        ("- a", "top level"),
        ("models: {a: {upstream: simulator}, a: {upstream: simulator}}", "named twice"),
        ("models: {a: {upstream: nobody}}", r"models\.a\.upstream: there is no upstream 'nobody'"),
        ("models: {a: {upstream: simulater}}", "Did you mean 'simulator'"),
        ("models: {a: {upstream: simulator, prize: 1}}", r"models\.a: .*`prize`.*Did you mean 'price'"),
        ("models: {a: {upstream: simulator, price: {input: 1}}}", r"models\.a\.price: .*output"),
        ("models: {a: {upstream: simulator, price: {input: -1, output: 1}}}", r"models\.a\.price\.input: -1 is not a price"),
        ("models: {a: {upstream: simulator, price: {input: .nan, output: 1}}}", "is not a price"),
        ("models: {a: {upstream: simulator, price: {input: .inf, output: 1}}}", "is not a price"),
        ("models: {a: {upstream: simulator, price: {input: 0.0000001, output: 1}}}", "six decimals"),
        ("models: {a: {upstream: simulator, price: {input: cheap, output: 1}}}", "is not a price"),
        ("models: {a: {upstream: simulator, context_window: 0}}", r"models\.a\.context_window"),
        ("models: {a: {upstream: simulator, fallbacks: [b]}}", "there is no model 'b'"),
        ("models: {a: {upstream: simulator, fallbacks: [a]}}", "in a circle: a -> a"),
        (
            "models: {a: {upstream: simulator, fallbacks: [b]}, b: {upstream: simulator, fallbacks: [a]}}",
            "in a circle: a -> b -> a",
        ),
        ("default_upstream: nobody", "default_upstream: there is no upstream"),
        ("upstreams: {simulator: {base_url: 'http://x'}}", "name is taken"),
        ("upstreams: {a: {base_url: 'ftp://x'}}", "http:// or https://"),
        ("upstreams: {a: {base_url: 'https:///v1'}}", "names no host"),
        ("upstreams: {a: {base_url: 'https://me:pw@x/v1'}}", "holds credentials"),
        ("upstreams: {a: {base_url: 'https://x/v1?key=1'}}", "query"),
        ("upstreams: {a: {base_url: 'https://x:99999/v1'}}", "not a URL"),
        ("upstreams: {a: {base_url: 'https://x/a b'}}", "percent-encoded"),
        (
            "upstreams: {a: {base_url: 'http://x', api_key_env: A_KEY}, b: {base_url: 'http://x', api_key_env: B_KEY}}",
            "A_KEY, B_KEY",
        ),
    ],
)
def test_a_bad_table_is_refused_with_the_place_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TableError, match=said) as caught:
        table(tmp_path, text)
    assert str(tmp_path / "models.yaml") in str(caught.value)


def test_a_refused_url_is_not_repeated_for_it_may_hold_a_password(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        table(tmp_path, "upstreams: {a: {base_url: 'https://me:hunter2@x/v1'}}")
    assert "hunter2" not in str(caught.value)


def test_a_bad_url_in_the_environment_is_named_by_its_variable() -> None:
    with pytest.raises(TableError, match="OPENAI_BASE_URL"):
        load_table(None, Settings(openai_base_url="api.openai.com"), {})


def test_reload_takes_a_good_file_and_keeps_the_old_table_when_the_new_one_is_bad(tmp_path: Path) -> None:
    held = table(tmp_path, "models: {a: {upstream: simulator}}")
    (tmp_path / "models.yaml").write_text("models: {b: {upstream: simulator}}")
    held.reload()
    assert held.current.names() == ["b"]
    (tmp_path / "models.yaml").write_text("models: nonsense")
    with pytest.raises(TableError):
        held.reload()
    assert held.current.names() == ["b"]
