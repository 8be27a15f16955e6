"""Procfile, docker-compose.yml and `leo up` describe the same processes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def procfile() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return {name: shlex.split(command) for name, _, command in (line.partition(":") for line in lines)}


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def test_the_procfile_and_the_compose_file_start_the_same_processes() -> None:
    ours = {name: service["command"] for name, service in compose().items() if "build" in service}
    assert ours == procfile()


def test_leo_up_starts_what_the_procfile_names() -> None:
    started = (ROOT / "app/cli/up.py").read_text()
    for name in procfile().keys() - {"release"}:
        assert f'*leo, "{name}"' in started, name


def test_only_the_gateway_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in compose().items() if "ports" in service}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert "POSTGRES_PASSWORD:?" in text
    for line in (ROOT / ".env.example").read_text().splitlines():
        name, _, value = line.partition("=")
        if name.endswith("_KEY"):
            assert value == "", name
