"""The official JavaScript client, with nothing set but its base URL and its headers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import KEY, GatewayProcesses, SimulatedUpstream

NODE = Path(__file__).parent / "node"
INSTALL_S, RUN_S = 300, 120  # only bound a hang


@pytest.fixture(scope="module")
def told(gateway: GatewayProcesses, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script said."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        if os.environ.get("CI"):
            pytest.fail("CI runs the JavaScript client's tests, and node or npm is missing here.")
        pytest.skip("node and npm are not installed here; CI runs these tests.")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(NODE, folder, ignore=shutil.ignore_patterns("node_modules"))
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, INSTALL_S)
    said = _run([node, "client.mjs", gateway.base_url, KEY, f"A question of {folder}"], folder, RUN_S)
    found: dict[str, Any] = json.loads(said)
    return found


def _run(command: list[str], folder: Path, timeout: float) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_a_repeated_request_is_a_hit_with_a_fresh_id(told: dict[str, Any]) -> None:
    first, again = told["first"], told["again"]
    assert (first["cache"], again["cache"]) == ("miss", "exact")
    assert (first["hit"], again["hit"]) == (False, True)
    assert first["content"] == again["content"] != ""
    assert first["id"] != again["id"]
    assert first["requestId"] != again["requestId"]
    assert first["requestId"].startswith("req_")


def test_a_stream_and_a_whole_answer_say_the_same(told: dict[str, Any]) -> None:
    assert told["streamedHit"] == {"said": told["first"]["content"], "usage": told["first"]["usage"]}
    whole = told["wholeAfterStream"]
    assert whole["cache"] == "exact"
    assert told["streamedMiss"] == {"said": whole["content"], "usage": whole["usage"]}


def test_tools_embeddings_and_models_work(told: dict[str, Any]) -> None:
    assert told["tool"] == "look_up"
    assert told["vectors"] == [8, 8]
    assert "gpt-4o-mini" in told["models"]


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        ("badRequest", {"kind": "BadRequestError", "status": 400, "code": "invalid_type", "param": "temperature"}),
        ("wrongKey", {"kind": "AuthenticationError", "status": 401, "code": "invalid_api_key", "param": None}),
        ("unknownModel", {"kind": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}),
        ("rateLimit", {"kind": "RateLimitError", "status": 429, "code": "simulated_error", "param": None}),
        ("upstreamDown", {"kind": "InternalServerError", "status": 503, "code": "simulated_error", "param": None}),
    ],
)
def test_an_error_is_the_clients_own_class(told: dict[str, Any], error: str, wanted: dict[str, Any]) -> None:
    assert told["errors"][error] == wanted


def test_a_stream_that_breaks_off_is_an_error(told: dict[str, Any]) -> None:
    assert told["errors"]["brokenStream"]["code"] == "interrupted"


def test_the_providers_key_beside_the_gateways_went_nowhere(
    told: dict[str, Any], gateway: GatewayProcesses, upstream: SimulatedUpstream
) -> None:
    assert told["first"]
    assert all("sk-provider-key" not in str(call["headers"]) for call in upstream.last())
    assert "sk-provider-key" not in gateway.log
